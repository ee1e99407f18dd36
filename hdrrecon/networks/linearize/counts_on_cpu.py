"""The counts of `response_statistics` on a CPU: float32 arithmetic as there, so the same to the count, at a fifth of
the time.

* A block of rows, and what is computed of it, stays in the second cache; operations write into the same buffers.
* Edges are picked out before anything is computed of them: most pixels lie on none.
* Where a bin fits into a byte, bytes are counted.

Shifts along rows and along columns are the same here: the photo is kept flat, and a shift is a number of pixels. Pixels
whose neighbour would lie in the next row are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch

from hdrrecon.networks.linearize.histograms import (
    CLIPPED,
    COLOUR_GAPS,
    COLOUR_LEVELS,
    COLOUR_PLACES,
    COLOUR_ROWS,
    EDGE_LEVELS,
    EDGE_PLACES,
    EDGE_ROWS,
    EDGE_STRENGTHS,
    FINE_PLACES,
    LEVEL_BINS,
)
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
_DROPPED = 255  # a byte that is no bin
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
    photo = _Flat(code)
    edges, places, colours = _count_edges(photo, 1, coloured=True)
    wide_edges, _, _ = _count_edges(photo, 2, fine=False)
    _, wide_places, _ = _count_edges(photo, 4, coarse=False)
    return Counts(
        **_count_levels(photo),
        slopes=_count_slopes(code[1]),
        edges=edges,
        wide_edges=wide_edges,
        places=places,
        wide_places=wide_places,
        colours=colours,
        heights=_count_heights(photo, 1),
        wide_heights=_count_heights(photo, 3),
        **_measure_differences(code),
    )


class _Flat:
    """A photo kept flat, and buffers for a block of its rows.

    Attributes:
        pixels: (3, H * W and a little more), so that a shift along rows may reach beyond the end.
        floats, bytes: buffers, to be had in any length (`of`).
    """

    def __init__(self, code: np.ndarray):
        self.height, self.width = code.shape[1:]
        self.count = self.height * self.width
        self.pixels = np.zeros((3, self.count + 2 * max(STEPS)), np.float32)
        self.pixels[:, : self.count].reshape(code.shape)[:] = code
        self.rows = max(PX_AT_ONCE // self.width, 1)
        self.floats = [np.empty(3 * self.rows * self.width, np.float32) for _ in range(4)]
        self.bytes = [np.empty(3 * self.rows * self.width, np.uint8) for _ in range(2)]

    def blocks(self, reach: int) -> Iterator[_Shifted]:
        """All pixels with a neighbour `reach` on, along rows and then along columns; none where the photo is too
        small."""
        for sideways, tall in ((True, self.height if self.width > reach else 0), (False, self.height - reach)):
            for top in range(0, tall, self.rows):
                count = min(self.rows, tall - top) * self.width
                yield _Shifted(self, top * self.width, count, 1 if sideways else self.width, reach if sideways else 0)


@dataclass(frozen=True)
class _Shifted:
    """A block of rows, and its neighbours along rows or columns.

    Attributes:
        start, count: of its pixels, in the flat photo.
        shift: from a pixel to its neighbour.
        wrapped: so many pixels at the end of each row have none.
    """

    photo: _Flat
    start: int
    count: int
    shift: int
    wrapped: int

    def at(self, steps: int) -> np.ndarray:
        """The pixels `steps` neighbours on, (3, count)."""
        first = self.start + steps * self.shift
        return self.photo.pixels[:, first : first + self.count]

    def floats(self, number: int) -> np.ndarray:
        """Buffer `number`, (3, count)."""
        return self.photo.floats[number][: 3 * self.count].reshape(3, -1)

    def bytes(self, number: int) -> np.ndarray:
        """The same of bytes."""
        return self.photo.bytes[number][: 3 * self.count].reshape(3, -1)

    def drop_wrapped(self, marks: np.ndarray, value: int) -> None:
        """Set `marks` (3, count) to `value` where a pixel has no neighbour."""
        if self.wrapped:
            marks.reshape(3, -1, self.photo.width)[..., self.photo.width - self.wrapped :] = value


def _count_edges(
    photo: _Flat, step: int, *, coarse: bool = True, fine: bool = True, coloured: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of 2 `step` pixels: histograms of their places, in coarse bins, in fine ones, and of differences between
    colours."""
    edges, places = (np.zeros((EDGE_ROWS, bins), np.float32) for bins in (EDGE_PLACES, FINE_PLACES + 2))
    colours = np.zeros(COLOUR_ROWS * COLOUR_PLACES)
    blended: dict[int, list[np.ndarray]] = {}
    for block in photo.blocks(2 * step):
        start, middle, end = block.at(0), block.at(step), block.at(2 * step)
        low = np.minimum(start, end, out=block.floats(0))
        high = np.maximum(start, end, out=block.floats(1))
        rise = np.subtract(high, low, out=block.floats(2))
        kept, flags = block.bytes(0).view(bool), block.bytes(1).view(bool)
        np.greater(rise, EDGE_STRENGTHS[0], out=kept)
        kept &= np.less(high, CLIPPED, out=flags)
        block.drop_wrapped(kept, False)
        up = np.subtract(middle, low, out=high)
        at = np.flatnonzero(kept)
        picked = (plane.ravel().take(at) for plane in (low, rise, up))
        _add_edges(*picked, edges if coarse else None, places if fine else None)
        if coloured:
            kept &= np.greater(rise, EDGE_STRENGTHS[1], out=flags)
            red, green, blue = kept
            two = np.flatnonzero((red & green) | (green & blue) | (red & blue))
            blended.setdefault(block.shift, []).append(two + block.start)
    for shift, parts in blended.items():
        pixels = np.concatenate(parts)
        for first in range(0, len(pixels), PICKED_AT_ONCE):
            _add_colours(photo.pixels, pixels[first : first + PICKED_AT_ONCE], shift, colours)
    return edges, places, _table(colours, COLOUR_ROWS)


