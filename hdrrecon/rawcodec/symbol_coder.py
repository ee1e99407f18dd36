"""Codes the symbols of a pass: one flag per block says whether any of its improbable latents is there at all.

Nearly all latents are almost certainly zero. Those of tables below `CERTAIN` are coded only in blocks whose flag is
set; the flag's own table follows from how probable it is that all of them are zero. Flags of all blocks come first,
then latents, in raster order of blocks. Normative.
"""

from __future__ import annotations

import numpy as np

from hdrrecon.rawcodec.rans import TOTAL, Decoder, Encoder, Tables
from hdrrecon.rawcodec.tables import LARGEST, ValueTables

CERTAIN = 14  # tables below hold zeros with a probability of about 99 % and more
FLAG_TABLES = 24
COST_BITS = 12
# A flag's table: half octaves of the cost of "all zero", from 2**-9 bits to 8 bits, in 1/4096 bit.
THRESHOLDS = np.round(2.0 ** (3 + np.arange(1, FLAG_TABLES) / 2)).astype(np.int64)


class SymbolCoder:
    """Tables of values and flags.

    Args:
        values: (64, 64) integer frequencies, see `tables`.
        flags: (24, 2) integer frequencies of 0 and 1.
        zero_cost: (64,) int64 cost of a zero in each table, in 1/4096 bit.
    """

    def __init__(self, values: np.ndarray, flags: np.ndarray, zero_cost: np.ndarray) -> None:
        self.values, self.flags = ValueTables(values), Tables(flags)
        self.flag_bits = -np.log2(np.asarray(flags, float) / TOTAL)
        self._zero_cost = np.where(np.arange(len(zero_cost)) < CERTAIN, zero_cost, 0)

    def flag_tables(self, index: np.ndarray) -> np.ndarray:
        """(n, size) tables of latents -> (n,) tables of the blocks' flags."""
        return np.searchsorted(THRESHOLDS, self._zero_cost[index].sum(1), side="right")

    def without_waste(
        self, index: np.ndarray, symbols: np.ndarray, gain: np.ndarray, bit: float | np.ndarray
    ) -> np.ndarray:
        """Drop the improbable latents of blocks where they cost more than they are worth.

        Args:
            gain: (n, size) squared error, in squared steps, that each symbol saves over a zero.
            bit: squared steps that a bit is worth, one number or (n,).
        """
        low = (index < CERTAIN) & (symbols != 0)
        if not low.any():
            return symbols
        blocks = np.flatnonzero(low.any(1))
        i, s = index[blocks], symbols[blocks]
        table = self.flag_tables(i)
        some = self.flag_bits[table, 1] + np.where(i < CERTAIN, self.values.bits(i, s), 0).sum(1)
        saved = np.where(low[blocks], gain[blocks], 0).sum(1)
        waste = saved < np.broadcast_to(bit, len(index))[blocks] * (some - self.flag_bits[table, 0])
        out = symbols.copy()
        out[blocks] = np.where(waste[:, None] & (i < CERTAIN), 0, s)
        return out

    def bits(self, index: np.ndarray, symbols: np.ndarray) -> float:
        """What `put` costs."""
        flag = ((index < CERTAIN) & (symbols != 0)).any(1)
        coded = (index >= CERTAIN) | flag[:, None]
        total = self.flag_bits[self.flag_tables(index), flag.astype(int)].sum()
        return float(total + self.values.bits(index[coded], symbols[coded]).sum())

    def put(self, coder: Encoder, index: np.ndarray, symbols: np.ndarray) -> None:
        """Add the symbols (n, size) of a pass."""
        flag = ((index < CERTAIN) & (symbols != 0)).any(1)
        self.flags.put(coder, self.flag_tables(index), flag.astype(np.int64))
        coded = (index >= CERTAIN) | flag[:, None]
        self.values.put(coder, index[coded], symbols[coded])

    def get(self, coder: Decoder, index: np.ndarray) -> np.ndarray:
        """Decode the symbols of a pass, (n, size) int32."""
        flag = coder.get(self.flags, self.flag_tables(index)).astype(bool)
        coded = (index >= CERTAIN) | flag[:, None]
        out = np.zeros(index.shape, np.int32)
        out[coded] = self.values.get(coder, index[coded])
        return out


def zero_costs(values: np.ndarray) -> np.ndarray:
    """Cost of a zero in each table, in 1/4096 bit, as stored with the model."""
    return np.round(-np.log2(values[:, LARGEST] / TOTAL) * 2**COST_BITS).astype(np.int64)


def expected_flags() -> np.ndarray:
    """(24, 2) integer frequencies, if the cost of "all zero" were the whole truth."""
    middle = 2.0 ** (3 + (np.arange(FLAG_TABLES) + 0.5) / 2) / 2**COST_BITS
    none = np.clip(np.round(TOTAL * 2.0**-middle), 1, TOTAL - 1).astype(np.int64)
    return np.stack([none, TOTAL - none], 1)
