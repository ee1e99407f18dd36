"""Cameras that make guides: low resolution, spikes, events."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from hdrrecon.sensors.guide_cameras import SpikeCamera, take_guide


def test_spikes_count_light_and_end_at_one_in_each_tick():
    light = torch.tensor([0.5, 1.0, 4.0, 100.0]).view(1, 1, 1, 4).expand(1, 3, 4, 4).repeat_interleave(4, -1)
    camera = SpikeCamera(factor=4, gain_noise=0.0)
    out = take_guide(F.interpolate(light, (16, 16)), camera)
    top = camera.ticks / camera.spikes_at_clip
    assert torch.allclose(out[0, 0, 0], torch.tensor([0.5, 1.0, 4.0, top]), rtol=0.06)
