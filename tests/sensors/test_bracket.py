"""Exposures made from one photo, and the task that trains their network through the response solve."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.sensors.bracket import exposures, shown_at
from hdrrecon.train.tasks.bracket import BracketTask, merge_errors, random_evs
from tests.sensors.scenes import photo_of, room

SRGB = ResponseCurve.srgb()


def photo(size: int = 64) -> dict[str, torch.Tensor]:
    """What `train.data.reconstructed` gives of a photo that was reconstructed perfectly."""
    light = room(size)
    curve = torch.from_numpy(np.broadcast_to(SRGB.inverse, (3, 1024)).astype(np.float32).copy())[None]
    code = SRGB.expose(light.clamp(0, 1))
    return {
        "code": code,
        "truth": light,
        "light": light,
        "linear": light.clamp(0, 1),
        "inverse": curve,
        "estimated": curve,
    }


def test_a_stack_has_the_photo_in_its_middle_and_doubles_light():
    shot = photo_of(room(64))
    dark, same, bright = exposures(shot, (-1, 0, 1), model="linearize", device="cpu")
    assert np.abs(same.astype(int) - shot).max() <= 1
    assert (dark <= same).all() and (same <= bright).all()


def test_a_true_stack_has_no_error_in_its_light_and_little_in_its_response():
    shot, evs = photo(), torch.tensor([-3.0, -1.0, 1.0, 3.0])
    stack = torch.cat([shown_at(shot["truth"], SRGB, float(ev)) for ev in evs])
    light, response = merge_errors(stack, evs, shot["truth"][0], shot["inverse"][0])
    assert float(light) < 0.1 and float(response) < 0.1
    spoiled, _ = merge_errors(stack**1.5, evs, shot["truth"][0], shot["inverse"][0])
    assert float(spoiled) > float(light)


def test_the_task_has_gradients_through_the_response_solve():
    torch.manual_seed(0)
    task, shot = BracketTask(), photo()
    net = task.network()
    torch.nn.init.normal_(net.unet.head.weight, std=1e-2)
    loss, parts = task.loss(net, shot)
    loss.backward()
    assert np.isfinite(float(loss)) and all(np.isfinite(v) for v in parts.values())
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in net.parameters())
    assert float(net.unet.head.weight.grad.abs().sum()) > 0


def test_exposures_of_training_are_spread():
    evs = random_evs(4)
    assert (evs.diff() > 0).all() and float(evs.abs().max()) <= 4


@pytest.mark.parametrize("evs", [(), (5,), (-4.5, 0)])
def test_exposures_too_far_away_are_refused(evs):
    with pytest.raises(ValueError, match="within 4 stops"):
        exposures(np.zeros((8, 8, 3), np.uint8), evs)
