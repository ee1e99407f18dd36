"""Flags of blocks spare the zeros."""

import numpy as np
import pytest

from hdrrecon.rawcodec.rans import TOTAL, Decoder, Encoder
from hdrrecon.rawcodec.symbol_coder import CERTAIN, FLAG_TABLES, SymbolCoder, expected_flags, zero_costs
from hdrrecon.rawcodec.tables import integer_frequencies, laplace_probabilities

SCALES = 0.05 * 240 ** (np.arange(64) / 63)
FREQUENCIES = integer_frequencies(laplace_probabilities(SCALES))


def test_flags_spare_the_zeros():
    rng = np.random.default_rng(4)
    coder = SymbolCoder(FREQUENCIES, expected_flags(), zero_costs(FREQUENCIES))
    index = rng.integers(0, 30, (200, 45))
    symbols = np.round(rng.laplace(size=index.shape) * SCALES[index]).astype(int)
    out = Encoder()
    coder.put(out, index, symbols)
    data, lanes = out.finish()
    np.testing.assert_array_equal(coder.get(Decoder(data, lanes), index), symbols)
    assert len(data) == pytest.approx(coder.bits(index, symbols) / 8, rel=0.02, abs=8)


def test_flags_go_from_surely_nothing_to_surely_something():
    flags = expected_flags()
    assert flags.shape == (FLAG_TABLES, 2) and (flags.sum(1) == TOTAL).all() and flags.min() >= 1
    assert (np.diff(flags[:, 0]) <= 0).all() and flags[0, 0] > 0.99 * TOTAL and flags[-1, 0] < 0.01 * TOTAL


@pytest.mark.parametrize("bit", [0.0, 0.05, 1e6])
def test_waste_is_dropped_and_never_costs_bits(bit):
    random = np.random.default_rng(5)
    coder = SymbolCoder(FREQUENCIES, expected_flags(), zero_costs(FREQUENCIES))
    index = random.integers(0, 30, (300, 15))
    symbols = np.round(random.laplace(size=index.shape) * SCALES[index]).astype(int)
    gain = symbols**2.0
    kept = coder.without_waste(index, symbols, gain, bit)
    assert ((kept == symbols) | (kept == 0)).all() and np.array_equal(kept[index >= CERTAIN], symbols[index >= CERTAIN])
    lost = gain[kept != symbols].sum()
    assert lost <= bit * (coder.bits(index, symbols) - coder.bits(index, kept)) + 1e-9
    if bit == 0:
        assert np.array_equal(kept, symbols)
    if bit > 1e3:
        assert not kept[index < CERTAIN].any() and (symbols[index < CERTAIN] != 0).any()
