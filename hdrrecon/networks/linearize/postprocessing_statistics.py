"""Statistics of a photo that betray how it was made and handled: what `response_statistics` counts beside blended
edges.

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

from hdrrecon.camera.masks import OVER_CODE
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
            row = bin_of((a + b) / 2, HEIGHT_LEVELS)
            yield masked_index((torch.maximum(a, b) < CLIPPED).flatten(), row * HEIGHT_BINS + height_bin((b - a).abs()))

    return row_histograms(histogram_of(bins(), HEIGHT_LEVELS * HEIGHT_BINS, code).view(HEIGHT_LEVELS, HEIGHT_BINS))


def height_bin(difference: Tensor) -> Tensor:
    """Bin of absolute differences, on a log scale: half a code is at 0, 128 codes are at 1. Flat."""
    return bin_of(((difference * 255 + 0.5).log2() + 1) / 8, HEIGHT_BINS)


def saturation_statistics(code: Tensor) -> Tensor:
    """-> (SATURATION_SIZE,): per level of the brightest channel, the histogram of (max - min) / max, and the log
    count."""
    brightest, darkest = code.amax(0), code.amin(0)
    saturation = bin_of((brightest - darkest) / brightest.clamp(min=1e-3), SATURATION_BINS)
    index = bin_of(brightest, SATURATION_LEVELS) * SATURATION_BINS + saturation
    return row_histograms(
        bin_counts(index, SATURATION_LEVELS * SATURATION_BINS).view(SATURATION_LEVELS, SATURATION_BINS)
    )


def end_statistics(code: Tensor) -> Tensor:
    """-> (ENDS_SIZE,): square-root shares of single dark and bright codes, of green and of the brightest channel."""
    return end_vector(torch.stack([_codes(code[1]), _codes(code.amax(0))]), code[0].numel())


def end_vector(codes: Tensor, pixels: int) -> Tensor:
    """Counts (2, 256) of single codes, of `pixels` -> `end_statistics`."""
    share = 8 * (codes / pixels).sqrt()
    return torch.cat([share[:, :DARK_CODES], share[:, 256 - BRIGHT_CODES :]], 1).flatten()


def postprocessing_traces(code: Tensor) -> Tensor:
    """-> (HANDLING_SIZE,): log mean differences of green and of two colour differences at several steps, strength of
    the 8 x 8 grid, roughness and gaps of green's histogram."""
    red, green, blue = code
    planes = torch.stack([green, blue - green, red - green])
    sizes = [_mean_sizes(d) for x in (planes, planes.mT) for d in _differences(x)]
    return handling_vector(torch.stack(sizes, 1).flatten(), torch.stack([_grid(green), _grid(green.T)]), _codes(green))


def handling_vector(differences: Tensor, grid: Tensor, codes: Tensor) -> Tensor:
    """Mean absolute differences (36,), the mean heights of edges (2, BLOCK) at each place in a block, and counts (256,)
    of green's codes -> `postprocessing_traces`."""
    steps = (1 + 1000 * differences).log() / 2
    grid = grid / grid.mean(1, keepdim=True).clamp(min=1e-5)
    blocks = torch.stack([grid.amax(1).clamp(max=5), 4 * grid.std(1).clamp(max=5), grid[:, -1].clamp(max=5)], 1)
    inner = codes[8:OVER_CODE]
    rough = (inner[2:] - 2 * inner[1:-1] + inner[:-2]).abs().sum() / inner.sum().clamp(min=1)
    return torch.cat([steps, blocks.flatten(), rough[None], (inner == 0).float().mean()[None]])


def _codes(plane: Tensor) -> Tensor:
    return bin_counts((plane * 255).round().int().clamp(0, 255), 256)


def _differences(x: Tensor):
    """First and second differences along rows of (3, H, W); empty where the photo is too small."""
    width = x.shape[-1]
    for step in STEPS:
        yield x[..., step:] - x[..., : max(width - step, 0)]
    for step in BENDS:
        yield (
            x[..., 2 * step :] - 2 * x[..., step : max(width - step, step)] + x[..., : width - 2 * step]
            if width > 2 * step
            else x[..., :0]
        )


def _mean_sizes(differences: Tensor) -> Tensor:
    """Mean absolute values of (3, H, W), (3,); 0 where there are none."""
    return differences.abs().mean((1, 2)) if differences.numel() else differences.sum((1, 2))


def _grid(x: Tensor) -> Tensor:
    """(BLOCK,): how high edges between columns are at each place in a block: JPEG raises those at its border."""
    height = (x[:, 1:] - x[:, :-1]).abs().mean(0)
    place = torch.arange(len(height), device=x.device) % BLOCK
    return bin_sums(place, height, BLOCK) / bin_counts(place, BLOCK).clamp(min=1)
