"""Clipped texture scores high, clipped discs score low, whatever their brightness."""

import cv2
import numpy as np
import pytest

from hdrrecon.train.data.texture_selection import THRESHOLD, bilateral_base, texture_score


@pytest.fixture(scope="module")
def disc():
    """(256, 256), 1 inside a disc that takes a sixth of the picture."""
    y, x = np.mgrid[0:256, 0:256] - 127.5
    return (y**2 + x**2 < 60**2).astype(np.float32)


@pytest.fixture(scope="module")
def cloud():
    """(256, 256): stops of a cloud-like texture, of RMS 1."""
    rng = np.random.default_rng(0)
    octaves = [
        cv2.resize(rng.standard_normal((n, n)), (256, 256), interpolation=cv2.INTER_CUBIC) * 8 / n
        for n in (8, 16, 32, 64, 128)
    ]
    stops = sum(octaves)
    return stops / stops.std()


def grey(light):
    return np.repeat(light[None].astype(np.float32), 3, 0)


@pytest.mark.parametrize("brightness", [2.0, 20.0, 2000.0])
def test_a_flat_disc_scores_low(disc, brightness):
    assert texture_score(grey(0.2 + brightness * disc), disc) < 0.5 * THRESHOLD


@pytest.mark.parametrize("brightness", [3.0, 20.0])
def test_a_textured_cloud_scores_high(disc, cloud, brightness):
    textured = texture_score(grey(0.2 + disc * brightness * 2.0**cloud), disc)
    assert textured > THRESHOLD
    assert textured > 3 * texture_score(grey(0.2 + disc * brightness), disc)


def test_texture_outside_the_mask_does_not_count(disc, cloud):
    light = grey(0.2 * 2.0**cloud * (1 - disc) + 3 * disc)
    assert texture_score(light, disc) < 0.5 * THRESHOLD < texture_score(light, 1 - disc)
    assert texture_score(light, 0 * disc) == 0


def test_more_texture_scores_higher(disc, cloud):
    scores = [texture_score(grey(0.2 + disc * 4 * 2.0 ** (s * cloud)), disc) for s in (0.1, 0.3, 0.9)]
    assert scores == sorted(scores) and scores[2] > 2 * scores[0]


def test_masks_of_any_shape(disc, cloud):
    light = grey(0.2 + disc * 2.0**cloud)
    per_channel = np.stack([disc, 0 * disc, 0 * disc])
    assert texture_score(light, disc) == texture_score(light, disc[None]) == texture_score(light, per_channel)


@pytest.mark.parametrize("light", [0.0, 1.0, 65000.0])
def test_nothing_but_one_value(light):
    assert texture_score(np.full((3, 20, 31), light, np.float32), np.ones((20, 31))) == pytest.approx(0, abs=1e-3)


def test_the_fast_filter_is_the_bilateral_filter(disc, cloud):
    """Against the definition, pixel by pixel, far from the borders."""
    levels = (40 + disc * (140 + 20 * cloud)).astype(np.float32)
    base = bilateral_base(levels)
    y, x = np.mgrid[-32:33, -32:33]
    near = np.exp(-0.5 * (y**2 + x**2) / 10**2)
    rng, errors = np.random.default_rng(0), []
    for row, column in rng.integers(40, 216, (150, 2)):
        window = levels[row - 32 : row + 33, column - 32 : column + 33]
        weight = near * np.exp(-0.5 * ((window - levels[row, column]) / 100) ** 2)
        errors.append(base[row, column] - (weight * window).sum() / weight.sum())
    assert np.sqrt(np.mean(np.square(errors))) < 2  # levels of 255
