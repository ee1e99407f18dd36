"""TIFF: 8- and 16-bit photos and float HDR in; uncompressed float32 out.

No single decoder can be trusted with it. Pillow turns 16-bit RGB into 8 bits; OpenCV misreads separate
planes, multiplies 8-bit colour by alpha, drops the alpha of grey images and leaves white-is-zero images
negative; both turn the image upright unasked. So the tags are read here, each decoder gets only what it is
known to do right, and the orientation is ours alone.

Source: TIFF 6.0 (Adobe 1992); BigTIFF as in the libtiff specification; SampleFormat section 19.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace

import numpy as np

from hdrrecon.io.photo import Decoded, ReadError
from hdrrecon.io.pillow import decode_with_pillow

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIP_OFFSETS = 256, 257, 258, 259, 262, 273
_ORIENTATION, _CHANNELS, _ROWS_PER_STRIP, _STRIP_COUNTS, _PLANAR = 274, 277, 278, 279, 284
_TILE_OFFSETS, _TILE_COUNTS, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 324, 325, 338, 339
_ICC, _DNG_VERSION = 34675, 50706
_UNSIGNED, _FLOAT = 1, 3
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "s", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}


@dataclass(frozen=True)
class Tag:
    values: tuple | bytes
    position: int  # of the first value in the file


def decode_tiff(data: bytes) -> Decoded:
    """First page of a TIFF. Raises ReadError: truncated, or an unsupported depth."""
    tags = tiff_tags(data)
    bits, sample_format = set(_get(tags, _BITS, (1,))), set(_get(tags, _SAMPLE_FORMAT, (_UNSIGNED,)))
    photometric = _get(tags, _PHOTOMETRIC, (_BLACK_IS_ZERO,))[0]
    orientation = _get(tags, _ORIENTATION, (1,))[0]
    if orientation in range(2, 9):  # both decoders would obey it, each version in its own way: hide it
        data = bytearray(data)
        struct.pack_into(("<" if data[:2] == b"II" else ">") + "H", data, tags[_ORIENTATION].position, 1)
        data = bytes(data)

    icc = tags[_ICC].values if _ICC in tags else None
    if sample_format == {_UNSIGNED} and max(bits) <= 8:
        plain = bits == {8} and photometric in (_BLACK_IS_ZERO, _RGB)
        pixels = _with_opencv(data, tags, bits) if plain else None  # has no limit at 179 megapixels
        if pixels is None and plain and data[:4] == b"MM\0+":  # Pillow cannot read such a header
            pixels = _with_tifffile(data, "big-endian BigTIFF")
        if pixels is None:
            return replace(decode_with_pillow("tiff", data, icc), orientation=orientation)
        return Decoded.from_channels(pixels, orientation=orientation, icc=icc)
    deep = (sample_format, bits) == ({_UNSIGNED}, {16})
    if not deep and not (sample_format == {_FLOAT} and bits <= {16, 24, 32, 64} and len(bits) == 1):
        kind = {_UNSIGNED: "unsigned", 2: "signed", _FLOAT: "float"}.get(next(iter(sample_format)), "unknown")
        raise ReadError(
            f"a TIFF with {sorted(bits)} bits ({kind}) per channel is not supported; "
            "save it with 8 or 16 bits unsigned, or 32-bit float"
        )
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        raise ReadError(
            f"a {max(bits)}-bit TIFF in colour model {photometric} (neither grey nor RGB) is not "
            "supported; convert it to RGB"
        )
    pixels = _with_opencv(data, tags, bits)
    if pixels is None:
        pixels = _with_tifffile(data, _describe(tags, bits))
    if photometric == _WHITE_IS_ZERO and deep:
        pixels = 65535 - pixels
    if not deep:
        pixels = pixels.astype(np.float32)
    return Decoded.from_channels(pixels, orientation=orientation, icc=icc)


def is_dng(data: bytes) -> bool:
    """True for a camera raw file in a TIFF's coat that says so. Raises ReadError as `tiff_tags`."""
    return _DNG_VERSION in tiff_tags(data)