def _add_edges(
    low: np.ndarray, rise: np.ndarray, up: np.ndarray, edges: np.ndarray | None, places: np.ndarray | None
) -> None:
    """Edges (n,) from `low` up to `low + rise`, their middles at `low + up`, into both tables."""
    row = (rise > EDGE_STRENGTHS[1]).view(np.uint8)
    row += (rise > EDGE_STRENGTHS[2]).view(np.uint8)
    row *= EDGE_LEVELS
    place = np.divide(up, rise, out=up)
    rise /= 2
    rise += low
    rise *= EDGE_LEVELS
    row += rise.astype(np.uint8)
    if edges is not None:
        bins = np.multiply(place, EDGE_PLACES, out=low).astype(np.int8).view(np.uint8)
        np.minimum(bins, EDGE_PLACES - 1, out=bins)
        outside = ((place < 0) | (place > 1)).view(np.uint8)
        outside *= _DROPPED
        bins |= outside
        edges += _joint_counts(row, bins, edges.shape)
    if places is not None:
        np.clip(place, -0.04, 1.04, out=place)
        place *= FINE_PLACES - 1e-3
        place += 1
        places += _joint_counts(row, place.astype(np.uint8), places.shape)


def _add_colours(flat: np.ndarray, pixels: np.ndarray, shift: int, colours: np.ndarray) -> None:
    """Edges that begin at `pixels`, in at least two channels, into the table of colours: `_colour_bins` there."""
    start, middle, end = (flat.take(pixels + steps * shift, 1) for steps in range(3))
    rise = end - start
    strong = np.abs(rise) > EDGE_STRENGTHS[1]
    safe = np.where(strong, rise, np.float32(1))
    place, level = (middle - start) / safe, (start + end) / 2
    good = strong & (place >= 0) & (place <= 1) & (np.maximum(start, end) < CLIPPED)
    for i, j in ((0, 1), (1, 2), (0, 2)):
        gap = level[i] - level[j]
        kept = good[i] & good[j] & (rise[i] * rise[j] > 0) & (np.abs(gap) > 4 / 255)
        ahead = (place[i] - place[j]) * np.sign(gap)
        row = np.minimum(_bin((level[i] + level[j]) / 2, COLOUR_LEVELS), COLOUR_LEVELS - 1) * COLOUR_GAPS
        row += np.minimum(_bin(np.abs(gap) * 3, COLOUR_GAPS), COLOUR_GAPS - 1)
        _add(colours, row * COLOUR_PLACES + np.clip(_bin(ahead + 0.5, COLOUR_PLACES), 0, COLOUR_PLACES - 1), kept)


def _count_heights(photo: _Flat, step: int) -> np.ndarray:
    """Edges of `step` pixels by level and height: `postprocessing_statistics.height_statistics`."""
    counts = np.zeros(_BYTES, np.float32)
    for block in photo.blocks(step):
        start, end = block.at(0), block.at(step)
        bins, flags = block.bytes(0), block.bytes(1)
        level = np.add(start, end, out=block.floats(1))
        level *= HEIGHT_LEVELS / 2
        np.copyto(bins, level, casting="unsafe")
        bins *= HEIGHT_BINS
        height = np.subtract(end, start, out=block.floats(0))
        np.abs(height, out=height)
        for bound in _height_bounds():
            bins += np.greater_equal(height, bound, out=flags.view(bool)).view(np.uint8)
        np.less(np.maximum(start, end, out=height), CLIPPED, out=flags.view(bool))
        flags -= 1  # what is kept becomes 0, all others 255
        bins |= flags
        block.drop_wrapped(bins, _DROPPED)
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


def _count_levels(photo: _Flat) -> dict[str, np.ndarray]:
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
    return {"differences": np.float32(means), "grid": np.stack([_by_place(columns / height), _by_place(rows / width)])}


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


def _by_place(heights: np.ndarray) -> np.ndarray:
    """(BLOCK,): the mean of `heights` of edges at each place in a JPEG block."""
    place = np.arange(len(heights)) % BLOCK
    counts = np.bincount(place, minlength=BLOCK)
    return np.float32(np.bincount(place, heights, BLOCK) / np.maximum(counts, 1))


def _bin(values: np.ndarray, count: int) -> np.ndarray:
    """`histograms.bin_of`, not clamped."""
    return (values * count).astype(np.int32)


def _add(histogram: np.ndarray, index: np.ndarray, kept: np.ndarray) -> None:
    """Count the indices that are `kept`."""
    index += 1
    index *= kept
    histogram += np.bincount(index, minlength=len(histogram) + 1)[1:]


def _joint_counts(rows: np.ndarray, bins: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(R, B) float32: how often each pair of bytes occurs; pairs beyond the table do not count."""
    if not len(rows):
        return np.zeros(shape, np.float32)
    planes = [rows.reshape(1, -1), bins.reshape(1, -1)]
    return cv2.calcHist(planes, [0, 1], None, list(shape), [0, shape[0], 0, shape[1]])


def _byte_counts(values: np.ndarray) -> np.ndarray:
    """(256,) float32: how often each byte occurs."""
    return cv2.calcHist(
        [values.reshape(1, -1) if values.ndim == 1 else values], [0], None, [_BYTES], [0, _BYTES]
    ).ravel()


def _table(counts: np.ndarray, rows: int) -> np.ndarray:
    return counts.astype(np.float32).reshape(rows, -1)
