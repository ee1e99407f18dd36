"""Y'CbCr planes have the codes of BT.2100, and come back as the picture."""

import numpy as np
import pytest

from hdrrecon.video import ycbcr


def test_codes_of_white_black_and_red():
    """BT.2100 table 9: narrow range of 10 bits."""
    for value, codes in (((1, 1, 1), (940, 512, 512)), ((0, 0, 0), (64, 512, 512)), ((1, 0, 0), (294, 387, 960))):
        planes = ycbcr.from_rgb(np.full((4, 4, 3), value, np.float32), 10)
        assert [int(plane[0, 0]) for plane in planes] == list(codes)


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_a_smooth_picture_comes_back(matrix, subsampling):
    y, x = np.mgrid[:32, :48] / 48
    picture = np.stack([x, y, 0.5 + 0.3 * np.sin(4 * x)], -1).astype(np.float32)
    planes = ycbcr.from_rgb(picture, 10, matrix, subsampling)
    back = ycbcr.to_rgb(planes, 10, matrix, False, "topleft")
    assert np.abs(back - picture)[3:-3, 3:-3].max() < 0.012


def test_dither_hides_steps_and_adds_no_light():
    flat = np.full((256, 256, 3), 0.50046, np.float32)
    luma = [ycbcr.from_rgb(flat, 10, dither=seed)[0] for seed in (0, 1)]
    assert luma[0].std() > 0.2 and not np.array_equal(*luma)
    exact = 64 + 876 * 0.50046
    assert luma[0].mean() == pytest.approx(exact, abs=0.02)
