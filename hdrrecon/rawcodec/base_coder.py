"""Codes stage 0: the coefficients of the global map and the gain grid, as integers, in one rANS batch sequence.

Map coefficients are coordinates along the principal directions of maps fitted in training (`MapPrior`). The gain grid
is coded from coarse to fine; every finer value is predicted by the mean of its neighbours. Both are normative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdrrecon.rawcodec.rans import TOTAL, Decoder, Encoder, Tables
from hdrrecon.rawcodec.tables import ValueTables

MOST_RAW_BITS = 8
_RAW = Tables(
    np.stack([np.r_[np.full(1 << k, TOTAL >> k), np.zeros(256 - (1 << k), int)] for k in range(MOST_RAW_BITS + 1)])
)
LEVELS = 7  # of the gain grid: every 8th cell; then centres and edges at strides 4, 2, 1
SPREADS = np.array([1, 2, 3, 5, 9, 17])  # differences of neighbours from which the table grows
LARGEST_GAIN = 4.0  # stops


@dataclass(frozen=True)
class MapPrior:
    """What training knows of maps.

    Coefficients are `mean + sum_i u_i * directions[i]`; `log_scale` is round(8 log2 of the standard deviation of u_i).
    """

    mean: np.ndarray  # (36, 3) float64
    directions: np.ndarray  # (108, 36, 3) float64
    log_scale: np.ndarray  # (108,) int64

    def coefficients(self, levels: np.ndarray, exponent: int) -> np.ndarray:
        """(36, 3) from integer levels in steps of 2**-exponent."""
        return self.mean + np.tensordot(levels * 2.0**-exponent, self.directions, 1)


def map_tables(prior: MapPrior, exponent: int) -> tuple[np.ndarray, np.ndarray]:
    """(table index, raw low bits) of each coefficient, integers."""
    index = prior.log_scale + 8 * exponent + 31  # a table is an eighth of an octave wide
    raw = np.clip((index - 49) >> 3, 0, MOST_RAW_BITS)
    return np.clip(index - 8 * raw, 0, 63), raw


def put_map(coder: Encoder, tables: ValueTables, prior: MapPrior, levels: np.ndarray, exponent: int) -> None:
    index, raw = map_tables(prior, exponent)
    tables.put(coder, index, levels >> raw)
    _RAW.put(coder, raw, levels & ((1 << raw) - 1))


def get_map(coder: Decoder, tables: ValueTables, prior: MapPrior, exponent: int) -> np.ndarray:
    index, raw = map_tables(prior, exponent)
    high = tables.get(coder, index)
    return (high << raw) | coder.get(_RAW, raw)


def map_bits(tables: ValueTables, prior: MapPrior, levels: np.ndarray, exponent: int) -> float:
    """What `put_map` costs."""
    index, raw = map_tables(prior, exponent)
    return float((tables.bits(index, levels >> raw) + raw).sum())


def put_grid(coder: Encoder, tables: ValueTables, grid: np.ndarray) -> np.ndarray:
    """Code an integer grid; returns the base table of each level, in units of 4 tables, 0...15."""
    bases = np.zeros(LEVELS, np.int64)
    for level, (where, guess, spread) in enumerate(_levels(grid)):
        rest = grid[where] - guess
        if len(rest):
            costs = [tables.bits(_grid_index(4 * b, spread), rest).sum() for b in range(16)]
            bases[level] = int(np.argmin(costs))
            tables.put(coder, _grid_index(4 * bases[level], spread), rest)
    return bases


def grid_bits(tables: ValueTables, grid: np.ndarray) -> float:
    """What `put_grid` costs."""
    total = 0.0
    for where, guess, spread in _levels(grid):
        rest = grid[where] - guess
        if len(rest):
            total += min(float(tables.bits(_grid_index(4 * b, spread), rest).sum()) for b in range(16))
    return total


def get_grid(coder: Decoder, tables: ValueTables, shape: tuple[int, int], bases: np.ndarray) -> np.ndarray:
    """Decode an integer grid; `bases` as `put_grid` returned them."""
    grid = np.zeros(shape, np.int64)
    for level, (where, guess, spread) in enumerate(_levels(grid)):
        if len(guess):
            grid[where] = guess + tables.get(coder, _grid_index(4 * int(bases[level]), spread))
    return grid


def _grid_index(base: int, spread: np.ndarray) -> np.ndarray:
    return np.clip(base + 3 * np.searchsorted(SPREADS, spread, side="right"), 0, 63)


def _levels(grid: np.ndarray):
    """For each level: flat mask of its cells, and of each the prediction and the spread of what predicts it.

    Reads from `grid` only cells of earlier levels, so a decoder may fill it in between.
    """
    rows, columns = np.indices(grid.shape)
    coarse = (rows % 8 == 0) & (columns % 8 == 0)
    yield coarse, np.zeros(int(coarse.sum()), np.int64), np.zeros(int(coarse.sum()), np.int64)
    for stride in (4, 2, 1):
        at = (rows % stride == 0) & (columns % stride == 0)
        odd_row, odd_column = rows % (2 * stride) == stride, columns % (2 * stride) == stride
        centres, edges = at & odd_row & odd_column, at & (odd_row ^ odd_column)
        yield (
            centres,
            *_predict(grid, centres, [(-stride, -stride), (-stride, stride), (stride, -stride), (stride, stride)]),
        )
        yield edges, *_predict(grid, edges, [(-stride, 0), (stride, 0), (0, -stride), (0, stride)])


def _predict(grid: np.ndarray, where: np.ndarray, offsets: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean, rounded down, and range of the neighbours that lie inside."""
    rows, columns = np.nonzero(where)
    total, count = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    low, high = np.full(len(rows), 1 << 20), np.full(len(rows), -(1 << 20))
    for dy, dx in offsets:
        y, x = rows + dy, columns + dx
        inside = (y >= 0) & (y < grid.shape[0]) & (x >= 0) & (x < grid.shape[1])
        value = grid[np.clip(y, 0, grid.shape[0] - 1), np.clip(x, 0, grid.shape[1] - 1)]
        total += np.where(inside, value, 0)
        count += inside
        low, high = np.where(inside, np.minimum(low, value), low), np.where(inside, np.maximum(high, value), high)
    return total // np.maximum(count, 1), np.where(count > 0, high - low, 0)
