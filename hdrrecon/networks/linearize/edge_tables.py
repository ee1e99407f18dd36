"""Tables of edges, filled from pixels that were picked out: what `response_statistics` counts of triples of pixels.

float32 arithmetic in the order of the tensor operations there, so the same to the count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np

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
)

DROPPED = 255  # a byte that is no bin, and no row


@dataclass(frozen=True)
class EdgeTables:
    """Counts of edges: `places` of their middles (EDGE_ROWS, EDGE_PLACES), `fine` ones (EDGE_ROWS, FINE_PLACES + 2),
    and differences between `colours` (COLOUR_ROWS, COLOUR_PLACES), all float32."""

    places: np.ndarray = field(default_factory=partial(np.zeros, (EDGE_ROWS, EDGE_PLACES), np.float32))
    fine: np.ndarray = field(default_factory=partial(np.zeros, (EDGE_ROWS, FINE_PLACES + 2), np.float32))
    colours: np.ndarray = field(default_factory=partial(np.zeros, (COLOUR_ROWS, COLOUR_PLACES), np.float32))

    def add_places(self, row: np.ndarray, rise: np.ndarray, up: np.ndarray, coarse: bool, fine: bool) -> None:
        """Edges (n,) whose middles lie `up` above their dark end, and their bright ends `rise`; `row` of the tables,
        uint8. What is in `up` is lost."""
        place = np.divide(up, rise, out=up)
        planes, sizes = [row], [EDGE_ROWS]
        if coarse:
            bins = (place * np.float32(EDGE_PLACES)).astype(np.int8).view(np.uint8)
            np.minimum(bins, EDGE_PLACES - 1, out=bins)
            outside = ((place < 0) | (place > 1)).view(np.uint8)
            outside *= EDGE_PLACES
            planes.append(np.maximum(bins, outside, out=bins))
            sizes.append(EDGE_PLACES + 1)  # the last: outside
        if fine:
            np.clip(place, -0.04, 1.04, out=place)
            place *= FINE_PLACES - 1e-3
            place += 1
            planes.append(place.astype(np.uint8))
            sizes.append(FINE_PLACES + 2)
        # Both tables at once: most of the time goes to counting.
        counts = _joint_counts(planes, sizes)
        if coarse:
            by_place = counts.sum(2) if fine else counts
            self.places[:] += by_place[:, :EDGE_PLACES]
        if fine:
            self.fine[:] += counts.sum(1) if coarse else counts

    def add_colours(self, start: np.ndarray, middle: np.ndarray, end: np.ndarray) -> None:
        """Triples of pixels (3, n): those that are edges in two channels (`response_statistics.colour_statistics`)."""
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
            column = np.clip(_bin(ahead + 0.5, COLOUR_PLACES), 0, COLOUR_PLACES - 1)
            self.colours[:] += _kept_counts(row * COLOUR_PLACES + column, kept, self.colours.shape)


def row_of(low: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """The row of edges (n,) from `low` up by `rise`: by strength, then by level, uint8. What is in `rise` stays."""
    row = (rise > EDGE_STRENGTHS[1]).view(np.uint8)
    row += (rise > EDGE_STRENGTHS[2]).view(np.uint8)
    row *= EDGE_LEVELS
    level = rise / 2
    level += low
    level *= EDGE_LEVELS
    row += level.astype(np.uint8)
    return row


def _bin(values: np.ndarray, count: int) -> np.ndarray:
    """`histograms.bin_of`, not clamped."""
    return (values * count).astype(np.int32)


def _kept_counts(index: np.ndarray, kept: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Counts of the indices that are `kept`, as a table."""
    index += 1
    index *= kept
    return np.bincount(index, minlength=shape[0] * shape[1] + 1)[1:].reshape(shape)


def _joint_counts(planes: list[np.ndarray], sizes: list[int]) -> np.ndarray:
    """How often each tuple of bytes of some planes (n,) occurs: a float32 table of `sizes`; others do not count."""
    if not len(planes[0]):
        return np.zeros(sizes, np.float32)
    ranges = [end for size in sizes for end in (0, size)]
    return cv2.calcHist([plane.reshape(1, -1) for plane in planes], list(range(len(sizes))), None, sizes, ranges)
