"""A guide says how bright lost light is: it is fitted, checked, and used where light was lost, nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hdrrecon.camera.masks import over_mask
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.sensors.guide import as_guide, back_project, guided
from hdrrecon.sensors.guide_cameras import EventCamera, SmallCamera, SpikeCamera, take_guide
from tests.sensors.scenes import room

EXACT = SmallCamera(darker_stops=16, read_noise=0, shot_noise=0)


def ordinary(light):
    """Linear light of an ordinary photo, and the mask of what it lost."""
    linear = light.clamp(0, 1)
    return linear, over_mask(ResponseCurve.srgb().expose(linear))


def stops_off(light, truth, where):
    return float((light.clamp(min=1e-4) / truth).log2()[where].square().mean().sqrt())


@pytest.mark.parametrize("camera", [EXACT, SmallCamera(), SpikeCamera(), EventCamera()], ids=lambda c: type(c).__name__)
def test_a_guide_brings_lost_light_back(camera):
    truth = room()
    linear, lost = ordinary(truth)
    guide = take_guide(truth, camera, torch.Generator().manual_seed(0))
    out = guided(linear, lost, guide).light(linear, linear, lost)
    clipped = truth >= 1
    assert stops_off(out, truth, clipped) < 0.35 * stops_off(linear, truth, clipped)


def test_what_was_measured_stays_to_the_bit_and_nothing_gets_darker():
    truth = room()
    linear, lost = ordinary(truth)
    out = guided(linear, lost, take_guide(truth, EXACT)).light(linear, linear, lost)
    assert torch.equal(out[lost == 0], linear[lost == 0])
    assert (out >= linear).all()


def test_area_means_are_those_of_the_guide():
    """The equation that back-projection solves."""
    truth = room()
    linear, lost = ordinary(truth)
    guide = F.avg_pool2d(truth, 4)
    gain = back_project(linear, lost, guide, torch.zeros(2), spread_stops=0.0, rounds=30)
    means = F.avg_pool2d(linear * torch.exp2(lost * gain), 4)
    full = F.avg_pool2d(lost, 4) == 1
    assert (means / guide).log2()[full].abs().mean() < 0.02


@pytest.mark.parametrize(
    ("guide", "says"),
    [
        (np.full((8, 8), np.nan, np.float32), "NaN"),
        (-np.ones((8, 8), np.float32), "no negative"),
        (np.zeros((8, 8), np.float32), "black everywhere"),
        (np.ones((8, 8, 2), np.float32), "got .8, 8, 2."),
        (np.ones((8, 30), np.float32), "crop the guide"),
        (np.ones((2, 2), np.float32), "at least 4 x 4"),
    ],
)
def test_bad_guides_are_refused_in_a_sentence(guide, says):
    with pytest.raises(ValueError, match=says):
        as_guide(guide, (64, 64))


def test_guides_of_any_size_become_small():
    assert as_guide(np.ones((200, 300, 3), np.float32), (100, 150)).shape == (1, 3, 100, 150)
    assert as_guide(torch.ones(1, 25, 37), (100, 150)).shape == (1, 1, 25, 37)
