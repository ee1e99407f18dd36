"""Cameras whose pictures are small but not clipped: forward models of guides.

All take light (N, 3, H, W) and give a guide (N, 1 or 3, h, w) in the unit of the light, `factor` times smaller.

Sources: the hybrid cameras of Han et al., "Neuromorphic camera guided HDR imaging", CVPR 2020 (a spike or event camera
beside an ordinary one). Numbers of the simulation are our own; see docs/sensors_guide.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.color import luminance


@dataclass(frozen=True)
class SpikeCamera:
    """An integrate-and-fire sensor: a pixel fires whenever it has gathered so much light."""

    factor: int = 4  # pixels of the photo along a side of one of its pixels
    ticks: int = 400  # read-outs during the photo's exposure: 40 kHz for 10 ms; a pixel fires at most once in each
    spikes_at_clip: float = 25.0  # spikes of a pixel that sees the photo's clip level: 4 stops below one in each tick
    gain_noise: float = 0.02  # relative standard deviation of the pixels' thresholds


@dataclass(frozen=True)
class EventCamera:
    """A sensor that reports steps of log luminance; integrated from a frame that is known."""

    factor: int = 4  # as `SpikeCamera`
    threshold_stops: float = 0.3  # size of one step
    drift_stops: float = 0.1  # standard deviation per pixel of what integration gathers


@dataclass(frozen=True)
class SmallCamera:
    """A second, darker frame of few pixels: linear, with read noise, and a clip level of its own."""

    factor: int = 4  # as `SpikeCamera`
    darker_stops: float = 6.0  # it clips at 2**darker_stops times the photo's clip level
    read_noise: float = 1e-4  # standard deviation, in units of its own clip level
    shot_noise: float = 1e-5  # variance per unit of its own clip level


GuideCamera = SpikeCamera | EventCamera | SmallCamera


def take_guide(light: Tensor, camera: GuideCamera, generator: torch.Generator | None = None) -> Tensor:
    """The guide that one of the cameras takes of light (N, 3, H, W); sides are cut to multiples of `factor`."""
    small = F.avg_pool2d(light, camera.factor)
    if isinstance(camera, SpikeCamera):
        return spikes_to_light(luminance(small, 1)[:, None], camera, generator)
    if isinstance(camera, EventCamera):
        return events_to_light(luminance(small, 1)[:, None], camera, generator)
    own = small / 2**camera.darker_stops
    noise = torch.randn(own.shape, generator=generator)
    sensed = own + noise * (camera.shot_noise * own + camera.read_noise**2).sqrt()
    return sensed.clamp(0, 1) * 2**camera.darker_stops


def spikes_to_light(light: Tensor, camera: SpikeCamera, generator: torch.Generator | None = None) -> Tensor:
    """Spikes of luminance (N, 1, h, w), and the light they stand for: from their number and the time between the first
    and the last. Pixels that fired at most once are known by their number alone."""
    gain = 1 + camera.gain_noise * torch.randn(light.shape, generator=generator)
    per_tick = (light * gain * camera.spikes_at_clip / camera.ticks).clamp(1e-9, 1)
    phase = torch.rand(light.shape, generator=generator)
    count = (phase + per_tick * camera.ticks).floor().clamp(max=camera.ticks)
    first, last = ((n - phase).div(per_tick).ceil() for n in (torch.ones_like(count), count))
    between = (count - 1) / (last - first).clamp(min=1) * camera.ticks
    return torch.where(count >= 2, between, count) / camera.spikes_at_clip


def events_to_light(light: Tensor, camera: EventCamera, generator: torch.Generator | None = None) -> Tensor:
    """Luminance (N, 1, h, w) as integrated events: in whole steps from the frame of light 1, drifted."""
    stops = light.clamp(min=1e-6).log2()
    steps = (stops / camera.threshold_stops).trunc() * camera.threshold_stops
    # What is left of a started step is unknown: half a step, away from the known frame, is the best guess.
    steps = steps + 0.5 * camera.threshold_stops * stops.sign()
    return torch.exp2(steps + camera.drift_stops * torch.randn(light.shape, generator=generator))
