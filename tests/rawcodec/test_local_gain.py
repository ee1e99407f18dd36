"""The field of gains: exact at cells' centres, linear between them, and the same in bands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.rawcodec.local_gain import CELL, grid_shape, interpolation, upsample


@given(st.integers(1, 200), st.integers(1, 200), st.data())
def test_bands_are_the_rows_of_the_whole(height, width, data):
    grid = np.random.default_rng(height).normal(size=grid_shape(height, width))
    first = data.draw(st.integers(0, height - 1))
    rows = data.draw(st.integers(1, height - first))
    whole = upsample(grid, width, 0, height)
    assert whole.shape == (height, width) and whole.dtype == np.float32
    assert np.array_equal(upsample(grid, width, first, rows), whole[first : first + rows])


@given(st.integers(1, 200), st.integers(1, 200))
def test_nothing_is_stronger_than_the_grid(height, width):
    grid = np.random.default_rng(width).normal(size=grid_shape(height, width))
    field = upsample(grid, width, 0, height)
    assert grid.min() - 1e-6 <= field.min() and field.max() <= grid.max() + 1e-6


def test_a_ramp_of_cells_is_a_ramp_of_pixels_between_their_centres():
    grid = np.tile(np.arange(4.0), (2, 1))
    row = upsample(grid, 4 * CELL, 0, 1)[0]
    centre = CELL // 2
    assert np.diff(row[centre : 3 * CELL]) == pytest.approx(1 / CELL, abs=1e-5)
    assert (row[:centre] == 0).all() and (row[3 * CELL + centre :] == 3).all()
    assert row[centre] == 0.5 / CELL, "pixels count from their centres"


@given(st.integers(1, 300))
def test_shares_and_cells_are_inside(length):
    cells = grid_shape(length, 1)[0]
    low, high, share = interpolation(length, cells)
    assert low.min() >= 0 and high.max() < cells and ((share >= 0) & (share < 1)).all()
