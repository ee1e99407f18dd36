"""How statistics of photos are counted: bins, tables of histograms, and pixels in a row. Used by
`response_statistics`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from hdrrecon.camera.masks import OVER_START

BLOCK_PX = 1 << 14  # pixels counted at a time
TOTALLED_PX = 1 << 17  # the same where each gets a row of as many numbers as there are bins
CLIPPED = OVER_START  # edges that reach this level are left out
RELIABLE = 20  # counts below this pull a table's row towards nothing

LEVEL_BINS = 64
EDGE_STRENGTHS = (6 / 255, 16 / 255, 40 / 255)
EDGE_LEVELS, EDGE_PLACES = 16, 10
FINE_PLACES = 24  # and one bin for the middles below, one for those above both ends
COLOUR_LEVELS, COLOUR_GAPS, COLOUR_PLACES = 8, 4, 9
EDGE_ROWS = len(EDGE_STRENGTHS) * EDGE_LEVELS
COLOUR_ROWS = COLOUR_LEVELS * COLOUR_GAPS


def bin_of(x: Tensor, count: int) -> Tensor:
    """Index of values in [0, 1] among `count` equal bins; values outside go to the end bins. Flat."""
    return (x * count).int().clamp_(0, count - 1).flatten()


def bin_counts(index: Tensor, size: int) -> Tensor:
    """How often each of `size` indices occurs, as floats."""
    if index.is_cuda:  # bincount there first asks for the largest index, and the CPU waits for the answer
        return torch.histc(index.flatten().int(), size, 0, size).float()
    return torch.bincount(index.flatten(), minlength=size).float()


def bin_sums(index: Tensor, values: Tensor, size: int) -> Tensor:
    """Sum of `values` (n,) at each of `size` indices; the same to the bit every time."""
    if index.is_cuda:  # index_add_ there adds in any order
        return _sums_in_order(index, values, size)
    return torch.zeros(size, device=index.device).index_add_(0, index, values)


def _sums_in_order(index: Tensor, values: Tensor, size: int) -> Tensor:
    bins = torch.arange(size, device=index.device)
    parts = zip(index.split(TOTALLED_PX), values.split(TOTALLED_PX))
    return sum(torch.where(at[:, None] == bins, part[:, None], 0).sum(0) for at, part in parts)


def masked_index(kept: Tensor, index: Tensor) -> Tensor:
    """`index` shifted by one; 0 where not `kept`. Counting what is not wanted is much quicker than picking what is."""
    return (index + 1) * kept


def histogram_of(bins: Iterable[Tensor], size: int, code: Tensor) -> Tensor:
    """Counts of the indices that `masked_index` kept, (size,), on the device of the photo `code`."""
    return sum((bin_counts(b, size + 1) for b in bins), torch.zeros(size + 1, device=code.device))[1:]


def row_histograms(counts: Tensor) -> Tensor:
    """Table of counts (R, B) -> histograms normalised row by row, rows with few counts pulled towards 0, then log
    counts. Flat."""
    total = counts.sum(1, keepdim=True)
    return torch.cat([(3 * counts / total.clamp(min=RELIABLE)).flatten(), total.log1p().flatten() / 4])


def shifted_views(code: Tensor, step: int, number: int) -> Iterator[list[Tensor]]:
    """`number` pixels `step` apart, along rows and along columns: views of (3, H, W) shifted by 0, step, 2 step ...

    Some rows at a time: what fits into a processor's caches is counted several times as fast. Nothing where the photo
        is too small.
    """
    height, width = code.shape[-2:]
    block, reach = max(1, (BLOCK_PX if code.device.type == "cpu" else height * width) // width), step * (number - 1)
    if width > reach:
        for part in code.split(block, -2):
            yield [part[..., k * step : width - reach + k * step] for k in range(number)]
    for top in range(0, height - reach, block):
        tall = min(block, height - reach - top)
        yield [code[..., top + k * step : top + k * step + tall, :] for k in range(number)]
