"""EXIF blocks that may be handed to a library: a few kilobytes can list megabytes thousands of times.

Source: EXIF 2.32 (CIPA DC-008), 4.6.2; the layout is that of TIFF 6.0.
"""

from __future__ import annotations

import struct

_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8)  # bytes of a value, by type
_POINTERS = (0x8769, 0x8825, 0xA005)  # details, place, interoperability
_DEEPEST, _MOST_RATIO, _ALWAYS_BYTES = 3, 4, 1 << 16


def is_sound(exif: bytes) -> bool:
    """False for blocks whose tags together claim many times the bytes that there are; true for merely damaged ones."""
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[:2]))
    if order is None:
        return True
    try:
        claimed = _claimed(block, order, struct.unpack_from(order + "I", block, 4)[0], 0)
    except struct.error:
        return len(block) <= _ALWAYS_BYTES
    return claimed <= _MOST_RATIO * len(block) + _ALWAYS_BYTES


def _claimed(block: bytes, order: str, offset: int, depth: int) -> int:
    """Bytes that the tags of a directory, and of those it points to, say they have."""
    if depth > _DEEPEST:
        return 0
    total, pointers = 0, []
    (count,) = struct.unpack_from(order + "H", block, offset)
    for i in range(count):
        tag, kind, length, value = struct.unpack_from(order + "HHII", block, offset + 2 + 12 * i)
        total += length * (_SIZES[kind] if kind < len(_SIZES) else 1)
        if tag in _POINTERS:
            pointers.append(value)
    for pointer in pointers[: len(_POINTERS)]:
        try:
            total += _claimed(block, order, pointer, depth + 1)
        except struct.error:
            continue
    return total
