"""The header of a JPEG XL picture: which colours it declares, and how to declare PQ.

imagecodecs neither says nor sets them. A lossy picture is stored in XYB, as light per 255 cd/m2 whatever is declared:
the header only tells decoders in which colours to hand it out, so it can be rewritten without coding again.

Source: ISO/IEC 18181-1:2024, annexes D (image header) and E (colour encoding); 18181-2 for boxes. Bits count from the
lowest of each byte. The numbers of primaries and transfers are those of ITU-T H.273, but for P3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hdrrecon.io.pq import PQ, REC2020

UNIT_NITS = 255.0
"""Luminance of 1.0 where an encoder is told no other."""
LINEAR, SRGB = 8, 13
P3 = 11
_SIGNATURE, _LONGEST = b"\xff\x0a", 4096  # bytes; more than any header without an ICC profile
_BOXED = b"\0\0\0\x0cJXL "
_ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height
_SIZE = ((1, 9), (1, 13), (1, 18), (1, 30))
_XY = ((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
_NAME = ((0, 0), (0, 4), (16, 5), (48, 10))
_PLAIN_CHANNELS = (0, 1, 3, 4, 6)  # alpha, depth, selection, black, thermal: those without fields of their own
_CUSTOM, _GREY, _D65, _RELATIVE = 2, 1, 1, 1


@dataclass(frozen=True)
class Header:
    """What is declared, and at which bits of the codestream the parts of the header lie.

    Attributes:
        primaries, transfer: numbers; None where they are given by a profile, coordinates or an exponent.
        xyb: the picture is stored in XYB.
        extra_at: the bit that says whether fields follow it (orientation, light levels); `extra`: whether they do.
        color_at, color_end: of the colour encoding. `end`: of the whole header, which is then filled up to a byte.
    """

    primaries: int | None
    transfer: int | None
    xyb: bool
    extra: bool
    extra_at: int
    color_at: int
    color_end: int
    end: int


class _Bits:
    def __init__(self, data: bytes, at: int):
        self.value, self.at, self.length = int.from_bytes(data, "little"), at, 8 * len(data)

    def take(self, count: int) -> int:
        if self.at + count > self.length:
            raise ValueError("the JPEG XL header does not end")
        self.at += count
        return self.value >> (self.at - count) & ((1 << count) - 1)

    def choose(self, choices: tuple[tuple[int, int], ...]) -> int:
        """Two bits choose (offset, further bits)."""
        offset, count = choices[self.take(2)]
        return offset + self.take(count)


def read_header(data: bytes) -> Header | None:
    """The header of a file; None if it holds what is not understood here (previews, animations, spot colours).

    Raises:
        ValueError: it is damaged.
    """
    start, _ = _codestream(data)
    bits = _Bits(data[start : start + _LONGEST], 16)
    _take_size(bits)
    if bits.take(1):  # all by default: 8 bits, sRGB
        return Header(1, SRGB, True, False, 0, 0, 0, bits.at + 1)
    extra_at, extra = bits.at, bits.take(1)
    if extra:
        bits.take(3)
        if bits.take(1):
            _take_size(bits)
        if bits.take(2):  # preview, animation
            return None
    _skip_depth(bits)
    bits.take(1)
    for _ in range(bits.choose(((0, 0), (1, 0), (2, 4), (1, 12)))):
        if bits.take(1):  # 8-bit alpha
            continue
        kind = bits.choose(_ENUM)
        if kind not in _PLAIN_CHANNELS:
            return None
        _skip_depth(bits)
        bits.choose(((0, 0), (3, 0), (4, 0), (1, 3)))
        bits.take(8 * bits.choose(_NAME))
        bits.take(1 if kind == 0 else 0)
    xyb, color_at = bool(bits.take(1)), bits.at
    primaries, transfer = _colors(bits)
    color_end = bits.at
    if extra and not bits.take(1):
        bits.take(16 + 16 + 1 + 16)
    if bits.take(2) or not bits.take(1):  # extensions, or transforms of the user's own
        return None
    return Header(primaries, transfer, xyb, bool(extra), extra_at, color_at, color_end, bits.at)


def declared_pq(data: bytes, peak_nits: float) -> bytes:
    """The same picture, declared as PQ in Rec.2020 with light up to `peak_nits`.

    Args:
        data: a file in XYB without light levels, as encoders make it of linear floats.

    Raises:
        ValueError: it is something else.
    """
    header = read_header(data)
    if header is None or not header.xyb or header.extra or not header.extra_at:
        raise ValueError("wanted a JPEG XL of floats in XYB, without fields of its own")
    start, box = _codestream(data)
    whole = int.from_bytes(data[start : start + _LONGEST], "little")

    def part(first, end):
        return (whole >> first & ((1 << end - first) - 1), end - first)

    def half(value):
        return (struct.unpack("<H", struct.pack("<e", value))[0], 16)

    pieces = [
        part(0, header.extra_at),
        (1, 1),
        (0, 6),  # upright; no size, preview or animation of its own
        part(header.extra_at + 1, header.color_at),
        (0, 2),
        *_enum(0),
        *_enum(_D65),
        *_enum(REC2020),
        (0, 1),
        *_enum(PQ),
        *_enum(_RELATIVE),
        (0, 1),
        half(peak_nits),
        half(0),
        (0, 1),
        half(0),  # light levels
        part(header.color_end, header.end),
    ]
    value = length = 0
    for bits, count in pieces:
        value, length = value | bits << length, length + count
    rewritten = value.to_bytes(-(-length // 8), "little")
    end = start + -(-header.end // 8)
    if box is not None:
        size = int.from_bytes(data[box : box + 4], "big")
        grown = size + len(rewritten) - (end - start) if size else 0
        data = data[:box] + struct.pack(">I", grown) + data[box + 4 :]
    return data[:start] + rewritten + data[end:]


def _codestream(data: bytes) -> tuple[int, int | None]:
    """Where it begins, and where the box around it does, if there is one."""
    if data.startswith(_SIGNATURE):
        return 0, None
    at = 0
    while data.startswith(_BOXED) and at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        lead = {b"jxlc": 8, b"jxlp": 12}.get(kind)  # a part has its number in front
        if lead and data.startswith(_SIGNATURE, at + lead):
            return at + lead, at
        if size < 8:
            break
        at += size
    raise ValueError("the JPEG XL holds no codestream")


def read_size(data: bytes) -> tuple[int, int]:
    """(width, height) as stored. Raises ValueError: it is damaged."""
    start, _ = _codestream(data)
    return _take_size(_Bits(data[start : start + _LONGEST], 16))


def _take_size(bits: _Bits) -> tuple[int, int]:
    """(width, height)."""
    small = bits.take(1)

    def side() -> int:
        return 8 * (bits.take(5) + 1) if small else bits.choose(_SIZE)

    height, ratio = side(), bits.take(3)
    if not ratio:
        return side(), height
    above, below = _RATIOS[ratio - 1]
    return height * above // below, height


def _skip_depth(bits: _Bits) -> None:
    if bits.take(1):
        bits.choose(((32, 0), (16, 0), (24, 0), (1, 6)))
        bits.take(4)
    else:
        bits.choose(((8, 0), (10, 0), (12, 0), (1, 6)))


def _colors(bits: _Bits) -> tuple[int | None, int | None]:
    """Primaries and transfer of a colour encoding."""
    if bits.take(1):
        return 1, SRGB
    profile, space = bits.take(1), bits.choose(_ENUM)
    if profile or space > _GREY:
        return None, None
    white, primaries = bits.choose(_ENUM), 1
    if white == _CUSTOM:
        bits.choose(_XY), bits.choose(_XY)
    if space != _GREY:
        primaries = bits.choose(_ENUM)
        for _ in range(6 if primaries == _CUSTOM else 0):
            bits.choose(_XY)
    exponent = bits.take(1)
    transfer = bits.take(24) if exponent else bits.choose(_ENUM)
    bits.choose(_ENUM)  # rendering intent
    return (primaries if white == _D65 and primaries != _CUSTOM else None), None if exponent else transfer


def _enum(number: int) -> list[tuple[int, int]]:
    """A number as (bits, count)."""
    if number < 2:
        return [(number, 2)]
    return [(2, 2), (number - 2, 4)] if number < 18 else [(3, 2), (number - 18, 6)]