def tiff_tags(data: bytes) -> dict[int, Tag]:
    """The integer and byte tags of the first page of a TIFF or BigTIFF.

    Raises:
        ReadError: the directory or any strip or tile lies beyond the end of the file.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in data[2:4]
    try:
        directory = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
        count = struct.unpack_from(order + ("Q" if big else "H"), data, directory)[0]
        entry, size, room = (directory + 8, 20, 8) if big else (directory + 2, 12, 4)
        tags = {}
        for i in range(count):
            number, kind = struct.unpack_from(order + "HH", data, entry + size * i)
            length = struct.unpack_from(order + ("Q" if big else "I"), data, entry + size * i + 4)[0]
            if kind not in _TYPES:
                continue
            position = entry + size * (i + 1) - room
            if length * struct.calcsize(_TYPES[kind]) > room:
                position = struct.unpack_from(order + ("Q" if big else "I"), data, position)[0]
            values = struct.unpack_from(f"{order}{length}{_TYPES[kind]}", data, position)
            tags[number] = Tag(values[0] if _TYPES[kind] == "s" else values, position)
    except (struct.error, OverflowError) as error:
        raise ReadError("the TIFF is truncated: its directory is incomplete; copy the file again") from error
    for offsets, counts in ((_STRIP_OFFSETS, _STRIP_COUNTS), (_TILE_OFFSETS, _TILE_COUNTS)):
        pairs = zip(_get(tags, offsets, ()), _get(tags, counts, ()), strict=False)
        end = max(map(sum, pairs), default=0)
        if end > len(data):
            raise ReadError(f"the TIFF is truncated: {len(data)} of {end} bytes; copy the file again")
    if _get(tags, _STRIP_OFFSETS, None) is None and _get(tags, _TILE_OFFSETS, None) is None:
        raise ReadError("the TIFF holds no image")
    return tags


def _get(tags: dict[int, Tag], number: int, default):
    return (tags[number].values if number in tags else ()) or default


def _with_opencv(data: bytes, tags: dict[int, Tag], bits: set[int]) -> np.ndarray | None:
    """RGB(A) or grey as stored, or None for all that OpenCV would not decode, or would decode wrongly."""
    channels, planes = _get(tags, _CHANNELS, (1,))[0], _get(tags, _PLANAR, (1,))[0]
    half = bits == {16} and _get(tags, _SAMPLE_FORMAT, (_UNSIGNED,))[0] == _FLOAT
    if channels not in ((1, 3) if bits == {8} else (1, 3, 4)) or half or 24 in bits:
        return None
    if planes != 1 and channels > 1:
        return None
    import cv2

    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # sizes beyond all measure
        return None
    if pixels is not None and 8 * pixels.dtype.itemsize not in bits:
        return None
    if pixels is None or pixels.ndim == 2:
        return pixels
    return pixels[..., [2, 1, 0, 3][:channels]]


def _describe(tags: dict[int, Tag], bits: set[int]) -> str:
    planes = ", separate planes" if _get(tags, _PLANAR, (1,))[0] != 1 else ""
    return (
        f"{max(bits)}-bit TIFF of {_get(tags, _CHANNELS, (1,))[0]} channels, "
        f"compression {_get(tags, _COMPRESSION, (1,))[0]}{planes}"
    )


def _with_tifffile(data: bytes, what: str) -> np.ndarray:
    """The rare kinds: half floats, separate planes, grey with alpha, Zstandard."""
    try:
        import tifffile
    except ImportError as error:
        raise ReadError(f"reading a {what} needs: pip install tifffile imagecodecs") from error
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages[0]
            pixels = page.asarray()
            return np.moveaxis(pixels, 0, -1) if page.axes.startswith("S") else pixels
    except Exception as error:  # tifffile raises many kinds, all meaning the same here
        raise ReadError(f"the {what} cannot be decoded ({error})") from error


def encode_float_tiff(image: np.ndarray) -> bytes:
    """(H, W, 3) or (H, W, 4, straight alpha) float32 as a baseline uncompressed TIFF of IEEE floats.

    Written by ourselves: OpenCV leaves out the tag that says that the fourth channel is alpha.

    Raises:
        ValueError: 4 GiB or more, which a TIFF cannot address.
    """
    return float_tiff_header(image.shape) + np.ascontiguousarray(image, "<f4").tobytes()


def float_tiff_header(shape: tuple[int, int, int]) -> bytes:
    """What `encode_float_tiff` puts before the floats of an image of `shape` (H, W, C)."""
    height, width, channels = shape
    size = 4 * height * width * channels
    if size > 2**32 - 4096:
        raise ValueError(f"{width} x {height} x {channels} floats exceed a TIFF's 4 GiB; write .exr instead")
    shorts = {
        _BITS: (32,) * channels,
        _COMPRESSION: (1,),
        _PHOTOMETRIC: (_RGB,),
        _ORIENTATION: (1,),
        _CHANNELS: (channels,),
        _PLANAR: (1,),
        _SAMPLE_FORMAT: (_FLOAT,) * channels,
    }
    if channels == 4:
        shorts[_EXTRA_SAMPLES] = (2,)  # unassociated, that is straight, alpha
    longs = {
        _WIDTH: (width,),
        _HEIGHT: (height,),
        _ROWS_PER_STRIP: (height,),
        _STRIP_COUNTS: (size,),
        _STRIP_OFFSETS: (0,),
    }
    fields = sorted({**shorts, **longs}.items())
    outside = 8 + 2 + 12 * len(fields) + 4  # values that do not fit into their entry come after the directory
    start = outside + sum(2 * len(v) for n, v in fields if n in shorts and len(v) > 2)
    entries, extra = b"", b""
    for number, values in fields:
        letter, kind = ("H", 3) if number in shorts else ("I", 4)
        packed = struct.pack(f"<{len(values)}{letter}", *((start,) if number == _STRIP_OFFSETS else values))
        if len(packed) > 4:
            packed, extra = struct.pack("<I", outside + len(extra)), extra + packed
        entries += struct.pack("<HHI4s", number, kind, len(values), packed)
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + bytes(4) + extra
