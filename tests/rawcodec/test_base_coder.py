"""Map and gain grid come back as they were put, at the size that was foretold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrrecon.rawcodec.base_coder import (
    LEVELS,
    MapPrior,
    get_grid,
    get_map,
    grid_bits,
    map_bits,
    map_tables,
    put_grid,
    put_map,
)
from hdrrecon.rawcodec.rans import Decoder, Encoder
from hdrrecon.rawcodec.tables import ValueTables
from tests.rawcodec.test_tables import FREQUENCIES

TABLES = ValueTables(FREQUENCIES)
_random = np.random.default_rng(0)
PRIOR = MapPrior(
    _random.normal(size=(36, 3)), _random.normal(size=(108, 36, 3)), np.round(np.linspace(0, -60, 108)).astype(int)
)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([0, 1, 20, 1000]), st.integers(0, 999))
def test_a_grid_of_any_size_comes_back(rows, columns, size, seed):
    grid = np.random.default_rng(seed).integers(-size, size + 1, (rows, columns))
    coder = Encoder()
    bases = put_grid(coder, TABLES, grid)
    assert bases.shape == (LEVELS,) and bases.min() >= 0 and bases.max() <= 15
    data, lanes = coder.finish()
    np.testing.assert_array_equal(get_grid(Decoder(data, lanes), TABLES, grid.shape, bases), grid)


@settings(max_examples=40, deadline=None)
@given(st.integers(4, 14), st.integers(0, 999))
def test_a_map_comes_back_at_the_size_foretold(exponent, seed):
    random = np.random.default_rng(seed)
    levels = np.round(random.normal(size=108) * 2.0 ** (PRIOR.log_scale / 8 + exponent)).astype(np.int64)
    coder = Encoder()
    put_map(coder, TABLES, PRIOR, levels, exponent)
    data, lanes = coder.finish()
    np.testing.assert_array_equal(get_map(Decoder(data, lanes), TABLES, PRIOR, exponent), levels)
    assert len(data) == pytest.approx(map_bits(TABLES, PRIOR, levels, exponent) / 8, rel=0.02, abs=8)


def test_a_smooth_grid_costs_less_than_a_rough_one():
    y, x = np.mgrid[:24, :32]
    smooth = np.round(10 * np.sin(y / 9) + x / 2).astype(int)
    rough = np.random.default_rng(0).permutation(smooth.ravel()).reshape(smooth.shape)
    assert grid_bits(TABLES, smooth) < 0.5 * grid_bits(TABLES, rough)


def test_no_levels_are_the_mean_map_and_finer_steps_need_more_raw_bits():
    assert np.array_equal(PRIOR.coefficients(np.zeros(108), 9), PRIOR.mean)
    one = np.zeros(108)
    one[5] = 8
    assert PRIOR.coefficients(one, 3) == pytest.approx(PRIOR.mean + PRIOR.directions[5])
    coarse, fine = (map_tables(PRIOR, exponent)[1].sum() for exponent in (4, 14))
    assert coarse < fine
