"""Exposure strips: every panel is the photo a camera would have taken at that exposure."""

import numpy as np
import pytest

from hdrrecon.view import exposure_strip, tonemap
from hdrrecon.view.strip import CAPTION_PX, GAP_PX


def test_panels_are_the_exposures(small_hdr):
    strip = exposure_strip(small_hdr, stops=(0, -2, -4))
    height, width = small_hdr.shape[:2]
    assert strip.dtype == np.uint8 and strip.shape == (height + CAPTION_PX, 3 * width + 2 * GAP_PX, 3)
    for i, stop in enumerate((0, -2, -4)):
        left = i * (width + GAP_PX)
        assert np.array_equal(strip[CAPTION_PX:, left : left + width], tonemap(small_hdr, "clip", stop))
        assert strip[:CAPTION_PX, left : left + width].max() > 150, "a caption is printed"


def test_restored_light_shows_where_clipped_light_is_grey(small_hdr):
    """The second row: at -2 stops a clipped sun is grey (sRGB 137), the true sun is still white."""
    strip = exposure_strip(small_hdr, (-2,), compare=np.minimum(small_hdr, 1))
    height = small_hdr.shape[0] + CAPTION_PX
    assert strip.shape[0] == 2 * height + GAP_PX
    assert strip[CAPTION_PX:height].max() == 255
    assert strip[height + GAP_PX + CAPTION_PX :].max() == 137


def test_large_pictures_are_shrunk_in_linear_light():
    """Pixels of 0 and 1 average to 0.5 linear, sRGB 188, not 128."""
    picture = np.zeros((400, 800, 3), np.float32)
    picture[:, ::2] = 1
    strip = exposure_strip(picture, (0,), panel_px=400)
    assert strip.shape == (200 + CAPTION_PX, 400, 3)
    assert (strip[CAPTION_PX:] == 188).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_odd_sizes_with_odd_light(size):
    picture = np.ones((*size, 3), np.float32)
    picture[0, 0] = np.nan
    assert exposure_strip(picture, (2, -1.5), compare=picture).shape[2] == 3


def test_errors():
    picture = np.ones((4, 4, 3), np.float32)
    with pytest.raises(ValueError, match="at least one"):
        exposure_strip(picture, ())
    with pytest.raises(ValueError, match=r"\(4, 4, 3\) and \(4, 5, 3\)"):
        exposure_strip(picture, compare=np.ones((4, 5, 3), np.float32))
