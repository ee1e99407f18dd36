"""How a guide lies on a photo: its scale, its shift, and whether it shows the same scene at all.

Everything is found where the photo is well exposed and the guide is not at its ceiling, in log light:

    log P_s(Y) = log X + log scale + error

with Y the photo's light, X the guide, P_s the area mean over the guide's pixels after a shift s. The shift is found by
Gauss-Newton steps (Lucas & Kanade 1981) on the guide's grid; the scale is a weighted median.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.color import luminance

FEWEST_PIXELS = 24  # well-exposed pixels of the guide; with fewer nobody can say whether it fits
LEAST_CORRELATION = 0.6  # between log light of photo and guide, over well-exposed pixels
LEAST_BRIGHT = 0.5  # share of the guide's pixels within clipped regions that are as bright as they must be
MOST_SPREAD_STOPS = 0.75  # robust spread of photo over guide
MOST_SHIFT_PX = 4.0  # of the photo; beyond, a shift is not believed
DARKEST = 0.01  # light below is too noisy to compare
CEILING_SHARE = 0.002  # of the guide's pixels at its largest value: then it is clipped there
LEVELS = tuple(-8 + 0.5 * i for i in range(17))  # of the photo's light in stops: where its response is compared
_STEPS = 6


@dataclass(frozen=True)
class GuideFit:
    """What was found out about a guide."""

    scale: tuple[float, ...]  # factor per channel from the guide to the photo's light
    shift_px: tuple[float, float]  # down and right: the photo, moved so, lies on the guide
    correlation: float  # of log light over well-exposed pixels, in [-1, 1]
    spread_stops: float  # robust spread of photo over guide there
    bright_share: (
        float  # of the guide's pixels within clipped regions: as bright as the photo says; 1 if there are none
    )
    used: bool  # it shows the scene of the photo
    reason: str = ""  # why it is not used
    tone: tuple[float, ...] = (0.0,) * len(LEVELS)  # stops from the photo's light to the guide's, at `LEVELS`


def fit_guide(light: Tensor, lost: Tensor, guide: Tensor) -> GuideFit:
    """Scale and shift of a guide, and whether to use it.

    Args:
        light: (1, 3, H, W) of the photo, 1.0 = its clip level.
        lost: (1, 3, H, W) soft mask in [0, 1] of what the photo does not hold: clipped or crushed.
        guide: (1, 1 or 3, h, w), finite, not negative, of any scale.
    """
    known = 1 - lost.amax(1, keepdim=True)
    shift = torch.zeros(2, dtype=torch.float64)
    grey = _grey(guide)
    for _ in range(_STEPS):
        step = _shift_step(luminance(light, 1)[:, None], known, grey, shift)
        shift = (shift + step).clamp(-MOST_SHIFT_PX, MOST_SHIFT_PX)
    moved, weight = pooled(light, guide.shape, shift), _weights(light, known, guide, shift)
    if int((weight > 0).sum()) < FEWEST_PIXELS:
        return _refused(
            shift, f"only {int((weight > 0).sum())} pixels of the guide show well-exposed parts of the photo"
        )
    seen = moved if guide.shape[1] == 3 else luminance(moved, 1)[:, None]
    ratio = (seen.clamp(min=1e-6) / guide.clamp(min=1e-9)).log2()
    scale = _scales(ratio[:, :, weight[0, 0] > 0][0], weight[weight > 0])
    scaled = guide * torch.exp2(torch.tensor(scale)).view(1, -1, 1, 1)
    photo, clipped = luminance(moved, 1)[:, None], pooled(lost.amin(1, keepdim=True), guide.shape, shift)
    tone = _tone(photo, _grey(scaled), weight)
    return _judged(scale, shift, toned(photo, tone), _grey(scaled), weight, clipped, tone)


def pooled(image: Tensor, shape: torch.Size | tuple[int, ...], shift: Tensor) -> Tensor:
    """Area means of (1, C, H, W) over the pixels of a guide of `shape` (..., h, w), the image moved by `shift`
    pixels."""
    return F.adaptive_avg_pool2d(moved_by(image, shift), (shape[-2], shape[-1]))


def moved_by(image: Tensor, shift: Tensor) -> Tensor:
    """(1, C, H, W) moved down and right by `shift` (2,) pixels, bilinearly, its edges repeated."""
    if float(shift.abs().max()) < 1e-3:
        return image
    h, w = image.shape[-2:]
    y = (2 * (torch.arange(h) - float(shift[0])) + 1) / h - 1
    x = (2 * (torch.arange(w) - float(shift[1])) + 1) / w - 1
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None].to(image)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False)


def ceiling(guide: Tensor) -> Tensor:
    """(1, C, h, w) bool: where a guide is clipped itself, so that it says "at least"."""
    top = guide.amax((0, 2, 3), keepdim=True) * 0.999
    at_top = (guide >= top) & (top > 0)
    return at_top & (at_top.float().mean((0, 2, 3), keepdim=True) >= CEILING_SHARE)


def toned(light: Tensor, tone: tuple[float, ...]) -> Tensor:
    """Light as the guide would have it: what is left of the photo's response is undone. Any shape."""
    at = ((light.clamp(min=1e-6).log2() - LEVELS[0]) / 0.5).clamp(0, len(LEVELS) - 1.001)
    low, table = at.long(), torch.tensor(tone).to(light)
    stops = torch.lerp(table[low], table[low + 1], at - low)
    return light * torch.exp2(stops)


