"""A photo on the memory's grid: its measured light, and answers near what was lost alone."""

import numpy as np
import pytest
import torch

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.build import build_pipeline
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.video.small_frame import WITHOUT_NETWORK_PX, small_frame
from tests.video.test_frames import photo, scene

SRGB = ResponseCurve.srgb()


def frame_of(code, model="fast"):
    return small_frame(build_pipeline(model).prepare(PixelCodes(torch.from_numpy(code)), SRGB))


@pytest.fixture(scope="module")
def lamp():
    return frame_of(photo(scene()))


def test_light_and_masks_are_those_of_the_photo(lamp):
    light = np.minimum(scene(), 1)
    assert lamp.linear.shape == (96, 160, 3)  # a small photo is not shrunk
    assert np.abs(lamp.linear - light)[lamp.over == 0].max() < 0.01
    assert (lamp.over[30, 50] == 1).all() and not lamp.over[:, 120:].any()


def test_only_what_is_near_lost_light_is_asked(lamp):
    lost = (lamp.over > 0).any(-1)
    assert lamp.asked[lost].all() and not lamp.asked[:, 120:].any()
    assert not lamp.said[~lamp.asked].any() and not lamp.boost[~lost].any()
    assert lamp.said[30, 50].min() > 0, "a lamp is brighter than the clip level"
    assert (lamp.spread > 0).all()


def test_without_a_network_nothing_is_asked():
    frame = frame_of(photo(scene(600, 1000)), "linearize")
    assert max(frame.linear.shape) == 2 * WITHOUT_NETWORK_PX
    assert not frame.asked.any() and not frame.said.any()


def test_a_photo_that_lost_nothing_is_asked_nothing():
    frame = frame_of(np.full((40, 60, 3), 120, np.uint8))
    assert not frame.asked.any() and not frame.over.any()
