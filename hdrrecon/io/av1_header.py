"""The size that an AV1 stream itself declares, to be compared with what its container claims.

Source: AV1 bitstream and decoding process specification, 5.3 (OBU header) and 5.5.1 (sequence header).
"""

from __future__ import annotations

_SEQUENCE_HEADER = 1
_MOST_OBUS = 16


def coded_size(stream: bytes) -> tuple[int, int] | None:
    """(width, height) of the sequence header in an AV1 stream; None where it is not as still pictures have it."""
    at = 0
    for _ in range(_MOST_OBUS):
        if at + 2 > len(stream):
            return None
        kind, extended, sized = stream[at] >> 3 & 15, stream[at] & 4, stream[at] & 2
        at += 2 if extended else 1
        if not sized:
            return _size(stream[at:]) if kind == _SEQUENCE_HEADER else None
        length, at = _leb128(stream, at)
        if kind == _SEQUENCE_HEADER:
            return _size(stream[at : at + length])
        at += length
    return None


def _leb128(stream: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i in range(8):
        if at + i >= len(stream):
            break
        value |= (stream[at + i] & 127) << 7 * i
        if stream[at + i] < 128:
            return value, at + i + 1
    return 0, len(stream)


def _size(header: bytes) -> tuple[int, int] | None:
    bits, left = int.from_bytes(header, "big"), 8 * len(header)

    def take(count: int) -> int:
        nonlocal left
        left -= count
        return bits >> max(left, 0) & ((1 << count) - 1)

    take(3 + 1)  # profile, still picture
    if take(1):  # reduced header
        take(5)
    else:
        if take(1):  # timing information, which pictures do not have
            return None
        take(1)
        if take(5):  # several operating points: layers of different sizes
            return None
        take(12)
        if take(5) > 7:
            take(1)
    width_bits, height_bits = take(4) + 1, take(4) + 1
    size = take(width_bits) + 1, take(height_bits) + 1
    return size if left >= 0 else None
