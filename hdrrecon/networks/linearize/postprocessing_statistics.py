"""Statistics of a photo that betray how it was made and handled: what `response_statistics` counts beside blended edges.

* **heights**: how high edges are at each level, as whole histograms: the slope of the response, and noise;
* **saturation**: how colourful pixels are at each level: a long shoulder takes colour out of bright ones;
* **ends**: shares of the darkest and the brightest codes, one by one: a toe, a shoulder, how clipping begins;
* **handling**: sharpness, halos, noise, chroma resolution, JPEG blocks and gaps in the histogram: cameras sharpen and
  people reduce and code again, simulations and renderings seldom do.

All take one photo (3, H, W), code values in [0, 1], of any size from 1 x 1 on.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hdrrecon.networks.linearize.histograms import (
    CLIPPED,
    bin_counts,
    bin_of,
    bin_sums,
    histogram_of,
    masked_index,
    row_histograms,
    shifted_views,
)

HEIGHT_LEVELS, HEIGHT_BINS = 16, 10
SATURATION_LEVELS, SATURATION_BINS = 16, 8
DARK_CODES, BRIGHT_CODES = 32, 64
STEPS, BENDS = (1, 2, 4, 8), (1, 2)  # pixels between values whose first and second differences are taken
BLOCK = 8  # pixels of a JPEG block

HEIGHTS_SIZE = HEIGHT_LEVELS * (HEIGHT_BINS + 1)
SATURATION_SIZE = SATURATION_LEVELS * (SATURATION_BINS + 1)
ENDS_SIZE = 2 * (DARK_CODES + BRIGHT_CODES)
HANDLING_SIZE = 3 * 2 * (len(STEPS) + len(BENDS)) + 2 * 3 + 2


def height_statistics(code: Tensor, step: int) -> Tensor:
    """-> (HEIGHTS_SIZE,): per level, the histogram of log differences of values `step` apart, and the log count."""

    def bins():
        for a, b in shifted_views(code, step, 2):
            height = (((b - a).abs() * 255 + 0.5).log2() + 1) / 8  # half a code is 0, 128 codes are 1
            row = bin_of((a + b) / 2, HEIGHT_LEVELS)
            yield masked_index(
                (torch.maximum(a, b) < CLIPPED).flatten(), row * HEIGHT_BINS + bin_of(height, HEIGHT_BINS)
            )

    return row_histograms(histogram_of(bins(), HEIGHT_LEVELS * HEIGHT_BINS, code).view(HEIGHT_LEVELS, HEIGHT_BINS))


def saturation_statistics(code: Tensor) -> Tensor:
    """-> (SATURATION_SIZE,): per level of the brightest channel, the histogram of (max - min) / max, and the log count."""
    brightest, darkest = code.amax(0), code.amin(0)
    saturation = bin_of((brightest - darkest) / brightest.clamp(min=1e-3), SATURATION_BINS)
    index = bin_of(brightest, SATURATION_LEVELS) * SATURATION_BINS + saturation
    return row_histograms(
        bin_counts(index, SATURATION_LEVELS * SATURATION_BINS).view(SATURATION_LEVELS, SATURATION_BINS)
    )


def end_statistics(code: Tensor) -> Tensor:
    """-> (ENDS_SIZE,): square-root shares of single dark and bright codes, of green and of the brightest channel."""
    out = []
    for plane in (code[1], code.amax(0)):
        share = 8 * (_codes(plane) / plane.numel()).sqrt()
        out += [share[:DARK_CODES], share[256 - BRIGHT_CODES :]]
    return torch.cat(out)


def handling_statistics(code: Tensor) -> Tensor:
    """-> (HANDLING_SIZE,): log mean differences of green and of two colour differences at several steps, strength of the
    8 x 8 grid, roughness and gaps of green's histogram."""
    red, green, blue = code
    out = [_size(d) for plane in (green, blue - green, red - green) for x in (plane, plane.T) for d in _differences(x)]
    out += [value for x in (green, green.T) for value in _grid(x)]
    inner = _codes(green)[8:240]
    rough = (inner[2:] - 2 * inner[1:-1] + inner[:-2]).abs().sum() / inner.sum().clamp(min=1)
    return torch.stack([*out, rough, (inner == 0).float().mean()])


def _codes(plane: Tensor) -> Tensor:
    return bin_counts((plane * 255).round().int().clamp(0, 255), 256)


def _differences(x: Tensor):
    """First and second differences along rows; empty where the photo is too small."""
    width = x.shape[1]
    for step in STEPS:
        yield x[:, step:] - x[:, : max(width - step, 0)]
    for step in BENDS:
        yield (
            x[:, 2 * step :] - 2 * x[:, step : max(width - step, step)] + x[:, : width - 2 * step]
            if width > 2 * step
            else x[:, :0]
        )


def _size(differences: Tensor) -> Tensor:
    mean = differences.abs().mean() if differences.numel() else differences.sum()
    return (1 + 1000 * mean).log() / 2


def _grid(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How much differences between columns depend on the column's place in a block: strongest, spread, and at the border."""
    height = (x[:, 1:] - x[:, :-1]).abs().mean(0)
    place = torch.arange(len(height), device=x.device) % BLOCK
    mean = bin_sums(place, height, BLOCK) / bin_counts(place, BLOCK).clamp(min=1)
    mean = mean / mean.mean().clamp(min=1e-5)
    return mean.amax().clamp(max=5), 4 * mean.std().clamp(max=5), mean[-1].clamp(max=5)
