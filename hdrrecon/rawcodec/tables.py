"""Signed integers as symbols of frequency tables: 64 tables from narrow to wide, and an escape for what is too large.

Symbols 0...62 stand for -31...31, symbol 63 is the escape: the value follows the batch as two bytes of equal
probability.
"""

from __future__ import annotations

import numpy as np

from hdrrecon.rawcodec.rans import TOTAL, Decoder, Encoder, Tables

COUNT, LARGEST = 64, 31
ESCAPE = 2 * LARGEST + 1
LIMIT = 32767  # of a coded value
_BYTES = Tables(np.full((1, 256), TOTAL // 256))


def laplace_probabilities(scale: np.ndarray) -> np.ndarray:
    """(tables, 64) probabilities of the symbols for Laplace variables of given scales (in steps), rounded to
    integers."""
    size = np.abs(np.arange(-LARGEST, LARGEST + 1))[None]
    scale = np.asarray(scale, float)[:, None]
    outer = np.exp(-np.maximum(size - 0.5, 0) / scale) * (1 - np.exp(-1 / scale)) / 2
    inner = 1 - np.exp(-0.5 / scale)
    inside = np.where(size == 0, inner, outer)
    return np.concatenate([inside, np.maximum(1 - inside.sum(1, keepdims=True), 1e-9)], 1)


def integer_frequencies(probability: np.ndarray, smallest: float = 0.3) -> np.ndarray:
    """Round (tables, 64) probabilities to integers summing to 2**15.

    The escape and the three middle symbols are at least 1; others may become 0 and are then coded by the escape.
    """
    out = np.zeros(probability.shape, np.int64)
    for row, p in zip(out, probability, strict=True):
        scaled = p / p.sum() * TOTAL
        row[:] = np.where(scaled < smallest, 0, np.maximum(np.round(scaled), 1))
        row[[LARGEST - 1, LARGEST, LARGEST + 1, ESCAPE]] = np.maximum(
            row[[LARGEST - 1, LARGEST, LARGEST + 1, ESCAPE]], 1
        )
        row[np.argmax(row)] += TOTAL - row.sum()
    return out


class ValueTables:
    """Codes signed integers with the table of each."""

    def __init__(self, frequency: np.ndarray) -> None:
        self.tables = Tables(frequency)
        with np.errstate(divide="ignore"):
            cost = -np.log2(np.asarray(frequency, float) / TOTAL)
        self.cost = np.where(np.isfinite(cost), cost, cost[:, ESCAPE:] + 16)  # (64, 64) bits

    def bits(self, index: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Cost of each value in bits."""
        size = np.abs(values)
        inside = self.cost[index, np.clip(values, -LARGEST, LARGEST) + LARGEST]
        return np.where(size <= LARGEST, inside, self.cost[index, ESCAPE] + 16)

    def put(self, coder: Encoder, index: np.ndarray, values: np.ndarray) -> None:
        """Add (n,) integers in [-32767, 32767]; `index` (n,) in 0...63."""
        symbols = np.clip(values, -LARGEST, LARGEST) + LARGEST
        outside = (np.abs(values) > LARGEST) | (self.tables.frequency[index, symbols] == 0)
        symbols = np.where(outside, ESCAPE, symbols)
        self.tables.put(coder, index, symbols)
        if outside.any():
            rest = values[outside] + LIMIT + 1
            pairs = np.stack([rest >> 8, rest & 255], 1).ravel()
            _BYTES.put(coder, np.zeros(len(pairs), np.int64), pairs)

    def get(self, coder: Decoder, index: np.ndarray) -> np.ndarray:
        """Decode (n,) integers."""
        symbols = coder.get(self.tables, index)
        values = symbols - LARGEST
        outside = symbols == ESCAPE
        if outside.any():
            pairs = coder.get(_BYTES, np.zeros(2 * int(outside.sum()), np.int64)).reshape(-1, 2)
            values[outside] = (pairs[:, 0] << 8 | pairs[:, 1]) - LIMIT - 1
        return values
