"""The directories of a TIFF: which pages it has, which of them is the photo, and a TIFF of that page alone.

Only tags that are needed are unpacked. All others, damaged or overlapping or private, are passed over.

Source: TIFF 6.0 (Adobe 1992), section 2; BigTIFF as in the libtiff specification; SubIFDs: Adobe PageMaker 6.0 TIFF
technical notes (1995), note 1; camera raw: TIFF/EP (ISO 12234-2) and DNG 1.7.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from hdrrecon.io.photo import ReadError

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS = (
    254,
    255,
    256,
    257,
    258,
    259,
    262,
    273,
)
ORIENTATION, CHANNELS, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR = 274, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS, SUB_IFDS = 322, 323, 324, 325, 330
EXTRA_SAMPLES, SAMPLE_FORMAT, XMP, EXIF_IFD, ICC, DNG_VERSION = 338, 339, 700, 34665, 34675, 50706
_FILL_ORDER, _T4, _T6, _PREDICTOR, _COLOR_MAP, _JPEG_TABLES, _LERC = 266, 292, 293, 317, 320, 347, 50674
_PICTURE = {
    *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, CHANNELS, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR),
    *(TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS, EXTRA_SAMPLES, SAMPLE_FORMAT),
    *(_FILL_ORDER, _T4, _T6, _PREDICTOR, _COLOR_MAP, _JPEG_TABLES, _LERC),
    *(332, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532),  # inks, old JPEG, YCbCr
}
_CARRIED = {XMP, ICC}
_UNPACKED = {*_PICTURE, *_CARRIED, SUBFILE, OLD_SUBFILE, ORIENTATION, SUB_IFDS, EXIF_IFD, DNG_VERSION}
_DESCRIPTIVE = (271, 272, 305, 306, 315, 33432, EXIF_IFD)  # make, model, software, date, artist, copyright
_MAKER_NOTE, _MOST_EXIF_BYTES = 37500, 60_000
_TYPES = {
    **{1: "u1", 2: "S1", 3: "u2", 4: "u4", 5: "u8", 6: "i1", 7: "S1", 8: "i2", 9: "i4", 10: "u8", 11: "f4"},
    **{12: "f8", 13: "u4", 16: "u8", 17: "i8", 18: "u8"},
}
_MOST_PAGES, _MOST_ENTRIES, _DEEPEST = 64, 4096, 3
_REDUCED, _MASK = 1, 4
_RAW_PHOTOMETRICS, _MASK_PHOTOMETRIC = (32803, 34892), 4  # colour filter array, linear raw; transparency mask


@dataclass(frozen=True)
class Directory:
    """One page: its `tags` as arrays or bytes by number, the raw `entries`, and how many pages it hangs below."""

    tags: dict[int, np.ndarray | bytes]
    entries: dict[int, bytes]
    depth: int
    offset: int

    def get(self, number: int, default: int) -> int:
        """The first value of a tag of whole numbers."""
        values = self.tags.get(number)
        return int(values[0]) if values is not None and len(values) else default

    def all(self, number: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        values = self.tags.get(number)
        return tuple(map(int, values)) if values is not None and len(values) else default

    @property
    def size(self) -> tuple[int, int]:
        return self.get(WIDTH, 0), self.get(HEIGHT, 0)

    @property
    def holds_picture(self) -> bool:
        return STRIP_OFFSETS in self.tags or TILE_OFFSETS in self.tags

    @property
    def is_photo(self) -> bool:
        """Not a thumbnail, preview or mask."""
        kind = self.get(SUBFILE, 0)
        old = self.get(OLD_SUBFILE, 1)
        return (
            self.holds_picture
            and not kind & (_REDUCED | _MASK)
            and old == 1
            and self.get(PHOTOMETRIC, 1) != _MASK_PHOTOMETRIC
        )


@dataclass(frozen=True)
class Layout:
    """How numbers lie in the file."""

    order: str
    big: bool

    @classmethod
    def of(cls, data: bytes) -> Layout:
        return cls("<" if data[:2] == b"II" else ">", 43 in data[2:4])

    @property
    def count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def word(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "I"))

    @property
    def entry_bytes(self) -> int:
        return 20 if self.big else 12

    def read(self, data: bytes, entry: bytes) -> np.ndarray | bytes:
        """The values of an entry. Raises ValueError, struct.error: they lie beyond the end of the file."""
        kind = struct.unpack_from(self.order + "H", entry, 2)[0]
        (length,) = self.word.unpack_from(entry, 4)
        code = _TYPES.get(kind)
        if code is None:
            raise ValueError("a tag of unknown type")
        size = length * int(code[1])
        at = 4 + self.word.size
        if size <= self.word.size:
            raw = entry[at : at + size]
        else:
            (start,) = self.word.unpack_from(entry, at)
            raw = data[start : start + size]
        if len(raw) < size:
            raise ValueError("a tag that lies beyond the end of the file")
        return raw if code[0] == "S" else np.frombuffer(raw, self.order + code)


def directories(data: bytes) -> list[Directory]:
    """All pages and the pages below them, in the order of the file, of a TIFF or BigTIFF.

    Raises:
        ReadError: the first directory, or one of its tags that the picture needs, is incomplete.
    """
    layout, found = Layout.of(data), []
    try:
        waiting = [(layout.word.unpack_from(data, 8 if layout.big else 4)[0], 0)]
        seen = set()
        while waiting and len(found) < _MOST_PAGES:
            offset, depth = waiting.pop(0)
            if offset in seen or not offset:
                continue
            seen.add(offset)
            try:
                page, following = _directory(data, layout, offset, depth)
            except (struct.error, ValueError, OverflowError):
                if not found:
                    raise
                continue
            found.append(page)
            below = page.all(SUB_IFDS)[:_MOST_PAGES] if depth < _DEEPEST else ()
            waiting = [*((place, depth + 1) for place in below), (following, depth), *waiting]
    except (struct.error, ValueError, OverflowError) as error:
        raise ReadError("the TIFF is truncated: its directory is incomplete; copy the file again") from error
    return found


def _directory(data: bytes, layout: Layout, offset: int, depth: int) -> tuple[Directory, int]:
    (count,) = layout.count.unpack_from(data, offset)
    start = offset + layout.count.size
    if count > _MOST_ENTRIES:
        raise ValueError("a directory of too many tags")
    tags, entries = {}, {}
    for i in range(count):
        at = start + layout.entry_bytes * i
        entry = data[at : at + layout.entry_bytes]
        number = struct.unpack_from(layout.order + "H", entry)[0]
        entries.setdefault(number, entry)
        if number in _UNPACKED and number not in tags:
            try:
                tags[number] = layout.read(data, entry)
            except (ValueError, struct.error, OverflowError):
                if number in _PICTURE:
                    raise
    end = start + layout.entry_bytes * count
    following = layout.word.unpack_from(data, end)[0] if end + layout.word.size <= len(data) else 0
    return Directory(tags, entries, depth, offset), following


def photo_page(pages: list[Directory]) -> Directory:
    """The page that is the photo: the first that is no thumbnail, else one below a page, else the largest.

    Raises:
        ReadError: there is none.
    """
    with_picture = [page for page in pages if page.holds_picture]
    if not with_picture:
        raise ReadError("the TIFF holds no image")
    for depth in range(_DEEPEST + 1):
        photos = [page for page in with_picture if page.is_photo and page.depth == depth]
        if photos:
            return photos[0]
    return max(with_picture, key=lambda page: page.size[0] * page.size[1])


def is_raw(data: bytes) -> bool:
    """True for camera raw files in a TIFF's coat, by what is inside: DNG, colour filter arrays, Canon's CR2."""
    if data[8:10] == b"CR":
        return True
    pages = directories(data)
    return any(DNG_VERSION in page.tags or page.get(PHOTOMETRIC, 1) in _RAW_PHOTOMETRICS for page in pages)


def page_alone(data: bytes, page: Directory, without: tuple[int, ...] = ()) -> bytes:
    """A TIFF of that page, upright as stored, with the tags of its picture alone: what else there was, no decoder sees.

    The picture's bytes stay where they are; the new directory comes behind them.
    """
    layout = Layout.of(data)
    entries = [page.entries[number] for number in sorted(_PICTURE & set(page.entries)) if number not in without]
    place = len(data) + len(data) % 2
    directory = layout.count.pack(len(entries)) + b"".join(entries) + layout.word.pack(0)
    first = 8 if layout.big else 4
    head = data[:first] + layout.word.pack(place)
    return b"".join([head, memoryview(data)[len(head) :], bytes(place - len(data)), directory])


def exif_block(data: bytes, page: Directory) -> bytes | None:
    """What the directory says about camera and picture, as an EXIF block of its own; None where it says nothing."""
    layout = Layout.of(data)
    if layout.big:
        return None
    main, sub = [], []
    try:
        for number in _DESCRIPTIVE:
            if number in page.entries and number != EXIF_IFD:
                main.append(page.entries[number])
        if EXIF_IFD in page.tags:
            (at,) = page.tags[EXIF_IFD][:1]
            inner, _ = _directory(data, layout, int(at), 1)
            sub = [entry for number, entry in sorted(inner.entries.items()) if number != _MAKER_NOTE]
        if not main and not sub:
            return None
        head = data[:4] + struct.pack(layout.order + "I", 8)
        size = 2 + 12 * (len(main) + bool(sub)) + 4
        pointer = struct.pack(layout.order + "HHII", EXIF_IFD, 4, 1, 0)
        first, outside = _packed(data, layout, [*main, *([pointer] if sub else [])], 8)
        place = 8 + size + len(outside)
        if sub:
            pointer = struct.pack(layout.order + "HHII", EXIF_IFD, 4, 1, place)
            first, outside = _packed(data, layout, [*main, pointer], 8)
        block = head + first + outside
        block += b"".join(_packed(data, layout, sub, place)) if sub else b""
    except (struct.error, ValueError, OverflowError):
        return None
    return b"Exif\0\0" + block if len(block) <= _MOST_EXIF_BYTES else None


def _packed(data: bytes, layout: Layout, entries: list[bytes], place: int) -> tuple[bytes, bytes]:
    """A directory of these entries that begins at `place`, and the values that lie behind it."""
    outside_at = place + 2 + 12 * len(entries) + 4
    directory, outside = struct.pack(layout.order + "H", len(entries)), b""
    for entry in entries:
        try:
            values = bytes(layout.read(data, entry))
        except (ValueError, struct.error, OverflowError):
            values = b""
        if len(values) > 4 and len(outside) + len(values) <= _MOST_EXIF_BYTES:
            entry = entry[:8] + struct.pack(layout.order + "I", outside_at + len(outside))
            outside += values + bytes(len(values) % 2)
        elif len(values) > 4 or not values:
            entry = entry[:4] + bytes(8)  # lost: a tag without values
        directory += entry
    return directory + bytes(4), outside
