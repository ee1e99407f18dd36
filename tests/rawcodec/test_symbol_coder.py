"""Flags of blocks spare the zeros."""

import numpy as np
import pytest

from hdrrecon.rawcodec.rans import Decoder, Encoder
from hdrrecon.rawcodec.symbol_coder import SymbolCoder, expected_flags, zero_costs
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
