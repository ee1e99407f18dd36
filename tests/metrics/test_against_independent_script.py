"""Agreement with ../shared/bench/measure.py, written by someone else: 1e-3 dB, 1e-3 stops."""

import importlib.util
import sys

import numpy as np
import pytest

from hdrrecon.metrics import score
from tests.conftest import shared

SAME = {
    "pu21_psnr": "pu_psnr",
    "pu21_ssim": "pu_ssim",
    "pu21_psnr_crf": "pu_psnr_crf",
    "pu21_ssim_crf": "pu_ssim_crf",
    "mu_psnr": "mu_psnr",
    "clipped_log_rmse": "sat_logrmse",
    "clipped_bias": "sat_bias",
    "clipped_energy": "sat_energy",
    "clipped_log_rmse_crf": "sat_crf_logrmse",
    "clipped_bias_crf": "sat_crf_bias",
    "well_log_rmse": "well_logrmse",
    "well_bias": "well_bias",
    "gain": "scale",
    "clipped_percent": "sat_pct",
    "headroom_stops": "pred_headroom_stops",
}


@pytest.fixture(scope="module")
def measure():
    path = shared("bench/measure.py")
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("independent_measure", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def compare(measure, prediction, truth, photo, clip_from):
    ours = score(prediction, truth, photo, clip_from=clip_from)
    theirs = measure.score(prediction, truth, photo, real=clip_from == "photo")
    for name, other in SAME.items():
        assert ours[name] == pytest.approx(theirs[other], abs=1e-3, nan_ok=True), name


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("clip_from", ["truth", "photo"])
def test_random_pairs(measure, seed, clip_from):
    rng = np.random.default_rng(seed)
    coarse = rng.lognormal(-1.5, 1.5, (9, 12, 3)).repeat(8, 0).repeat(8, 1)
    truth, photo = measure.simulate(coarse * rng.lognormal(0, 0.2, coarse.shape), 5 + 5 * seed, "emor", "jpg90")
    tint = np.array([0.9, 1.0, 1.2])
    prediction = 37 * tint * truth ** (0.8 + 0.2 * seed) * rng.lognormal(0, 0.3, truth.shape)
    compare(measure, prediction.astype(np.float32), truth, photo, clip_from)


def test_a_validation_view(measure):
    truth = measure.read_hdr(str(sorted(shared("data/val_views").glob("*.exr"))[4]))
    truth, photo = measure.simulate(truth, 5, "emor", "jpg90")
    for method in (measure.srgb_inv, measure.clip_boost4):
        compare(measure, method(photo), truth, photo, "truth")


def test_a_real_photo(measure):
    photo = sorted(shared("data/real").glob("*.jpg"))[0]
    truth, photo = measure.read_hdr(str(photo.with_suffix(".exr"))), measure.read_ldr(str(photo))
    compare(measure, measure.srgb_inv(photo), truth, photo, "photo")
