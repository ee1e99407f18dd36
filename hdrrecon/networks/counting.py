"""How statistics of photos are counted: bins, tables of histograms, and pixels in a row. Used by `response_statistics`."""
from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

BLOCK_PX = 1 << 14  # pixels counted at a time
CLIPPED = 240 / 255  # edges that reach this level are left out
RELIABLE = 20  # counts below this pull a table's row towards nothing


def bin_of(x: Tensor, count: int) -> Tensor:
    """Index of values in [0, 1] among `count` equal bins; values outside go to the end bins. Flat."""
    return (x * count).int().clamp_(0, count - 1).flatten()


def count(index: Tensor, size: int) -> Tensor:
    """How often each of `size` indices occurs, as floats."""
    return torch.bincount(index.flatten(), minlength=size).float()


def where(kept: Tensor, index: Tensor) -> Tensor:
    """`index` shifted by one; 0 where not `kept`. Counting what is not wanted is much quicker than picking what is."""
    return (index + 1) * kept


def tally(bins: Iterable[Tensor], size: int, code: Tensor) -> Tensor:
    """Counts of the indices that `where` kept, (size,), on the device of the photo `code`."""
    return sum((count(b, size + 1) for b in bins), torch.zeros(size + 1, device=code.device))[1:]


def rows(counts: Tensor) -> Tensor:
    """Table of counts (R, B) -> histograms normalised row by row, rows with few counts pulled towards 0, then log counts. Flat."""
    total = counts.sum(1, keepdim=True)
    return torch.cat([(3 * counts / total.clamp(min=RELIABLE)).flatten(), total.log1p().flatten() / 4])


def spaced(code: Tensor, step: int, number: int) -> Iterator[list[Tensor]]:
    """`number` pixels `step` apart, along rows and along columns: views of (3, H, W) shifted by 0, step, 2 step ...

    Some rows at a time: what fits into a processor's caches is counted several times as fast. Nothing where the photo is too small.
    """
    height, width = code.shape[-2:]
    block, reach = max(1, (BLOCK_PX if code.device.type == "cpu" else height * width) // width), step * (number - 1)
    if width > reach:
        for part in code.split(block, -2):
            yield [part[..., k * step : width - reach + k * step] for k in range(number)]
    for top in range(0, height - reach, block):
        tall = min(block, height - reach - top)
        yield [code[..., top + k * step : top + k * step + tall, :] for k in range(number)]
