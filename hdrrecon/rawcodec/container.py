"""Carries a raw stream inside a JPEG file, in APP15 segments, without touching the picture.

Recompressing tools drop unknown segments, lossless ones keep them: that is wanted, because a stream is only worth
something beside the very picture it was made for. Further pictures behind the first one (Ultra HDR gain maps, previews)
stay where the Multi-Picture index says: its offsets are moved along.

Sources: ITU-T T.81 annex B; Multi-Picture Format CIPA DC-007, 5.2.3.
"""

from __future__ import annotations

import struct
import zlib
from os import PathLike
from pathlib import Path

from hdrrecon.io.jpeg import APP2, LONGEST_BODY, MPF, SOI, Jpeg, Segment, split_jpeg
from hdrrecon.io.photo import check_is_file
from hdrrecon.rawcodec.errors import StreamError

APP15 = 0xEF
SIGNATURE = b"HDRRECON\0RAW\0"
_PART = struct.Struct(">BB")  # part, number of parts
_CAPACITY = LONGEST_BODY - len(SIGNATURE) - _PART.size
MOST_PARTS = 255
_APPS = range(0xE0, 0xF0)
_DQT, _SOS = 0xDB, 0xDA
_FRAMES = {0xC0, 0xC1, 0xC2}
_ARITHMETIC = {0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}


def embed(jpeg: bytes, stream: bytes) -> bytes:
    """The JPEG with the stream in it; one that was there before is replaced.

    Raises:
        ReadError: the JPEG is damaged.
        ValueError: the stream does not fit (16 MB).
    """
    parts = [stream[i : i + _CAPACITY] for i in range(0, len(stream), _CAPACITY)] or [b""]
    if len(parts) > MOST_PARTS:
        raise ValueError(
            f"a JPEG holds raw streams of up to {MOST_PARTS * _CAPACITY} bytes, not {len(stream)}; use a side file"
        )
    new = [Segment(APP15, SIGNATURE + _PART.pack(i, len(parts)) + part) for i, part in enumerate(parts)]
    return _with_segments(jpeg, new)


def remove(jpeg: bytes) -> bytes:
    """The JPEG without its stream: byte for byte what it was before `embed`."""
    return _with_segments(jpeg, [])


def extract(jpeg: bytes) -> bytes | None:
    """The raw stream of a JPEG, or None.

    Raises:
        StreamError: parts of it are missing.
    """
    found = {}
    total = 0
    for segment in split_jpeg(jpeg).segments:
        if _is_ours(segment) and len(segment.body) >= len(SIGNATURE) + _PART.size:
            part, total = _PART.unpack_from(segment.body, len(SIGNATURE))
            found[part] = segment.body[len(SIGNATURE) + _PART.size :]
    if not found:
        return None
    if sorted(found) != list(range(total)):
        raise StreamError(
            f"the JPEG holds {len(found)} of {total} parts of its raw stream; take the file as the camera wrote it"
        )
    return b"".join(found[i] for i in range(total))


def has_stream(path: str | PathLike) -> bool:
    """Whether a file is a JPEG that seems to have a raw stream in it or beside it; a quick look, without reading all of
    it."""
    path = Path(path)
    try:
        check_is_file(path)
        with path.open("rb") as file:
            if file.read(2) != SOI:
                return False
            while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] not in (_SOS, 0xD9):
                size = int.from_bytes(head[2:], "big") - 2
                start = file.read(min(size, len(SIGNATURE)))
                if head[1] == APP15 and start == SIGNATURE:
                    return True
                file.seek(size - len(start), 1)
    except (OSError, ValueError):
        return False
    return side_file(path).is_file()


def side_file(jpeg: str | PathLike) -> Path:
    """Where a stream lies that is kept beside its JPEG: photo.jpg.hdrraw."""
    path = Path(jpeg)
    return path.with_name(path.name + ".hdrraw")


def picture_crc(jpeg: bytes) -> int:
    """CRC-32 of what makes the picture: bodies of quantisation tables and frame header, then the scans up to the end
    marker.

    Metadata are left out, so that a rating or a position may be written into the file.

    Raises:
        ReadError: the JPEG is damaged.
        StreamError: a kind of JPEG that is not supported (arithmetic coding, lossless).
    """
    picture = split_jpeg(jpeg)
    markers = {s.marker for s in picture.segments}
    if markers & _ARITHMETIC or not markers & _FRAMES:
        raise StreamError(
            "raw streams go with baseline and progressive JPEGs; this one is lossless or arithmetic coded"
        )
    crc = 0
    for segment in picture.segments:
        if segment.marker == _DQT or segment.marker in _FRAMES:
            crc = zlib.crc32(segment.body, crc)
    return zlib.crc32(picture.scans, crc)


def _is_ours(segment: Segment) -> bool:
    return segment.is_(APP15, SIGNATURE)


def _with_segments(jpeg: bytes, new: list[Segment]) -> bytes:
    picture: Jpeg = split_jpeg(jpeg)
    kept = [s for s in picture.segments if not _is_ours(s)]
    last = max((i for i, s in enumerate(kept) if s.marker in _APPS), default=-1) + 1
    grown = sum(map(len, new)) - sum(len(s) for s in picture.segments if _is_ours(s))
    behind = jpeg[picture.end :]
    if behind and grown:
        kept = [Segment(APP2, MPF + _moved(s.body[len(MPF) :], grown)) if s.is_(APP2, MPF) else s for s in kept]
    segments = [*kept[:last], *new, *kept[last:]]
    return SOI + b"".join(map(bytes, segments)) + picture.scans + behind


def _moved(index: bytes, grown: int) -> bytes:
    """A Multi-Picture index (body without signature) after the first picture grew by so many bytes behind it."""
    order = {b"II": "<", b"MM": ">"}.get(index[:2])
    if order is None:
        return index
    out = bytearray(index)
    try:
        (directory,) = struct.unpack_from(order + "I", index, 4)
        (count,) = struct.unpack_from(order + "H", index, directory)
        for i in range(count):
            tag, _, size, value = struct.unpack_from(order + "HHII", index, directory + 2 + 12 * i)
            if tag != 0xB002:
                continue
            for number, entry in enumerate(range(value, value + size, 16)):
                _, length, offset = struct.unpack_from(order + "III", index, entry)
                if number == 0:
                    struct.pack_into(order + "I", out, entry + 4, length + grown)
                elif offset:
                    struct.pack_into(order + "I", out, entry + 8, offset + grown)
    except struct.error:
        return index
    return bytes(out)
