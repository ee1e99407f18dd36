"""TIFF: 8- and 16-bit photos and float HDR in; uncompressed float32 out.

Which page is the photo, and what its tags mean, is decided here and in `tiff_tags`; decoders get a TIFF of that page
alone and give its samples as stored. tifffile is the first choice. Pillow reads palettes, bilevel, CMYK and YCbCr
pictures, which need more than their samples; it and OpenCV read the compressed kinds for which tifffile would need
imagecodecs, where that is not installed.

Source: TIFF 6.0 (Adobe 1992), section 18 for ExtraSamples and 19 for SampleFormat.
"""

from __future__ import annotations

import io
import logging
import struct
from dataclasses import replace

import numpy as np

from hdrrecon.io import tiff_tags as tags
from hdrrecon.io.alpha import divided
from hdrrecon.io.limits import DEFLATE_RATIO, check_holds, check_size
from hdrrecon.io.mark import SOFTWARE
from hdrrecon.io.optional import install_command
from hdrrecon.io.photo import Decoded, ReadError
from hdrrecon.io.pillow import decode_with_pillow
from hdrrecon.io.tiff_tags import Directory, directories, exif_block, is_raw, page_alone, photo_page

__all__ = ["decode_tiff", "encode_float_tiff", "float_tiff_header", "is_raw"]

_UNSIGNED, _FLOAT = 1, 3
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _YCBCR = 0, 1, 2, 6
_LABS = {8: "CIELAB", 9: "ICCLAB", 10: "ITULAB"}
_PLAIN, _JPEG = 1, 7
_RATIOS = {_PLAIN: 1, 5: 2731, 8: DEFLATE_RATIO, 32946: DEFLATE_RATIO, 32773: 64}  # none, LZW, deflate twice, PackBits
_ASSOCIATED, _UNASSOCIATED = 1, 2
_MOST_CHANNELS, _SOFTWARE = 16, 305


def decode_tiff(data: bytes) -> Decoded:
    """The photo of a TIFF, which need not be its first page. Raises ReadError: truncated, or an unsupported depth."""
    page = photo_page(directories(data))
    _check(data, page)
    bits, sample_format = set(page.all(tags.BITS, (1,))), set(page.all(tags.SAMPLE_FORMAT, (_UNSIGNED,)))
    photometric = page.get(tags.PHOTOMETRIC, _BLACK_IS_ZERO)
    icc, xmp = page.tags.get(tags.ICC), page.tags.get(tags.XMP)
    facts = {
        "orientation": page.get(tags.ORIENTATION, 1),
        "icc": None if icc is None else bytes(icc),
        "xmp": None if xmp is None else bytes(xmp),
        "exif": exif_block(data, page),
    }
    eight = sample_format == {_UNSIGNED} and max(bits) <= 8
    deep = (sample_format, bits) == ({_UNSIGNED}, {16})
    floats = sample_format == {_FLOAT} and bits <= {16, 24, 32, 64} and len(bits) == 1
    if photometric in _LABS:
        raise ReadError(f"a TIFF in {_LABS[photometric]} colours is not supported; convert it to RGB")
    if not (eight or deep or floats):
        kind = {_UNSIGNED: "unsigned", 2: "signed", _FLOAT: "float"}.get(next(iter(sample_format)), "unknown")
        raise ReadError(
            f"a TIFF with {sorted(bits)} bits ({kind}) per channel is not supported; "
            "save it with 8 or 16 bits unsigned, or 32-bit float"
        )
    plain = photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
    if not plain and not eight:
        raise ReadError(
            f"a {max(bits)}-bit TIFF in colour model {photometric} (neither grey nor RGB) is not "
            "supported; convert it to RGB"
        )
    plain = plain or photometric == _YCBCR and page.get(tags.COMPRESSION, _PLAIN) == _JPEG
    alone = page_alone(data, page)
    if not plain or min(bits) < 8:
        decoded = decode_with_pillow("tiff", alone, facts["icc"])
        return replace(decoded, **{**facts, "icc": decoded.icc})
    pixels = _samples(data, alone, page, bits)
    if pixels is None:
        decoded = decode_with_pillow("tiff", alone, facts["icc"])
        return replace(decoded, **{**facts, "icc": decoded.icc})
    if photometric == _WHITE_IS_ZERO and not floats:
        pixels[..., 0] = np.iinfo(pixels.dtype).max - pixels[..., 0]
    color, alpha = _color_and_alpha(pixels.astype(np.float32) if floats else pixels, page)
    return Decoded(color, alpha, **facts)


