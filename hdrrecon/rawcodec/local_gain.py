"""A coarse field of gains between the JPEG's light and the raw's: what local tone mapping left.

The field holds log2 gains on a grid of one value per 32 x 32 pixels, interpolated bilinearly between the cells'
centres.
"""

from __future__ import annotations

import numpy as np

CELL = 32  # pixels per side


def grid_shape(height: int, width: int) -> tuple[int, int]:
    """(rows, columns) of the gain grid of an image."""
    return -(-height // CELL), -(-width // CELL)


def interpolation(length: int, cells: int, first: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each pixel: lower cell, upper cell, weight of the upper one."""
    position = np.clip(
        (np.arange(first, first + length, dtype=np.float32) + np.float32(0.5)) / CELL - np.float32(0.5), 0, cells - 1
    )
    lower = np.minimum(position.astype(np.int64), cells - 1)
    return lower, np.minimum(lower + 1, cells - 1), position - lower.astype(np.float32)


def upsample(grid: np.ndarray, width: int, first_row: int, rows: int) -> np.ndarray:
    """Rows [first_row, first_row + rows) of the interpolated field, (rows, width) float32."""
    grid = grid.astype(np.float32)
    low, high, share = interpolation(rows, grid.shape[0], first_row)
    lines = grid[low] + (grid[high] - grid[low]) * share[:, None]
    low, high, share = interpolation(width, grid.shape[1])
    return lines[:, low] + (lines[:, high] - lines[:, low]) * share