def _tone(photo: Tensor, guide: Tensor, weight: Tensor) -> tuple[float, ...]:
    """Robust means of log guide over log photo around each of `LEVELS`, drawn to 0 where little was seen."""
    known = weight > 0
    level, ratio = photo[known].clamp(min=1e-6).log2(), (guide[known].clamp(min=1e-9) / photo[known]).log2()
    ratio = ratio.clamp(*ratio.quantile(torch.tensor([0.05, 0.95])).tolist())
    near = torch.exp(-(((level[:, None] - torch.tensor(LEVELS)) / 0.5) ** 2))
    return tuple(((near * ratio[:, None]).sum(0) / (near.sum(0) + 10)).tolist())


def _grey(light: Tensor) -> Tensor:
    return luminance(light, 1)[:, None] if light.shape[1] == 3 else light


def _weights(light: Tensor, known: Tensor, guide: Tensor, shift: Tensor) -> Tensor:
    """(1, 1, h, w): how much a pixel of the guide says about scale. Brightness counts, for clipping lies above it."""
    seen = pooled(luminance(light, 1)[:, None], guide.shape, shift)
    sure = (pooled(known, guide.shape, shift) > 0.98) & (seen > DARKEST) & (guide.amin(1, keepdim=True) > 0)
    return (sure & ~ceiling(guide).any(1, keepdim=True)) * seen.square()


def _shift_step(light: Tensor, known: Tensor, guide: Tensor, shift: Tensor) -> Tensor:
    """One Gauss-Newton step, in pixels of the photo, of the shift and a common gain."""
    weight = (_weights(light.expand(-1, 3, -1, -1), known, guide, shift) > 0).double()
    # Gradients need neighbours that are known too.
    weight = weight * (F.avg_pool2d(F.pad(weight, (1, 1, 1, 1)), 3, 1) > 0.99)
    if weight.sum() < FEWEST_PIXELS:
        return torch.zeros(2, dtype=torch.float64)
    seen = pooled(light, guide.shape, shift).clamp(min=1e-6).log2().double()
    error = (seen - guide.clamp(min=1e-9).log2().double())[0, 0]
    down, right = torch.gradient(seen[0, 0])
    robust = weight[0, 0] / (1 + ((error - error[weight[0, 0] > 0].median()) / 0.3).square())
    rows = torch.stack([down, right, torch.ones_like(down)], -1)
    normal = torch.einsum("hwi,hw,hwj->ij", rows, robust, rows) + 1e-3 * torch.eye(3, dtype=torch.float64)
    step = torch.linalg.solve(normal, torch.einsum("hwi,hw,hw->i", rows, robust, error))[:2]
    per_pixel = torch.tensor([light.shape[-2] / guide.shape[-2], light.shape[-1] / guide.shape[-1]])
    return step.clamp(-0.5, 0.5) * per_pixel


def _judged(
    scale: list[float],
    shift: Tensor,
    photo: Tensor,
    guide: Tensor,
    weight: Tensor,
    clipped: Tensor,
    tone: tuple[float, ...],
) -> GuideFit:
    known = weight > 0
    a, b = photo[known].clamp(min=1e-6).log2(), guide[known].clamp(min=1e-9).log2()
    correlation = float(torch.corrcoef(torch.stack([a, b]))[0, 1].nan_to_num())
    spread = float(1.4826 * (a - b - (a - b).median()).abs().median())
    inside = clipped > 0.98
    bright = float((guide[inside] > 0.6).float().mean()) if inside.any() else 1.0
    flat = float(a.std()) < 2 * spread and spread < 0.25  # one plain wall: nothing there to correlate
    reason = ""
    if bright < LEAST_BRIGHT:
        reason = f"only {bright:.0%} of what the photo clips is bright in the guide"
    elif correlation < LEAST_CORRELATION and not flat:
        reason = (
            f"light of photo and guide correlates by {correlation:.2f} where both see it, wanted {LEAST_CORRELATION}"
        )
    elif spread > MOST_SPREAD_STOPS:
        reason = f"photo and guide differ by {spread:.2f} stops where both see the scene, wanted {MOST_SPREAD_STOPS}"
    down, right = (float(x) for x in shift)
    return GuideFit(tuple(2.0**s for s in scale), (down, right), correlation, spread, bright, not reason, reason, tone)


def _refused(shift: Tensor, reason: str) -> GuideFit:
    return GuideFit((1.0,), (float(shift[0]), float(shift[1])), 0.0, float("inf"), 0.0, False, reason)


def _scales(ratio: Tensor, weight: Tensor) -> list[float]:
    """Stops per channel from ratios (C, n) in stops. Channels differ only where that is more than the ratios' own
    spread: white balance does so, an error of the response does not."""
    common = float(_weighted_median(ratio.flatten(), weight.repeat(len(ratio))))
    own = torch.stack([_weighted_median(row, weight) for row in ratio]) - common
    spread = 1.4826 * _weighted_median((ratio - common - own[:, None]).abs().flatten(), weight.repeat(len(ratio)))
    return (common + own * own.square() / (own.square() + (2 * spread + 0.1) ** 2)).tolist()


def _weighted_median(values: Tensor, weights: Tensor) -> Tensor:
    order = values.argsort()
    total = weights[order].cumsum(0)
    return values[order][torch.searchsorted(total, total[-1:] / 2).clamp(max=len(values) - 1)][0]