def _check(data: bytes, page: Directory) -> None:
    """Raise ReadError: sizes that are none or that the file cannot hold; strips or tiles beyond its end, or missing."""
    width, height = page.size
    check_size(width, height, len(data))
    channels, bits = page.get(tags.CHANNELS, 1), page.all(tags.BITS, (1,))
    if not 1 <= channels <= _MOST_CHANNELS or not all(1 <= b <= 64 for b in bits):
        raise ReadError(f"a TIFF of {channels} channels of {bits[0]} bits is not supported; save it as RGB")
    compression, planar = page.get(tags.COMPRESSION, _PLAIN), page.get(tags.PLANAR, 1) != 1
    if compression in _RATIOS:
        subsampled = page.get(tags.PHOTOMETRIC, 1) == _YCBCR
        samples = width * height * (1 if subsampled else channels)
        check_holds("TIFF", samples * min(bits) // 8, len(data), _RATIOS[compression])
    tiled = tags.TILE_OFFSETS in page.tags
    if tiled:
        across, down = page.get(tags.TILE_WIDTH, 0), page.get(tags.TILE_HEIGHT, 0)
        check_size(across, down, len(data))
        if across * down > 4 * width * height + (1 << 20):
            raise ReadError(f"the TIFF is damaged: tiles of {across} x {down} in a picture of {width} x {height}")
        wanted = -(-width // across) * -(-height // down)
    else:
        rows = min(page.get(tags.ROWS_PER_STRIP, height) or height, height)
        wanted = -(-height // rows)
    offsets = page.tags[tags.TILE_OFFSETS if tiled else tags.STRIP_OFFSETS]
    counts = page.tags.get(tags.TILE_COUNTS if tiled else tags.STRIP_COUNTS, np.zeros(0, np.int64))
    wanted *= channels if planar else 1
    if len(offsets) < wanted or len(counts) and (len(counts) < wanted or not np.all(counts[:wanted])):
        raise ReadError(f"the TIFF is damaged: some of its {wanted} strips or tiles are missing")
    both = min(len(offsets), len(counts), wanted)
    end = max((int(o) + int(c) for o, c in zip(offsets[:both], counts[:both], strict=True)), default=0)
    if end > len(data):
        raise ReadError(f"the TIFF is truncated: {len(data)} of {end} bytes; copy the file again")


def _samples(data: bytes, alone: bytes, page: Directory, bits: set[int]) -> np.ndarray | None:
    """(H, W, channels) as stored, native order; None for what Pillow is to try."""
    try:
        return _with_tifffile(alone, page)
    except Exception as error:  # tifffile raises many kinds: a codec that is missing, or damage
        if bits == {8}:
            return None
        pixels = _with_opencv(alone, page, bits)
        if pixels is None:
            what = _describe(page, bits)
            raise ReadError(
                f"the {what} cannot be decoded ({error}); some kinds need: {install_command('hdrfiles')}"
            ) from error
        return pixels


def _with_tifffile(alone: bytes, page: Directory) -> np.ndarray:
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it would log, is raised or handled here
    (width, height), channels = page.size, page.get(tags.CHANNELS, 1)
    with tifffile.TiffFile(io.BytesIO(alone)) as file:
        pixels = file.pages[0].asarray(maxworkers=1)
    if page.get(tags.PLANAR, 1) != 1 and channels > 1:
        pixels = np.moveaxis(pixels.reshape(channels, height, width), 0, -1)
    pixels = pixels.reshape(height, width, channels)
    return np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder("="), copy=not pixels.flags.writeable))


def _with_opencv(alone: bytes, page: Directory, bits: set[int]) -> np.ndarray | None:
    """16- and 32-bit RGB(A) or grey, or None for all that OpenCV would not decode, or would decode wrongly."""
    channels, half = page.get(tags.CHANNELS, 1), bits == {16} and page.get(tags.SAMPLE_FORMAT, _UNSIGNED) == _FLOAT
    if channels not in (1, 3, 4) or half or 24 in bits or page.get(tags.PLANAR, 1) != 1 and channels > 1:
        return None
    import cv2

    try:
        pixels = cv2.imdecode(np.frombuffer(alone, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if pixels is None or 8 * pixels.dtype.itemsize not in bits:
        return None
    return pixels[..., None] if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., [2, 1, 0, 3][:channels]])


def _color_and_alpha(pixels: np.ndarray, page: Directory) -> tuple[np.ndarray, np.ndarray | None]:
    """Straight colour and alpha by what the file calls its further samples; those without meaning are left out."""
    colors = 3 if page.get(tags.PHOTOMETRIC, _BLACK_IS_ZERO) in (_RGB, _YCBCR) else 1
    if pixels.shape[2] < colors:
        raise ReadError(f"the TIFF is damaged: colour of {pixels.shape[2]} channels")
    color, further = pixels[..., :colors], pixels.shape[2] - colors
    default = (_UNASSOCIATED,) if further == 1 else ()  # the tag is left out by some programs, OpenCV among them
    kinds = page.all(tags.EXTRA_SAMPLES, default)[:further]
    for i, kind in enumerate(kinds):
        if kind in (_ASSOCIATED, _UNASSOCIATED):
            alpha = pixels[..., colors + i]
            return divided(color, alpha) if kind == _ASSOCIATED else color, alpha
    return color, None


def _describe(page: Directory, bits: set[int]) -> str:
    planes = ", separate planes" if page.get(tags.PLANAR, 1) != 1 else ""
    return (
        f"{max(bits)}-bit TIFF of {page.get(tags.CHANNELS, 1)} channels, "
        f"compression {page.get(tags.COMPRESSION, _PLAIN)}{planes}"
    )


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
        tags.BITS: (32,) * channels,
        tags.COMPRESSION: (1,),
        tags.PHOTOMETRIC: (_RGB,),
        tags.ORIENTATION: (1,),
        tags.CHANNELS: (channels,),
        tags.PLANAR: (1,),
        tags.SAMPLE_FORMAT: (_FLOAT,) * channels,
    }
    if channels == 4:
        shorts[tags.EXTRA_SAMPLES] = (2,)  # unassociated, that is straight, alpha
    software = SOFTWARE.encode() + b"\0"
    longs = {
        tags.WIDTH: (width,),
        tags.HEIGHT: (height,),
        tags.ROWS_PER_STRIP: (height,),
        tags.STRIP_COUNTS: (size,),
        tags.STRIP_OFFSETS: (0,),
    }
    fields = sorted({**shorts, **longs, _SOFTWARE: software}.items())
    outside = 8 + 2 + 12 * len(fields) + 4  # values that do not fit into their entry come after the directory
    start = outside + sum(2 * len(v) for n, v in fields if n in shorts and len(v) > 2) + len(software)
    start += start % 2
    entries, extra = b"", b""
    for number, values in fields:
        letter, kind = ("H", 3) if number in shorts else ("B", 2) if number == _SOFTWARE else ("I", 4)
        packed = struct.pack(f"<{len(values)}{letter}", *((start,) if number == tags.STRIP_OFFSETS else values))
        if len(packed) > 4:
            packed, extra = struct.pack("<I", outside + len(extra)), extra + packed
        entries += struct.pack("<HHI4s", number, kind, len(values), packed)
    header = b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + bytes(4) + extra
    return header.ljust(start, b"\0")
