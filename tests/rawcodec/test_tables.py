"""Signed integers as symbols: they come back, escapes too, near the ideal size."""

import numpy as np
import pytest

from hdrrecon.rawcodec.rans import Decoder, Encoder
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


def test_nonsense_is_read_without_an_accident():
    rng = np.random.default_rng(3)
    tables = ValueTables(FREQUENCIES)
    for size in (0, 1, 3, 4, 7, 50):
        values = tables.get(Decoder(rng.bytes(size), 1), rng.integers(0, 64, 500))
        assert len(values) == 500 and np.abs(values).max() <= 32768
