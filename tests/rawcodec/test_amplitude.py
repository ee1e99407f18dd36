"""Factors of the block transform: large where the JPEG clips, 1 where nothing does; bands agree with the whole."""

import numpy as np
import pytest

from hdrrecon.rawcodec.amplitude import blocks_of, factors, heat, importance


@pytest.fixture
def pixels():
    """A lamp of 5 x 5 clipped pixels across the corner of four blocks, in one channel."""
    out = np.full((24, 32, 3), 90, np.uint8)
    out[6:11, 6:11, 1] = 255
    return out


def test_clipped_pixels_are_hot_and_their_neighbours_warm(pixels):
    hot = heat(pixels)
    assert (hot[6:11, 6:11] == 1).all() and (hot[5, 5:12] > 0).all() and (hot[5, 5:12] < 1).all()
    assert not hot[13:].any() and not hot[:, 13:].any()


@pytest.mark.parametrize("cut", [5, 6, 8, 11, 16])
def test_rows_agree_with_the_whole(pixels, cut):
    np.testing.assert_array_equal(np.vstack([heat(pixels, 0, cut), heat(pixels, cut)]), heat(pixels))


@pytest.mark.parametrize("step", [0.5, 0.2, 0.08])
def test_the_largest_factor_of_a_block_is_one(pixels, step):
    factor = factors(blocks_of(heat(pixels)), step)
    np.testing.assert_allclose(factor.max(-1), 1)
    assert factor.min() > 0 and (factor[2] == 1).all() and (factor[:2, :2].min(-1) < 1).all()


def test_at_fine_steps_all_pixels_are_alike(pixels):
    assert (factors(blocks_of(heat(pixels)), 0.01) == 1).all()


def test_light_that_the_jpeg_lost_alone_is_emphasised(pixels):
    light = np.full(pixels.shape, 0.4, np.float32)
    light[6:8] = 0.99  # there the sensor clips, too
    _, stops = importance(pixels, light)
    assert (stops[8:11, 6:11] > 0).all() and np.count_nonzero(stops) == 15
