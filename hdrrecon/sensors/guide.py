"""A guide: a small HDR picture of the scene tells how bright the clipped parts of a photo are.

The guide may be anything that shows the scene, with few pixels and any scale: spikes or events integrated
(`guide_cameras`), a dark second frame, a gain map, the last frame of a video. It is fitted to the photo
(`guide_fit`), and then the light Y of the photo, its restored highlights included, is multiplied by a smooth gain
inside the masks such that its area means are those of the guide:

    Y = Y0 * 2^(m * U(G)),    P(Y) = X    in every pixel of the guide that sees lost light

with m the soft mask of lost light, U bilinear enlargement, P area means. G is found by back-projection (Irani & Peleg
1991), in log light and on lost light alone: what is known of a pixel of the guide is subtracted first. So details and
edges come from the photo and its restored light, brightness from the guide.

Source of the idea: Han et al., "Neuromorphic camera guided HDR imaging", CVPR 2020. The solution is our own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.color import luminance
from hdrrecon.sensors.guide_fit import GuideFit, ceiling, fit_guide, moved_by, pooled, toned

ROUNDS = 8  # of back-projection
MOST_STOPS = 14.0  # of the gain in either direction, in one round
DOUBT_STOPS = (
    0.4  # how wrong restored light usually is: guides that are less sure than this are believed by less than half
)
GUIDE_STOPS = 0.05  # how wrong a guide is where all light of its pixel was lost
MOST_ASPECT = 0.03  # relative difference of the aspects of photo and guide, beyond rounding


def as_guide(guide: np.ndarray | Tensor, size: tuple[int, int]) -> Tensor:
    """A guide as a tensor (1, 1 or 3, h, w) float32.

    Args:
        guide: numpy (h, w), (h, w, 1) or (h, w, 3), or a tensor (C, h, w): linear light of any scale.
        size: (H, W) of the photo; larger guides are shrunk to it.

    Raises:
        ValueError: another shape, another aspect than the photo, no light, or values that are none.
    """
    shape = tuple(guide.shape)
    if isinstance(guide, Tensor):
        picture = guide.detach().cpu().float()
    else:
        array = np.asarray(guide, np.float32)
        picture = torch.from_numpy(
            np.ascontiguousarray(np.moveaxis(array[..., None] if array.ndim == 2 else array, -1, 0))
        )
    if picture.ndim != 3 or picture.shape[0] not in (1, 3) or min(picture.shape[1:]) < 4:
        raise ValueError(f"a guide must be (h, w), (h, w, 1) or (h, w, 3) light of at least 4 x 4 pixels, got {shape}")
    if not torch.isfinite(picture).all():
        count = int((~torch.isfinite(picture)).sum())
        raise ValueError(
            f"the guide holds {count} values that are NaN or infinite; replace them, for example by their neighbours"
        )
    if (picture < 0).any() or not (picture > 0).any():
        raise ValueError(
            "the guide must hold light: no negative values, and not black everywhere; is it log light? pass exp2 of it"
        )
    (h, w), (height, width) = picture.shape[1:], size
    rounding = 1.0 / min(h, w)
    if abs(w / h / (width / height) - 1) > MOST_ASPECT + rounding:
        raise ValueError(
            f"the guide is {w} x {h}, the photo {width} x {height}: another shape, so they cannot show the same view; "
            "crop the guide to what the photo shows"
        )
    if h > height or w > width:
        picture = F.adaptive_avg_pool2d(picture, (min(h, height), min(w, width)))
    return picture[None]


def back_project(
    light: Tensor, lost: Tensor, guide: Tensor, shift: Tensor, spread_stops: float = 0.1, rounds: int = ROUNDS
) -> Tensor:
    """Gain in stops that brings the area means of light to the guide.

    Args:
        light: (1, 3, H, W), 1.0 = clip level, with what was restored.
        lost: (1, 3, H, W) soft mask in [0, 1] of the light to change.
        guide: (1, 1 or 3, h, w) in the scale of the light.
        shift: (2,) pixels that `light` must move by to lie on the guide.
        spread_stops: how far light that is known and the guide differ.

    Returns:
        (1, 1 or 3, H, W) stops; multiply light by `exp2(lost * gain)`.
    """
    color, at_ceiling = guide.shape[1] == 3, ceiling(guide)
    seen = pooled(lost if color else lost.amax(1, keepdim=True), guide.shape, shift) > 1e-4
    low, trust, before = torch.zeros_like(guide), seen.float(), None
    gain = torch.zeros_like(light[:, : guide.shape[1]])
    for _ in range(rounds):
        now = light * torch.exp2(lost * gain)
        whole, part = now, lost * now
        if not color:
            whole, part = luminance(now, 1)[:, None], luminance(lost * now, 1)[:, None]
        whole, part = pooled(whole, guide.shape, shift), pooled(part, guide.shape, shift).clamp(min=1e-9)
        before = part if before is None else before
        # Lost light is at least what was linearised: a guide cannot make it vanish.
        wanted = (guide - (whole - part)).clamp(min=0.05 * part)
        step = (wanted / part).log2().clamp(-MOST_STOPS, MOST_STOPS)
        step = torch.where(at_ceiling, step.clamp(min=0), step)
        # What is known of a pixel is known to `spread_stops`, and subtracted: little lost light is known badly.
        error = GUIDE_STOPS + spread_stops * (whole - part) / part
        trust = seen * DOUBT_STOPS**2 / (DOUBT_STOPS**2 + error.square())
        # So that in the end gain = trust * (what the guide says) + (1 - trust) * (what its neighbours say).
        low = low + trust * step - (1 - trust) * ((part / before).log2() - _nearby(low, trust)) * seen
        filled = torch.where(seen, low, _nearby(low, trust))
        gain = _enlarged(filled, light, shift)
    return gain


def _nearby(values: Tensor, trust: Tensor) -> Tensor:
    """Mean of the trusted among a pixel of a guide (1, C, h, w) and its neighbours; 0 where none is."""
    near = (
        torch.tensor([1.0, 2.0, 1.0]).outer(torch.tensor([1.0, 2.0, 1.0])).expand(values.shape[1], 1, 3, 3).to(values)
    )
    weight = F.conv2d(F.pad(trust, (1, 1, 1, 1)), near, groups=values.shape[1])
    mean = F.conv2d(F.pad(values * trust, (1, 1, 1, 1)), near, groups=values.shape[1])
    return mean / (weight + 0.5)


class Guided(NamedTuple):
    """What a guide says of a photo, at the photo's size. Tensors (N, C, H, W)."""

    stops: Tensor  # C = 3: gain of light that was lost; 0 without a guide, or with one that does not fit
    guide: Tensor  # C = 1: luminance of the guide in the scale of the light, enlarged; 0 where there is none
    present: Tensor  # C = 1, in [0, 1]: there is a guide, and it is not clipped

    def light(self, light: Tensor, linear: Tensor, lost: Tensor) -> Tensor:
        """Light (N, 3, H, W) with the gain: never darker than `linear`, and to the bit as it was where `lost` is 0."""
        return torch.where(lost > 0, torch.maximum(light * torch.exp2(lost * self.stops), linear), light)


