"""Cuts are found; motion and exposure are none."""

import numpy as np
import pytest

from hdrrecon.video.shots import histogram_distance, is_cut, thumbnail
from tests.video.test_motion import textured, view


def codes(light):
    return np.rint(255 * np.clip(light, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def test_cuts_are_found_and_exposure_is_none():
    light = textured()
    frame = thumbnail(codes(view(light)))
    assert is_cut(frame, thumbnail(codes(view(textured(3) ** 2))))
    assert not is_cut(frame, frame)
    assert not is_cut(frame, thumbnail(codes(view(light, 6, 4))))
    assert not is_cut(frame, thumbnail(codes(view(light, 2, 0, 0.6))))
    assert histogram_distance(frame, frame) == 0
    assert histogram_distance(np.zeros((4, 4, 3)), np.ones((4, 4, 3))) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_thumbnails_are_code_values_whatever_the_depth(dtype):
    most = 1 if dtype is np.float32 else np.iinfo(dtype).max
    small = thumbnail(np.full((300, 500, 1), most, dtype))
    assert small.shape == (77, 128, 3) and small.dtype == np.float32 and small == pytest.approx(1)
