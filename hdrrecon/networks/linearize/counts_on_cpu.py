"""The counts of `response_statistics` on a CPU: float32 arithmetic as there, so the same to the count, at a fifth of
the time.

* A block of rows, and what is computed of it, stays in the second cache; operations write into the same buffers.
* Edges are picked out before anything is computed of them: most pixels lie on none.
* Where a bin fits into a byte, bytes are counted.

Photos of bytes have `counts_of_bytes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch

from hdrrecon.networks.linearize.edge_tables import DROPPED, EdgeTables, row_of
from hdrrecon.networks.linearize.flat_photo import FlatPhoto
from hdrrecon.networks.linearize.histograms import CLIPPED, EDGE_STRENGTHS, LEVEL_BINS
from hdrrecon.networks.linearize.postprocessing_statistics import (
    BENDS,
    BLOCK,
    HEIGHT_BINS,
    HEIGHT_LEVELS,
    SATURATION_BINS,
    SATURATION_LEVELS,
    STEPS,
    height_bin,
)

PX_AT_ONCE = 1 << 15  # of a photo; more are no faster
PLANE_PX_AT_ONCE = 1 << 16  # of one channel
PICKED_AT_ONCE = 1 << 15  # pixels, once they are picked out
_BYTES = 256


@dataclass(frozen=True)
class Counts:
    """What is counted of one photo, float32.

    Attributes:
        levels: (5, LEVEL_BINS) of red, green, blue, the brightest and the darkest channel.
        fine_levels: (256,) of all three channels together.
        slopes: (2, LEVEL_BINS) sums of the heights of green's horizontal edges by level, and how many there are.
        edges, wide_edges: (EDGE_ROWS, EDGE_PLACES) at steps 1 and 2.
        places, wide_places: (EDGE_ROWS, FINE_PLACES + 2) at steps 1 and 4.
        colours: (COLOUR_ROWS, COLOUR_PLACES).
        heights, wide_heights: (HEIGHT_LEVELS, HEIGHT_BINS) at steps 1 and 3.
        saturation: (SATURATION_LEVELS, SATURATION_BINS).
        codes: (2, 256) of green, and of the brightest channel.
        differences: mean absolute differences, in the order of `postprocessing_statistics.postprocessing_traces`.
        grid: (2, BLOCK) mean heights of green's edges by place in a JPEG block, along rows and along columns.
    """

    levels: np.ndarray
    fine_levels: np.ndarray
    slopes: np.ndarray
    edges: np.ndarray
    wide_edges: np.ndarray
    places: np.ndarray
    wide_places: np.ndarray
    colours: np.ndarray
    heights: np.ndarray
    wide_heights: np.ndarray
    saturation: np.ndarray
    codes: np.ndarray
    differences: np.ndarray
    grid: np.ndarray


def count(code: np.ndarray) -> Counts:
    """Count a photo (3, H, W) float32 in [0, 1], of any size from 1 x 1 on."""
    photo = FlatBlocks(code)
    return Counts(
        **_count_levels(photo),
        slopes=_count_slopes(code[1]),
        **edge_tables(photo),
        heights=_count_heights(photo, 1),
        wide_heights=_count_heights(photo, 3),
        **_measure_differences(code),
    )


class FlatBlocks(FlatPhoto):
    """A photo kept flat, and buffers for a block of its rows, `floats` and `bytes`."""

    def __init__(self, code: np.ndarray):
        super().__init__(code, PX_AT_ONCE)
        self.floats = [np.empty(self.most, np.float32) for _ in range(3)]
        self.bytes = [np.empty(self.most, np.uint8) for _ in range(2)]


def edge_tables(photo: FlatBlocks) -> dict[str, np.ndarray]:
    """All that `Counts` has of triples of pixels: at steps 1, 2 and 4."""
    near = count_edges(photo, 1, coloured=True)
    return {
        "edges": near.places,
        "wide_edges": count_edges(photo, 2, fine=False).places,
        "places": near.fine,
        "wide_places": count_edges(photo, 4, coarse=False).fine,
        "colours": near.colours,
    }


def count_edges(
    photo: FlatBlocks, step: int, *, coarse: bool = True, fine: bool = True, coloured: bool = False
) -> EdgeTables:
    """Edges of 2 `step` pixels: histograms of their places, in coarse bins, in fine ones, and of differences between
    colours."""
    tables = EdgeTables()
    blended: dict[int, list[np.ndarray]] = {}
    for block in photo.blocks(2 * step):
        start, middle, end = block.at(0), block.at(step), block.at(2 * step)
        low, high, rise = (block.room(buffer) for buffer in photo.floats)
        np.minimum(start, end, out=low)
        np.maximum(start, end, out=high)
        np.subtract(high, low, out=rise)
        kept, flags = (block.room(buffer).view(bool) for buffer in photo.bytes)
        np.greater(rise, EDGE_STRENGTHS[0], out=kept)
        kept &= np.less(high, CLIPPED, out=flags)
        block.drop_wrapped(kept, False)
        up = np.subtract(middle, low, out=high)
        at = np.flatnonzero(kept)
        bottom, height, between = (plane.ravel().take(at) for plane in (low, rise, up))
        tables.add_places(row_of(bottom, height), height, between, coarse, fine)
        if coloured:
            kept &= np.greater(rise, EDGE_STRENGTHS[1], out=flags)
            red, green, blue = kept
            two = np.flatnonzero((red & green) | (green & blue) | (red & blue))
            blended.setdefault(block.shift, []).append(two + block.start)
    for shift, parts in blended.items():
        pixels = np.concatenate(parts)
        for first in range(0, len(pixels), PICKED_AT_ONCE):
            picked = pixels[first : first + PICKED_AT_ONCE]
            tables.add_colours(*(photo.pixels.take(picked + k * shift, 1) for k in range(3)))
    return tables


def _count_heights(photo: FlatBlocks, step: int) -> np.ndarray:
    """Edges of `step` pixels by level and height: `postprocessing_statistics.height_statistics`."""
    counts = np.zeros(_BYTES, np.float32)
    for block in photo.blocks(step):
        start, end = block.at(0), block.at(step)
        bins, flags = (block.room(buffer) for buffer in photo.bytes)
        height, level = (block.room(buffer) for buffer in photo.floats[:2])
        np.add(start, end, out=level)
        level *= HEIGHT_LEVELS / 2
        np.copyto(bins, level, casting="unsafe")
        bins *= HEIGHT_BINS
        np.subtract(end, start, out=height)
        np.abs(height, out=height)
        for bound in _height_bounds():
            bins += np.greater_equal(height, bound, out=flags.view(bool)).view(np.uint8)
        np.less(np.maximum(start, end, out=height), CLIPPED, out=flags.view(bool))
        flags -= 1  # what is kept becomes 0, all others 255
        bins |= flags
        block.drop_wrapped(bins, DROPPED)
        counts += _byte_counts(bins)
    return counts[: HEIGHT_LEVELS * HEIGHT_BINS].reshape(HEIGHT_LEVELS, HEIGHT_BINS)


@cache
def _height_bounds() -> tuple[np.float32, ...]:
    """The least difference of each bin of heights but the first. Found by halving, as bits: positive floats have their
    order."""
    low = np.zeros(HEIGHT_BINS - 1, np.int32)
    high = np.full_like(low, np.float32(1).view(np.int32))
    wanted = np.arange(1, HEIGHT_BINS)
    while (low < high).any():
        middle = (low + high) // 2
        enough = height_bin(torch.from_numpy(middle.view(np.float32))).numpy() >= wanted
        low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
    return tuple(low.astype(np.int32).view(np.float32))


def _count_levels(photo: FlatBlocks) -> dict[str, np.ndarray]:
    """What is counted of single pixels."""
    levels, codes = np.zeros((5, _BYTES), np.float32), np.zeros((2, _BYTES), np.float32)
    saturation = np.zeros(_BYTES, np.float32)
    for first in range(0, photo.count, PLANE_PX_AT_ONCE):
        pixels = photo.pixels[:, first : min(first + PLANE_PX_AT_ONCE, photo.count)]
        bins = np.minimum(pixels * 256, 255).astype(np.uint8)
        # Bins keep the order of values: the brightest channel's is the largest.
        brightest = bins.max(0)
        for counts, plane in zip(levels, (*bins, brightest, bins.min(0))):
            counts += _byte_counts(plane)
        bright = pixels.max(0)
        colourful = _bin((bright - pixels.min(0)) / np.maximum(bright, 1e-3), SATURATION_BINS)
        level = brightest // (_BYTES // SATURATION_LEVELS) * SATURATION_BINS
        saturation += _byte_counts(level + np.minimum(colourful, SATURATION_BINS - 1).astype(np.uint8))
        for counts, plane in zip(codes, (pixels[1], bright)):
            counts += _byte_counts(np.rint(plane * 255).astype(np.uint8))
    return {
        "levels": levels.reshape(5, LEVEL_BINS, -1).sum(2),
        "fine_levels": levels[:3].sum(0),
        "codes": codes,
        "saturation": _table(saturation[: SATURATION_LEVELS * SATURATION_BINS], SATURATION_LEVELS),
    }


def _count_slopes(green: np.ndarray) -> np.ndarray:
    """(2, LEVEL_BINS): sums of the heights of horizontal edges of (H, W) by level, and how many there are."""
    sums, rows = np.zeros((2, LEVEL_BINS)), max(PX_AT_ONCE // green.shape[1], 1)
    for top in range(0, len(green), rows):
        left, right = green[top : top + rows, :-1], green[top : top + rows, 1:]
        at = np.minimum(_bin((left + right) / 2, LEVEL_BINS), LEVEL_BINS - 1).ravel()
        sums[0] += np.bincount(at, np.abs(right - left).ravel(), LEVEL_BINS)
        sums[1] += np.bincount(at, minlength=LEVEL_BINS)
    return sums.astype(np.float32)


def _measure_differences(code: np.ndarray) -> dict[str, np.ndarray]:
    """Mean absolute differences of green and of two colour differences, along rows and columns; and green's grid."""
    (red, green, blue), (height, width) = code, code.shape[1:]
    sums, numbers = np.zeros((2, 3, 2, len(STEPS) + len(BENDS)))
    columns, rows = (
        np.zeros(max(width - 1, 0)),
        np.zeros(max(height - 1, 0)),
    )  # sums of green's edges along rows, columns
    tall = max(PLANE_PX_AT_ONCE // width, 1)
    for top in range(0, height, tall):
        part = slice(top, top + tall + 2 * max(STEPS))
        for colour, plane in enumerate((green[part], blue[part] - green[part], red[part] - green[part])):
            for axis, first in ((1, plane[:tall]), (0, plane)):  # all differences that begin in the first `tall` rows
                most = tall if axis == 0 else width
                for kind, step in enumerate(STEPS):
                    later, earlier = _apart(first, step, axis)
                    difference = later - earlier
                    _add_size(sums, numbers, (colour, 1 - axis, kind), _cut(difference, axis, 0, most))
                    if step in BENDS:  # the difference of two differences, taken while its size is summed
                        later, earlier = _apart(difference, step, axis)
                        bend = (colour, 1 - axis, len(STEPS) + BENDS.index(step))
                        _add_size(sums, numbers, bend, *(_cut(x, axis, 0, most) for x in (later, earlier)))
                    if step == 1 and colour == 0 and axis == 1:
                        columns += np.abs(difference).sum(0)
                    elif step == 1 and colour == 0:
                        heights = np.abs(difference[:tall]).sum(1)
                        rows[top : top + len(heights)] = heights
    means = (sums / np.maximum(numbers, 1)).ravel()
    return {"differences": np.float32(means), "grid": np.stack([by_place(columns / height), by_place(rows / width)])}


def _cut(plane: np.ndarray, axis: int, start: int, stop: int) -> np.ndarray:
    return plane[start:stop] if axis == 0 else plane[:, start:stop]


def _apart(plane: np.ndarray, step: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The plane from `step` on, and up to `step` before its end."""
    size = plane.shape[axis]
    return _cut(plane, axis, step, size), _cut(plane, axis, 0, max(size - step, 0))


def _add_size(sums: np.ndarray, numbers: np.ndarray, at: tuple[int, int, int], *planes: np.ndarray) -> None:
    """Add what is in a plane, or the difference of two, by its size."""
    if planes[0].size:
        sums[at] += cv2.norm(*planes, normType=cv2.NORM_L1)
        numbers[at] += planes[0].size


def by_place(heights: np.ndarray) -> np.ndarray:
    """(BLOCK,): the mean of `heights` of edges at each place in a JPEG block."""
    place = np.arange(len(heights)) % BLOCK
    counts = np.bincount(place, minlength=BLOCK)
    return np.float32(np.bincount(place, heights, BLOCK) / np.maximum(counts, 1))


def _bin(values: np.ndarray, count: int) -> np.ndarray:
    """`histograms.bin_of`, not clamped."""
    return (values * count).astype(np.int32)


def _byte_counts(values: np.ndarray) -> np.ndarray:
    """(256,) float32: how often each byte occurs."""
    return cv2.calcHist(
        [values.reshape(1, -1) if values.ndim == 1 else values], [0], None, [_BYTES], [0, _BYTES]
    ).ravel()


def _table(counts: np.ndarray, rows: int) -> np.ndarray:
    return counts.astype(np.float32).reshape(rows, -1)
