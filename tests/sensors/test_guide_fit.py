"""Shift and scale of a guide are found; wrong guides are not used."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hdrrecon.sensors.guide import guided
from hdrrecon.sensors.guide_cameras import SmallCamera, take_guide
from hdrrecon.sensors.guide_fit import ceiling, fit_guide, moved_by, pooled
from tests.sensors.scenes import room
from tests.sensors.test_guide import EXACT, ordinary, stops_off


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.5, -2.0), (-0.7, 0.4)])
@pytest.mark.parametrize("factor", [0.1, 1.0, 700.0])
def test_shift_and_scale_are_found(shift, factor):
    truth = room(seed=3)
    linear, lost = ordinary(truth)
    guide = factor * take_guide(moved_by(truth, torch.tensor(shift)), EXACT)
    fit = fit_guide(linear, lost, guide)
    assert fit.used, fit.reason
    assert np.allclose(fit.shift_px, shift, atol=0.4)
    assert np.allclose(np.array(fit.scale) * factor, 1, rtol=0.06)


@pytest.mark.parametrize("seed", range(4))
def test_a_guide_of_another_scene_is_not_used(seed):
    truth, other = room(seed=seed), room(seed=seed + 20).flip(-1)
    linear, lost = ordinary(truth)
    fit = fit_guide(linear, lost, take_guide(other, EXACT))
    assert not fit.used and fit.reason
    assert not guided(linear, lost, take_guide(other, EXACT)).stops.any()


def test_a_clipped_guide_says_at_least():
    truth = room()
    linear, lost = ordinary(truth)
    low = take_guide(truth, SmallCamera(darker_stops=1, read_noise=0, shot_noise=0))
    assert ceiling(low).any()
    restored = torch.where(truth >= 1, truth, linear)  # as if a network had found it all
    out = guided(restored, lost, low).light(restored, linear, lost)
    bright = truth > 4
    assert stops_off(out, truth, bright) < 0.1


def test_moving_and_pooling_keep_the_mean():
    light = room()
    assert torch.allclose(pooled(light, (8, 8), torch.zeros(2)).mean(), light.mean(), rtol=1e-5)
    assert torch.equal(moved_by(light, torch.zeros(2)), light)
