"""Statistics of a photo that betray its camera response. No learning here: code values in, a vector out.

Three kinds, each known from the literature on single-image radiometric calibration:

* **levels**: how code values are distributed, and how high edges are at each level: edges keep their
  contrast in light, so their height in code values follows the slope of the response;
* **edges**: where the middle pixel of an edge lies between its ends. Optics and pixels blend *light*, so over many
  edges the middle is in the middle in linear light; the response bends that (Lin & Zhang, CVPR 2005);
* **colours**: on one edge the middle is equally far along in R, G and B in linear light, at whatever levels these
  are (Lin, Gu, Yamazaki & Shum, CVPR 2004).

All are normalised counts, so photos of any size compare.
"""
from __future__ import annotations

import torch
from torch import Tensor

LEVEL_BINS = 64
EDGE_STRENGTHS = (6 / 255, 16 / 255, 40 / 255)
EDGE_LEVELS, EDGE_PLACES = 16, 10
COLOUR_LEVELS, COLOUR_GAPS, COLOUR_PLACES = 8, 4, 9
CLIPPED = 240 / 255
RELIABLE = 20  # counts below this pull a table's row towards nothing

_EDGE_SIZE = len(EDGE_STRENGTHS) * EDGE_LEVELS * (EDGE_PLACES + 1)
# Lengths of the parts, in order: histograms, edge heights, edges of two and of four pixels, colours.
GROUPS = (5 * LEVEL_BINS, LEVEL_BINS, _EDGE_SIZE, _EDGE_SIZE, COLOUR_LEVELS * COLOUR_GAPS * (COLOUR_PLACES + 1))
SIZE = sum(GROUPS)


def response_statistics(code: Tensor) -> Tensor:
    """All statistics of photos (N, 3, H, W), code values in [0, 1] -> (N, SIZE), values of about 0 to 3."""
    return torch.stack([torch.cat([level_statistics(one), edge_statistics(one, 1), edge_statistics(one, 2), colour_statistics(one)])
                        for one in code])


def level_statistics(code: Tensor) -> Tensor:
    """(3, H, W) -> (6 * LEVEL_BINS,): square-root histograms of R, G, B, brightest and darkest channel, and the mean
    height of green's horizontal edges at each level, on a log scale."""
    planes = [*code, code.amax(0), code.amin(0)]
    tables = [4 * (_count(_bin(p, LEVEL_BINS), LEVEL_BINS) / p.numel()).sqrt() for p in planes]
    green = code[1]
    left, right = green[:, :-1], green[:, 1:]
    at = _bin((left + right) / 2, LEVEL_BINS)
    total = torch.zeros(LEVEL_BINS, device=code.device).index_add_(0, at, (right - left).abs().flatten().float())
    height = total / _count(at, LEVEL_BINS).clamp(min=1)
    return torch.cat([*tables, (1 + 1000 * height).log() / 2])


def edge_statistics(code: Tensor, step: int) -> Tensor:
    """(3, H, W) -> where the middle of edges of 2 `step` pixels lies, by strength and level of the edge.

    A table of EDGE_STRENGTHS x EDGE_LEVELS rows, each a histogram of EDGE_PLACES places from the dark to the bright
    end, and the log count of each row. Overshooting (not monotone) triples and clipped ends are left out.
    """
    bins = []
    for start, middle, end in _triples(code, step):
        low, high = torch.minimum(start, end), torch.maximum(start, end)
        rise = high - low
        kept = ((rise > EDGE_STRENGTHS[0]) & (middle >= low) & (middle <= high) & (high < CLIPPED)).flatten()
        strength = sum((rise > bound).long() for bound in EDGE_STRENGTHS[1:]).flatten()
        level, place = _bin(low + rise / 2, EDGE_LEVELS), _bin((middle - low) / rise.clamp(min=1e-6), EDGE_PLACES)
        bins.append(_where(kept, (strength * EDGE_LEVELS + level) * EDGE_PLACES + place))
    rows = len(EDGE_STRENGTHS) * EDGE_LEVELS
    return _rows(_tally(bins, rows * EDGE_PLACES).view(rows, EDGE_PLACES))


def colour_statistics(code: Tensor) -> Tensor:
    """(3, H, W) -> how much farther along an edge the brighter of two channels is, by level and by gap between them.

    A table of COLOUR_LEVELS x COLOUR_GAPS rows, each a histogram of COLOUR_PLACES differences of place in
    [-0.5, 0.5], and the log count of each row.
    """
    bins = []
    for start, middle, end in _triples(code, 1):
        rise = end - start
        safe = torch.where(rise.abs() > EDGE_STRENGTHS[1], rise, torch.ones_like(rise))
        place, level = (middle - start) / safe, (start + end) / 2
        good = (rise.abs() > EDGE_STRENGTHS[1]) & (place >= 0) & (place <= 1) & (torch.maximum(start, end) < CLIPPED)
        for i, j in ((0, 1), (1, 2), (0, 2)):
            gap = level[i] - level[j]
            kept = (good[i] & good[j] & (rise[i] * rise[j] > 0) & (gap.abs() > 4 / 255)).flatten()
            ahead = (place[i] - place[j]) * gap.sign()
            row = _bin((level[i] + level[j]) / 2, COLOUR_LEVELS) * COLOUR_GAPS + _bin(gap.abs() * 3, COLOUR_GAPS)
            bins.append(_where(kept, row * COLOUR_PLACES + _bin(ahead + 0.5, COLOUR_PLACES)))
    rows = COLOUR_LEVELS * COLOUR_GAPS
    return _rows(_tally(bins, rows * COLOUR_PLACES).view(rows, COLOUR_PLACES))


def _triples(code: Tensor, step: int):
    """(start, middle, end) pixels `step` apart, along rows and along columns; each (3, ...)."""
    for x in (code, code.transpose(-1, -2)):
        if x.shape[-1] > 2 * step:
            yield x[..., : -2 * step], x[..., step:-step], x[..., 2 * step :]
        else:
            yield x[..., :0], x[..., :0], x[..., :0]


def _bin(x: Tensor, count: int) -> Tensor:
    """Index of values in [0, 1] among `count` equal bins; values outside go to the end bins. Flat."""
    return (x * count).long().clamp(0, count - 1).flatten()


def _count(index: Tensor, size: int) -> Tensor:
    return torch.bincount(index.flatten(), minlength=size).float()


def _where(kept: Tensor, index: Tensor) -> Tensor:
    """`index` shifted by one; 0 where not `kept`. Counting what is not wanted is much quicker than picking what is."""
    return (index + 1) * kept


def _tally(bins: list[Tensor], size: int) -> Tensor:
    """Counts of the indices that `_where` kept."""
    return sum(_count(b, size + 1) for b in bins)[1:]


def _rows(counts: Tensor) -> Tensor:
    """Histograms normalised row by row, rows with few counts pulled towards 0, then log counts."""
    total = counts.sum(1, keepdim=True)
    return torch.cat([(3 * counts / total.clamp(min=RELIABLE)).flatten(), total.log1p().flatten() / 4])
