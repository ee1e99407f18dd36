"""Cameras that make guides: low resolution, spikes, events."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hdrrecon.sensors.guide_cameras import EventCamera, SmallCamera, SpikeCamera, events_to_light, take_guide
from tests.sensors.scenes import room


def test_spikes_count_light_and_end_at_one_in_each_tick():
    light = torch.tensor([0.5, 1.0, 4.0, 100.0]).view(1, 1, 1, 4).expand(1, 3, 4, 4).repeat_interleave(4, -1)
    camera = SpikeCamera(factor=4, gain_noise=0.0)
    out = take_guide(F.interpolate(light, (16, 16)), camera)
    top = camera.ticks / camera.spikes_at_clip
    assert torch.allclose(out[0, 0, 0], torch.tensor([0.5, 1.0, 4.0, top]), rtol=0.06)


@pytest.mark.parametrize("camera", [SmallCamera(), SpikeCamera(), EventCamera()], ids=lambda c: type(c).__name__)
def test_guides_are_light_of_the_stated_size_and_repeat_with_their_seed(camera):
    light = room(67)  # three rows are cut off
    one, again = (take_guide(light, camera, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, again)
    assert one.shape == (1, 3 if isinstance(camera, SmallCamera) else 1, 16, 16)
    assert (one >= 0).all() and not torch.equal(one, take_guide(light, camera, torch.Generator().manual_seed(4)))


def test_a_small_camera_clips_at_its_stops():
    light = torch.tensor([1.0, 7.0, 9.0, 500.0]).view(1, 1, 1, 4).expand(1, 3, 1, 4)
    out = take_guide(light, SmallCamera(factor=1, darker_stops=3, read_noise=0, shot_noise=0))
    assert out[0, 0, 0].tolist() == [1, 7, 8, 8]


def test_events_are_right_to_half_a_step():
    light = torch.exp2(torch.linspace(-6, 6, 500)).view(1, 1, 1, -1)
    camera = EventCamera(factor=1, threshold_stops=0.3, drift_stops=0.0)
    error = (events_to_light(light, camera) / light).log2().abs()
    assert 0.1 < float(error.max()) <= 0.15 + 1e-4
