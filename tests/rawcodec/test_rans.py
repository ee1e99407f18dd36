"""The entropy coder gives back what was put in, near the ideal size, and reads nonsense without an accident."""

import numpy as np
import pytest

from hdrrecon.rawcodec.rans import TOTAL, Encoder, Tables, lanes_for


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


def test_tables_that_do_not_sum_up_are_refused():
    with pytest.raises(ValueError, match="sum"):
        Tables(np.full((1, 4), 5))


@pytest.mark.parametrize("payload, lanes", [(0, 1), (700, 1), (900, 2), (10**7, 256)])
def test_lanes_cost_a_hundredth(payload, lanes):
    assert lanes_for(payload) == lanes
