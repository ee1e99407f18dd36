"""Interleaved rANS: the entropy coder of the raw stream, in exact integer arithmetic.

Symbols are coded with integer frequencies that sum to 2**15. `lanes` coders take turns: symbol j of a batch belongs to
lane j % lanes. States lie in [2**16, 2**32) and are renormalised by 16 bits. This file is normative: see
docs/raw_stream.md.

Sources: J. Duda, "Asymmetric numeral systems" (2013); F. Giesen, "Interleaved entropy coders" (2014).
"""

from __future__ import annotations

import numpy as np

PRECISION = 15
TOTAL = 1 << PRECISION
_LOWEST = 1 << 16
MOST_LANES = 256
_FEW_LANES = 8  # up to which plain integers are quicker than arrays


def lanes_for(payload_bytes: int) -> int:
    """A power of two of lanes whose states take at most about 1 % of a payload; 1...256."""
    lanes = 1
    while lanes < MOST_LANES and 4 * 2 * lanes <= payload_bytes / 100:
        lanes *= 2
    return lanes


class Encoder:
    """Collects batches of symbols in the order in which they will be decoded."""

    def __init__(self) -> None:
        self._batches: list[tuple[np.ndarray, np.ndarray]] = []

    def put(self, frequency: np.ndarray, start: np.ndarray) -> None:
        """Add a batch: (n,) frequency, at least 1, and (n,) start of each symbol's interval in [0, 2**15)."""
        self._batches.append((frequency.astype(np.uint64), start.astype(np.uint64)))

    def finish(self, lanes: int | None = None) -> tuple[bytes, int]:
        """(data, lanes): final states as u32, then 16-bit words, all little-endian."""
        if lanes is None:
            ideal = sum(float(-np.log2(f.astype(np.float64) / TOTAL).sum()) for f, _ in self._batches) / 8
            lanes = lanes_for(int(ideal))
        if lanes <= _FEW_LANES:
            return self._finish_one_by_one(lanes), lanes
        state = np.full(lanes, _LOWEST, np.uint64)
        words: list[np.ndarray] = []
        for frequency, start in reversed(self._batches):
            for begin in reversed(range(0, len(frequency), lanes)):
                f, c = frequency[begin : begin + lanes], start[begin : begin + lanes]
                x = state[: len(f)]
                full = x >= (f << np.uint64(32 - PRECISION))
                if full.any():
                    words.append((x[full] & np.uint64(0xFFFF))[::-1])
                    x = np.where(full, x >> np.uint64(16), x)
                high, low = np.divmod(x, f)
                state[: len(f)] = (high << np.uint64(PRECISION)) + low + c
        tail = np.concatenate(words)[::-1] if words else np.zeros(0, np.uint64)
        return state.astype("<u4").tobytes() + tail.astype("<u2").tobytes(), lanes

    def _finish_one_by_one(self, lanes: int) -> bytes:
        """The same, symbol by symbol: quicker than arrays of a few lanes."""
        state, words = [_LOWEST] * lanes, []
        for frequency, start in reversed(self._batches):
            f_list, c_list = frequency.tolist(), start.tolist()
            for j in range(len(f_list) - 1, -1, -1):
                lane, f = j % lanes, f_list[j]
                x = state[lane]
                if x >= f << (32 - PRECISION):
                    words.append(x & 0xFFFF)
                    x >>= 16
                state[lane] = ((x // f) << PRECISION) + x % f + c_list[j]
        return np.array(state, "<u4").tobytes() + np.array(words[::-1], "<u2").tobytes()


class Decoder:
    """Reads batches in the order in which they were put. Reads zeros behind the end: check a CRC of what came out."""

    def __init__(self, data: bytes, lanes: int) -> None:
        states = np.frombuffer(data[: 4 * lanes].ljust(4 * lanes, b"\0"), "<u4")
        self._state = states.astype(np.uint64)
        rest = data[4 * lanes :]
        self._words = np.frombuffer(rest[: len(rest) // 2 * 2], "<u2").astype(np.uint64)
        self._position = 0
        self._lanes = lanes

    def get(self, tables: Tables, index: np.ndarray) -> np.ndarray:
        """Decode (n,) symbols; `index` (n,) says which of the tables each was coded with."""
        if self._lanes <= _FEW_LANES:
            return self._get_one_by_one(tables, index)
        out = np.empty(len(index), np.int64)
        mask, sixteen = np.uint64(TOTAL - 1), np.uint64(16)
        for begin in range(0, len(index), self._lanes):
            which = index[begin : begin + self._lanes]
            x = self._state[: len(which)]
            slot = x & mask
            symbol = tables.symbol[which, slot]
            x = tables.frequency[which, symbol] * (x >> np.uint64(PRECISION)) + slot - tables.start[which, symbol]
            hungry = x < _LOWEST
            count = int(np.count_nonzero(hungry))
            if count:
                words = self._words[self._position : self._position + count]
                self._position += count
                if len(words) < count:
                    words = np.concatenate([words, np.zeros(count - len(words), np.uint64)])
                x[hungry] = (x[hungry] << sixteen) | words
            self._state[: len(which)] = x
            out[begin : begin + self._lanes] = symbol
        return out

    def _get_one_by_one(self, tables: Tables, index: np.ndarray) -> np.ndarray:
        """The same, symbol by symbol."""
        state, lanes, position = self._state.tolist(), self._lanes, self._position
        words, count, mask = self._words, len(self._words), TOTAL - 1
        out = bytearray(len(index))
        for j, which in enumerate(index.tolist()):
            lane = j % lanes
            x = state[lane]
            slot = x & mask
            symbol = tables.symbols[which][slot]
            frequency, start = tables.intervals[which][symbol]
            x = frequency * (x >> PRECISION) + slot - start
            if x < _LOWEST:
                x = x << 16 | (int(words[position]) if position < count else 0)
                position += 1
            state[lane] = x
            out[j] = symbol
        self._state, self._position = np.array(state, np.uint64), position
        return np.frombuffer(out, np.uint8).astype(np.int64)


class Tables:
    """Integer frequency tables, ready for decoding.

    Args:
        frequency: (tables, symbols), each row summing to 2**15; symbols of frequency 0 cannot be coded.

    Raises:
        ValueError: a row does not sum to 2**15.
    """

    def __init__(self, frequency: np.ndarray) -> None:
        frequency = np.asarray(frequency, np.int64)
        if (frequency < 0).any() or (frequency.sum(1) != TOTAL).any():
            raise ValueError(f"frequency tables must be non-negative and sum to {TOTAL}; the model's file is damaged")
        self.frequency = frequency.astype(np.uint64)
        self.start = (np.cumsum(frequency, 1) - frequency).astype(np.uint64)
        self.symbol = np.stack([np.repeat(np.arange(frequency.shape[1]), row) for row in frequency]).astype(np.uint8)
        self.symbols = [row.tobytes() for row in self.symbol]
        self.intervals = [
            list(zip(f.tolist(), s.tolist(), strict=True)) for f, s in zip(frequency, self.start, strict=True)
        ]

    def put(self, coder: Encoder, index: np.ndarray, symbols: np.ndarray) -> None:
        """Add symbols to an encoder."""
        coder.put(self.frequency[index, symbols], self.start[index, symbols])
