"""Stage 0's fit: gains that were put in are found, rounding costs little, and bands do not show."""

import io

import numpy as np
import pytest
from PIL import Image

from hdrrecon.rawcodec.fit import BaseFitter, base_light, rounded_levels
from hdrrecon.rawcodec.local_gain import grid_shape, upsample
from hdrrecon.rawcodec.model import shipped_model
from tests.rawcodec.conftest import photograph


@pytest.fixture(scope="module")
def pair():
    """(JPEG pixels, raw) of one exposure."""
    raw, jpeg = photograph(160, 224, quality=98, subsampling=0)
    return np.asarray(Image.open(io.BytesIO(jpeg))), raw


@pytest.fixture(scope="module")
def prior():
    return shipped_model().prior


def test_the_map_is_nearer_to_the_raw_than_the_mean_of_all_cameras(pair, prior):
    pixels, raw = pair
    fitter = BaseFitter(pixels, raw)
    fit = fitter.fit(prior, local=False)
    assert not fit.grid.any()
    assert fitter.distortion(fit.coefficients, None) < 0.2 * fitter.distortion(prior.mean, None)


def test_local_gains_are_found(pair, prior):
    pixels, raw = pair
    shape = grid_shape(*raw.shape[:2])
    truth = np.tile(np.linspace(-0.6, 0.6, shape[0])[:, None], (1, shape[1]))  # the scene itself rises to the right
    dimmed = np.clip(raw * np.exp2(upsample(truth, raw.shape[1], 0, raw.shape[0]))[..., None], 0, 1)
    fitter = BaseFitter(pixels, dimmed)
    alone, local = fitter.fit(prior, local=False), fitter.fit(prior)
    assert fitter.distortion(local.coefficients, local.grid) < fitter.distortion(alone.coefficients, None)
    assert np.corrcoef(local.grid.ravel(), truth.ravel())[0, 1] > 0.9


def test_rounding_costs_less_the_finer_it_is(pair, prior):
    pixels, raw = pair
    fitter = BaseFitter(pixels, raw)
    fit = fitter.fit(prior, local=False)
    best = fitter.distortion(fit.coefficients, None)
    coarse, fine = (
        fitter.distortion(prior.coefficients(rounded_levels(prior, fit, e), e), None) / best for e in (3, 12)
    )
    assert fine < 1.05 and fine < coarse


def test_bands_of_the_map_are_rows_of_the_whole(pair, prior):
    pixels, _ = pair
    grid = np.random.default_rng(0).normal(size=grid_shape(*pixels.shape[:2]))
    whole = base_light(pixels, prior.mean, grid)
    assert whole.min() >= 0 and whole.max() <= 1
    assert base_light(pixels[50:90], prior.mean, grid, 50) == pytest.approx(whole[50:90], abs=1e-6)
