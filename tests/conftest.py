"""Things many tests need: the shared data (or a skip), a procedural scene and its photo."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Before anything imports torch, and for the processes that tests start: on a busy machine several threads of one
# operation wait for each other, and a test of seconds takes minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no failure.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(path: str) -> Path:
    """A file or folder of the data that lies beside the checkout; skips the test where there is none."""
    place = SHARED / path
    if not place.exists():
        pytest.skip(f"needs shared/{path} beside the checkout")
    return place


def needs_weights() -> None:
    """Skip where no model ships yet."""
    from hdrrecon.zoo import MODELS

    if not MODELS:
        pytest.skip("no weights ship yet")


def as_code(photo: np.ndarray):
    """An (H, W, 3) uint8 photo as code values (1, 3, H, W) in [0, 1], a torch tensor."""
    import torch

    return torch.from_numpy(photo.transpose(2, 0, 1).copy()).float()[None] / 255


@pytest.fixture
def small_hdr() -> np.ndarray:
    """(96, 128, 3) float32 linear light: a sky with a sun 200 times the clip level, a lamp, and dark textured
    ground."""
    y, x = np.mgrid[0:96, 0:128].astype(np.float32)
    height = 96 - y + x / 40
    sky = np.stack([0.35 + 0.004 * height, 0.45 + 0.004 * height, 0.6 + 0.005 * height], -1)
    rng = np.random.default_rng(3)
    ground = (0.08 + 0.05 * rng.random((96, 128, 1))) * np.float32([1.0, 0.8, 0.5])
    image = np.where((y > 60)[..., None], ground, sky)
    sun = np.exp(-((x - 90) ** 2 + (y - 20) ** 2) / 18)[..., None] * np.float32([200, 190, 160])
    lamp = np.exp(-((x - 25) ** 2 + (y - 75) ** 2) / 6)[..., None] * np.float32([6, 4, 2])
    return (image + sun + lamp).astype(np.float32)


@pytest.fixture
def small_photo(small_hdr) -> np.ndarray:
    """(96, 128, 3) uint8 sRGB photo of `small_hdr`, clipped at 1."""
    from hdrrecon.color import linear_to_srgb

    return np.rint(255 * linear_to_srgb(np.clip(small_hdr, 0, 1))).astype(np.uint8)


@pytest.fixture
def truths(tmp_path, small_hdr):
    """A folder of three small scenes."""
    folder = tmp_path / "truths"
    folder.mkdir()
    for i in range(3):
        np.save(folder / f"scene{i}.npy", np.roll(small_hdr, 9 * i, 1) * (1 + i))
    return folder


@pytest.fixture
def pair_folder(tmp_path, small_hdr, small_photo):
    """Two real pairs, one photo without truth, one truth of another size."""
    import cv2

    folder = tmp_path / "pairs"
    folder.mkdir()
    for name in ("a", "b", "lonely", "other"):
        cv2.imwrite(str(folder / f"{name}.png"), small_photo[..., ::-1])
    for name in ("a", "b"):
        np.save(folder / f"{name}.npy", small_hdr)
    np.save(folder / "other.npy", small_hdr[:-1])
    return folder
