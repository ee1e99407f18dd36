"""AVIF and HEIC containers: what the file says about its primary picture, whichever decoder then reads the pixels.

Both are boxes of the ISO base media format. A file may hold thumbnails, tiles, depth and gain maps, each with boxes of
the same names, so only those count that the `ipma` box associates with the primary item.

Sources: ISO/IEC 14496-12, 8.11 (meta, iloc, iinf, pitm, iref); ISO/IEC 23008-12, 6.5 (colr, irot, imir, pixi) and 9.3.1
(ipma); AV1 codec ISO media file format binding, 2.3 (av1C). `imir` as corrected by ISO/IEC 23000-22 Amd 2: 0 exchanges
top and bottom.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hdrrecon.io.av1_header import coded_size
from hdrrecon.io.orientation import upright

_MOST_BOXES = 20_000


@dataclass(frozen=True)
class PrimaryItem:
    """The facts of the primary picture.

    Attributes:
        size: (width, height) as stored, before any turn; None where it is not said.
        bits: per channel; None where it is not said.
        nclx: colour primaries and transfer, by their ITU-T H.273 numbers, or None.
        icc: embedded profile, or None.
        turn: EXIF orientation number that does what `irot` and `imir` say; None where the file has neither.
        exif: EXIF block as a TIFF, or None.
        xmp: XMP packet, or None.
        coded_size: (width, height) that the coded AV1 picture declares; None of tiled pictures and other codecs.
    """

    size: tuple[int, int] | None = None
    bits: int | None = None
    nclx: tuple[int, int] | None = None
    icc: bytes | None = None
    turn: int | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    coded_size: tuple[int, int] | None = None


def primary_item(data: bytes) -> PrimaryItem | None:
    """The facts of a file's primary picture; None where its boxes cannot be followed."""
    try:
        return _primary_item(data)
    except (struct.error, IndexError, KeyError, ValueError):
        return None


