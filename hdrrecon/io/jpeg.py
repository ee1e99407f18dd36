"""A JPEG file taken apart and put together again without touching its picture.

A JPEG is a start marker, segments (EXIF, XMP, ICC, tables), scans, and an end marker; further pictures may
follow. A Multi-Picture index (MPF, an APP2 segment) says where those lie.

Sources: JPEG ITU-T T.81 annex B; Multi-Picture Format CIPA DC-007; XMP specification part 3 (Adobe).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hdrrecon.io.photo import ReadError

SOI = b"\xff\xd8"
APP0, APP1, APP2 = 0xE0, 0xE1, 0xE2
EXIF, XMP, MPF = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"MPF\0"
LONGEST_BODY = 65533
_SOS, _EOI, _RESTARTS = 0xDA, 0xD9, range(0xD0, 0xD8)
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_NO_FILL = re.compile(rb"[^\xff]")
_MOST_SEGMENTS, _MOST_FALSE_STARTS = 20_000, 16
_ICC = b"ICC_PROFILE\0"
_PRIVATE = {APP1, *range(0xE3, 0xEE), 0xEF, 0xFE}  # all application segments but JFIF, colour and Adobe's; comments
_MPF_BYTES = 82  # of our index, without its signature


@dataclass(frozen=True)
class Segment:
    """One marker segment; `body` is without marker and length."""

    marker: int
    body: bytes

    def is_(self, marker: int, signature: bytes) -> bool:
        return self.marker == marker and self.body.startswith(signature)

    def __bytes__(self) -> bytes:
        if len(self.body) > LONGEST_BODY:
            raise ValueError(f"a JPEG segment holds {LONGEST_BODY} bytes, not {len(self.body)}")
        return struct.pack(">BBH", 0xFF, self.marker, len(self.body) + 2) + self.body

    def __len__(self) -> int:
        return 4 + len(self.body)


@dataclass(frozen=True)
class Jpeg:
    """One picture: its segments up to the first scan, and from there to the end marker; `end` in the file."""

    segments: tuple[Segment, ...]
    scans: bytes
    end: int

    def body(self, marker: int, signature: bytes) -> bytes | None:
        """What follows the signature in the first such segment, or None."""
        return next((s.body[len(signature) :] for s in self.segments if s.is_(marker, signature)), None)

    def __bytes__(self) -> bytes:
        return SOI + b"".join(map(bytes, self.segments)) + self.scans


def split_jpeg(data: bytes, start: int = 0) -> Jpeg:
    """The picture that begins at `start`.

    Raises:
        ReadError: it does not, or it ends before its end marker.
    """
    if data[start : start + 2] != SOI:
        raise ReadError("the JPEG is damaged: its start marker is missing")
    segments: list[Segment] = []
    position, scans = start + 2, None
    while True:
        marker, position = _next_marker(data, position, searching=scans is not None)
        if marker == _EOI:
            if scans is None:
                raise ReadError("the JPEG is damaged: it holds no image data")
            return Jpeg(tuple(segments), data[scans:position], position)
        size = int.from_bytes(data[position : position + 2], "big")
        if size < 2 or position + size > len(data):
            raise ReadError("the JPEG is truncated: it ends inside a segment; copy the file again")
        if marker == _SOS and scans is None:
            scans = position - 2
        elif scans is None:
            segments.append(Segment(marker, data[position + 2 : position + size]))
            if len(segments) > _MOST_SEGMENTS:
                raise ReadError("the JPEG is damaged: it has segments without end")
        position += size


def _next_marker(data: bytes, position: int, searching: bool) -> tuple[int, int]:
    """(marker, position behind it); `searching` passes over entropy-coded bytes, else it must stand here."""
    if searching:
        found = _MARKER.search(data, position)
    elif data[position : position + 1] not in (b"\xff", b""):
        raise ReadError("the JPEG is damaged: a marker is missing")
    else:
        found = _NO_FILL.search(data, position)  # bytes of 255 may stand before a marker
    if found is None:
        raise ReadError("the JPEG is truncated: its end marker is missing; copy the file again")
    marker = data[found.end() - 1]
    if marker in (0x00, 0x01) or marker in _RESTARTS:
        raise ReadError("the JPEG is damaged: a marker is missing")
    return marker, found.end()


def picture_alone(data: bytes, orientation: int = 1) -> bytes:
    """The first picture of a JPEG file without what it says about its maker: no EXIF, no place, no XMP, no previews.

    Tables, colour profile and pixels stay byte for byte; of EXIF only the turn is kept.

    Args:
        data: a file.
        orientation: 2 to 8 is said in an EXIF block of its own.

    Raises:
        ReadError: it is damaged.
    """
    photo = split_jpeg(data)
    kept = [s for s in photo.segments if s.marker not in _PRIVATE and (s.marker != APP2 or s.is_(APP2, _ICC))]
    turn = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    lead = [Segment(APP1, EXIF + turn)] if orientation != 1 else []
    first = [s for s in kept if s.marker == APP0]
    return bytes(Jpeg((*first, *lead, *(s for s in kept if s.marker != APP0)), photo.scans, 0))


def pictures_behind(data: bytes, end: int) -> Iterator[Jpeg]:
    """Further pictures after the first one's `end`, whatever an index says: indices are often stale.

    Raises:
        ReadError: right at `end` a picture begins but is not complete.
    """
    position, failed = end, 0
    while (position := data.find(SOI + b"\xff", position)) >= 0:
        try:
            picture = split_jpeg(data, position)
        except ReadError:
            failed += 1
            if position == end:
                raise
            if failed >= _MOST_FALSE_STARTS:
                return
            position += 2  # chance bytes of a film or of padding
            continue
        yield picture
        position = picture.end


def index_types(body: bytes) -> list[int]:
    """Kind of each picture but the first in an MPF index (`body` without signature); [] when damaged.

    0 is undefined (gain maps), 0x010001 and 0x010002 are large previews, 0x02.... belong to panoramas, 3D etc.
    """
    try:
        order = {b"II": "<", b"MM": ">"}[body[:2]]
        directory = struct.unpack_from(order + "I", body, 4)[0]
        for i in range(struct.unpack_from(order + "H", body, directory)[0]):
            tag, _, count, value = struct.unpack_from(order + "HHII", body, directory + 2 + 12 * i)
            if tag == 0xB002:
                attributes = struct.iter_unpack(order + "I12x", body[value : value + count])
                return [a & 0xFFFFFF for (a,) in attributes][1:]
    except (KeyError, struct.error):
        pass
    return []


def with_picture_behind(segments: Sequence[Segment], scans: bytes, second: bytes) -> bytes:
    """A file of two pictures: an MPF index is put behind the leading APP0, APP1 and APP2 segments."""
    lead = next((i for i, s in enumerate(segments) if s.marker not in (APP0, APP1, APP2)), len(segments))
    position = 2 + sum(len(s) for s in segments[:lead]) + 4 + len(MPF)  # offsets count from the byte order mark
    total = 2 + sum(len(s) for s in segments) + 4 + len(MPF) + _MPF_BYTES + len(scans)
    index = b"MM\0*" + struct.pack(">IH", 8, 3)
    index += struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, 2)
    index += struct.pack(">HHIII", 0xB002, 7, 32, 50, 0)
    index += struct.pack(">IIIHH", 0x030000, total, 0, 0, 0)  # primary picture
    index += struct.pack(">IIIHH", 0, len(second), total - position, 0, 0)
    both = (*segments[:lead], Segment(APP2, MPF + index), *segments[lead:])
    return SOI + b"".join(map(bytes, both)) + scans + second
