"""The entropy coder gives back what was put in, near the ideal size, and reads nonsense without an accident."""

import numpy as np
import pytest

from hdrrecon.rawcodec.rans import TOTAL, Decoder, Encoder, Tables, lanes_for
from hdrrecon.rawcodec.symbol_coder import SymbolCoder, expected_flags, zero_costs
from hdrrecon.rawcodec.tables import ValueTables, integer_frequencies, laplace_probabilities

SCALES = 0.05 * 240 ** (np.arange(64) / 63)
FREQUENCIES = integer_frequencies(laplace_probabilities(SCALES))


@pytest.mark.parametrize("lanes", [1, 2, 16, None])
def test_values_come_back_escapes_too(lanes):
    rng = np.random.default_rng(0)
    tables, index = ValueTables(FREQUENCIES), rng.integers(0, 64, 3000)
    values = np.round(rng.laplace(size=3000) * SCALES[index]).astype(int)
    values[::100] = rng.integers(-32767, 32768, 30)
    coder = Encoder()
    tables.put(coder, index, values)
    tables.put(coder, index[:7], values[:7])
    data, used = coder.finish(lanes)
    decoder = Decoder(data, used)
    np.testing.assert_array_equal(tables.get(decoder, index), values)
    np.testing.assert_array_equal(tables.get(decoder, index[:7]), values[:7])


def test_size_is_near_the_ideal():
    rng = np.random.default_rng(1)
    tables, index = ValueTables(FREQUENCIES), rng.integers(0, 40, 20_000)
    values = np.round(rng.laplace(size=20_000) * SCALES[index]).astype(int)
    coder = Encoder()
    tables.put(coder, index, values)
    data, _ = coder.finish()
    ideal = tables.bits(index, values).sum() / 8
    assert ideal <= len(data) <= 1.02 * ideal + 8


def test_constriction_needs_as_much():
    constriction = pytest.importorskip("constriction")
    rng = np.random.default_rng(2)
    symbols = np.minimum(rng.geometric(0.3, 20_000) - 1, 62).astype(np.int32)
    frequency = np.maximum(np.round(np.bincount(symbols, minlength=64) / 20_000 * TOTAL), 1).astype(int)
    frequency[0] += TOTAL - frequency.sum()
    coder = Encoder()
    Tables(frequency[None]).put(coder, np.zeros(20_000, int), symbols)
    ours = len(coder.finish()[0])
    theirs = constriction.stream.stack.AnsCoder()
    theirs.encode_reverse(symbols, constriction.stream.model.Categorical(frequency / TOTAL, perfect=False))
    assert ours <= 1.02 * theirs.num_bits() / 8


def test_nonsense_is_read_without_an_accident():
    rng = np.random.default_rng(3)
    tables = ValueTables(FREQUENCIES)
    for size in (0, 1, 3, 4, 7, 50):
        values = tables.get(Decoder(rng.bytes(size), 1), rng.integers(0, 64, 500))
        assert len(values) == 500 and np.abs(values).max() <= 32768


def test_tables_that_do_not_sum_up_are_refused():
    with pytest.raises(ValueError, match="sum"):
        Tables(np.full((1, 4), 5))


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


@pytest.mark.parametrize("payload, lanes", [(0, 1), (700, 1), (900, 2), (10**7, 256)])
def test_lanes_cost_a_hundredth(payload, lanes):
    assert lanes_for(payload) == lanes