def guided(light: Tensor, lost: Tensor, guide: Tensor | None, fit: GuideFit | None = None) -> Guided:
    """The gain of lost light that a guide asks for; the classical way, no network.

    Args:
        light: (1, 3, H, W) reconstructed, 1.0 = clip level.
        lost: (1, 3, H, W) soft mask of clipped channels.
        guide: (1, 1 or 3, h, w) as `as_guide` gives it, or None.
        fit: of the guide, if it is known already.
    """
    none = torch.zeros_like(light)
    if guide is None:
        return Guided(none, none[:, :1], none[:, :1])
    fit = fit or fit_guide(light, lost, guide)
    if not fit.used:
        return Guided(none, none[:, :1], none[:, :1])
    scaled, shift = guide * torch.tensor(fit.scale).view(1, -1, 1, 1), torch.tensor(fit.shift_px)
    # What is known of the photo is compared with the guide, so the rest of its response is undone first.
    even = lost * light + (1 - lost) * toned(light, fit.tone)
    stops = back_project(even, lost, scaled, shift, fit.spread_stops).expand(-1, 3, -1, -1)
    grey = luminance(scaled, 1)[:, None] if scaled.shape[1] == 3 else scaled
    clipped = ceiling(guide).any(1, keepdim=True).float()
    return Guided(stops, _enlarged(grey, light, shift), 1 - _enlarged(clipped, light, shift))


def _enlarged(small: Tensor, light: Tensor, shift: Tensor) -> Tensor:
    return moved_by(F.interpolate(small, light.shape[-2:], mode="bilinear"), -shift)