def _primary_item(data: bytes) -> PrimaryItem | None:
    meta = next((body for kind, body in _boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        return None
    inside = {}
    for kind, body in _boxes(data, meta[0] + 4, meta[1]):
        inside.setdefault(kind, body)
    (version,) = data[inside[b"pitm"][0] : inside[b"pitm"][0] + 1]
    primary = struct.unpack_from(">I" if version else ">H", data, inside[b"pitm"][0] + 4)[0]
    references = list(_references(data, *inside[b"iref"])) if b"iref" in inside else []
    properties = _properties(data, *inside[b"iprp"], primary)
    tiles = [to for kind, source, to in references if kind == b"dimg" and source == primary]
    tile = _properties(data, *inside[b"iprp"], tiles[0][0]) if tiles and tiles[0] else []
    return PrimaryItem(
        size=_size(data, properties),
        bits=_bits(data, properties) or _bits(data, tile),
        nclx=_nclx(data, properties) or _nclx(data, tile),
        icc=_icc(data, properties) or _icc(data, tile),
        turn=_turn(data, properties),
        coded_size=_coded_size(data, inside, primary, properties),
        **_metadata(data, inside, primary, references),
    )


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """(kind, (first, last) byte of the body) of the boxes from `start` to `end`."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        lead = 8
        if size == 1:
            size, lead = struct.unpack_from(">Q", data, start + 8)[0], 16
        stop = min(end, start + size) if size else end
        if stop < start + lead:
            return
        yield kind, (start + lead, stop)
        start = stop


def _properties(data: bytes, start: int, end: int, item: int) -> list[tuple[bytes, tuple[int, int]]]:
    """The properties of one item, in the order in which they apply."""
    inside = list(_boxes(data, start, end))
    listed = [box for kind, body in inside if kind == b"ipco" for box in _boxes(data, *body)]
    for kind, (at, stop) in inside:
        if kind != b"ipma":
            continue
        version, flags = data[at], data[at + 3]
        count, at = struct.unpack_from(">I", data, at + 4)[0], at + 8
        for _ in range(min(count, stop - at)):
            number = struct.unpack_from(">I" if version else ">H", data, at)[0]
            at += 4 if version else 2
            associations, at = data[at], at + 1
            wide = 2 if flags & 1 else 1
            indices = [int.from_bytes(data[at + wide * i : at + wide * (i + 1)], "big") for i in range(associations)]
            at += wide * associations
            if number == item:
                chosen = [i & (0x7FFF if wide == 2 else 0x7F) for i in indices]
                return [listed[i - 1] for i in chosen if 0 < i <= len(listed)]
    return []


def _references(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, list[int]]]:
    """(kind, from, [to, ...]) of every item reference."""
    letter, size = (">I", 4) if data[start] else (">H", 2)
    for kind, (at, stop) in _boxes(data, start + 4, end):
        source = struct.unpack_from(letter, data, at)[0]
        count = min(struct.unpack_from(">H", data, at + size)[0], (stop - at) // size)
        yield kind, source, [struct.unpack_from(letter, data, at + size + 2 + size * i)[0] for i in range(count)]


def _size(data: bytes, properties: list) -> tuple[int, int] | None:
    return next((struct.unpack_from(">II", data, at + 4) for kind, (at, _) in properties if kind == b"ispe"), None)


def _bits(data: bytes, properties: list) -> int | None:
    for kind, (at, stop) in properties:
        if kind == b"av1C" and at + 3 <= stop:
            high, twelve = data[at + 2] & 0x40, data[at + 2] & 0x20
            return 12 if high and twelve else 10 if high else 8
    return next((max(data[at + 5 : at + 5 + data[at + 4]]) for kind, (at, _) in properties if kind == b"pixi"), None)


def _nclx(data: bytes, properties: list) -> tuple[int, int] | None:
    for kind, (at, stop) in properties:
        if kind == b"colr" and data[at : at + 4] == b"nclx" and at + 8 <= stop:
            return struct.unpack_from(">HH", data, at + 4)
    return None


def _icc(data: bytes, properties: list) -> bytes | None:
    return next(
        (
            data[at + 4 : stop]
            for kind, (at, stop) in properties
            if kind == b"colr" and data[at : at + 4] in (b"prof", b"rICC")
        ),
        None,
    )


def _coded_size(data: bytes, inside: dict, primary: int, properties: list) -> tuple[int, int] | None:
    if not any(kind == b"av1C" for kind, _ in properties) or b"iloc" not in inside:
        return None
    return coded_size(_item_bytes(data, inside, primary))


def _turn(data: bytes, properties: list) -> int | None:
    stored = np.arange(6).reshape(2, 3)  # no two of its eight positions are alike
    turned, found = stored, False
    for kind, (at, _) in properties:
        if kind == b"irot":  # quarter turns against the clock
            turned, found = np.rot90(turned, data[at] & 3), True
        elif kind == b"imir":
            turned, found = np.flip(turned, data[at] & 1), True
    if not found:
        return None
    return next(number for number in range(1, 9) if np.array_equal(upright(stored, number), turned))


def _metadata(data: bytes, inside: dict, primary: int, references: list) -> dict[str, bytes]:
    """The EXIF block and XMP packet that describe the primary item."""
    if b"iinf" not in inside or b"iloc" not in inside:
        return {}
    describing = {source for kind, source, to in references if kind == b"cdsc" and primary in to}
    start, end = inside[b"iinf"]
    found: dict[str, bytes] = {}
    for kind, (at, _) in _boxes(data, start + (8 if data[start] else 6), end):
        if kind != b"infe" or data[at] < 2:
            continue
        number, at = (
            (struct.unpack_from(">I", data, at + 4)[0], at + 8)
            if data[at] > 2
            else (
                struct.unpack_from(">H", data, at + 4)[0],
                at + 6,
            )
        )
        what = data[at + 2 : at + 6]
        if number not in describing or what not in (b"Exif", b"mime"):
            continue
        body = _item_bytes(data, inside, number)
        if what == b"Exif" and len(body) > 4:
            found.setdefault("exif", body[4 + int.from_bytes(body[:4], "big") :])
        elif what == b"mime" and b"<x:xmpmeta" in body:
            found.setdefault("xmp", body)
    return found


def _item_bytes(data: bytes, inside: dict, item: int) -> bytes:
    at = inside[b"iloc"][0]
    version = data[at]
    offset_size, length_size = data[at + 4] >> 4, data[at + 4] & 15
    base_size, index_size = data[at + 5] >> 4, data[at + 5] & 15 if version else 0
    at += 6
    wide = 4 if version == 2 else 2

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(data):
            raise ValueError("the iloc box does not end")
        return int.from_bytes(data[at - size : at], "big")

    for _ in range(number(wide)):
        this = number(wide)
        method = number(2) & 15 if version else 0
        number(2)  # data reference
        base, body = number(base_size), b""
        for _ in range(number(2)):
            number(index_size)
            offset, length = number(offset_size), number(length_size)
            if this == item:
                start = base + offset + (inside[b"idat"][0] if method == 1 else 0)
                body += data[start : start + length]
                if len(body) > len(data):
                    raise ValueError("the extents of an item overlap")
        if this == item:
            return body
    return b""
