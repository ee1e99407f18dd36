"""8-bit pictures through Pillow: JPEG, 8-bit PNG, WebP, AVIF, BMP, 8-bit TIFF; palettes, alpha, 1-bit and CMYK."""

from __future__ import annotations

import importlib
import io
import struct

import numpy as np

from hdrrecon.io.icc import ProfileError, convert_with_table
from hdrrecon.io.photo import Decoded, ReadError

_PLUGINS = {"jpeg": "Jpeg", "png": "Png", "webp": "WebP", "bmp": "Bmp", "tiff": "Tiff", "avif": "Avif"}
_ROWS_PX = 1 << 22
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    RuntimeError,
    AssertionError,
    struct.error,
)


def decode_with_pillow(kind: str, data: bytes, icc: bytes | None = None) -> Decoded:
    """Decode `data` of a known `kind`, all of it, to uint8; grey stays one channel.

    The reader of the kind is called directly: `Image.open` refuses images above 179 megapixels, and its limit
    is a global, which a library has no business to change.

    Raises:
        ReadError: damaged, CMYK without a usable profile, or a pixel format that is not 8-bit.
    """
    return decode_image(kind, opened(kind, data), icc)


def opened(kind: str, data: bytes):
    """The Pillow image of `data`, its header read. Raises ReadError: the header is damaged."""
    plugin = importlib.import_module(f"PIL.{_PLUGINS[kind]}ImagePlugin")
    try:
        return getattr(plugin, f"{_PLUGINS[kind]}ImageFile")(io.BytesIO(data))
    except _BROKEN as error:
        raise ReadError(f"the {kind.upper()} is damaged or truncated ({error})") from error


def decode_image(kind: str, image, icc: bytes | None = None) -> Decoded:
    """The pixels of an opened Pillow image; raises as `decode_with_pillow`."""
    from PIL import Image

    try:
        image.load()
    except Image.DecompressionBombError as error:  # WebP and unusual TIFFs check in spite of all
        raise ReadError(f"this {kind.upper()} is too large for Pillow ({error}); save it as PNG") from error
    except _BROKEN as error:
        raise ReadError(f"the {kind.upper()} is damaged or truncated ({error})") from error
    icc = icc or image.info.get("icc_profile") or None
    if image.mode == "CMYK":
        return Decoded.from_channels(
            np.asarray(_cmyk_to_srgb(image, icc)), exif=image.info.get("exif"), xmp=image.info.get("xmp")
        )
    try:
        if image.mode != (mode := _target_mode(image)):
            image = image.convert(mode)
    except _BROKEN as error:
        raise ReadError(f"the {kind.upper()} is damaged ({error})") from error
    return Decoded.from_channels(_pixels(image), exif=image.info.get("exif"), icc=icc, xmp=image.info.get("xmp"))


def _pixels(image) -> np.ndarray:
    """`np.asarray(image)` row by row: Pillow would make two more copies of the whole."""
    width, height = image.size
    pixels = np.empty((height, width, len(image.getbands())), np.uint8)
    step = max(1, _ROWS_PX // max(1, width))
    for top in range(0, height, step):
        part = np.asarray(image.crop((0, top, width, min(top + step, height))))
        pixels[top : top + step] = part.reshape(-1, *pixels.shape[1:])
    return pixels


def _target_mode(image) -> str:
    grey = image.mode in ("1", "L", "LA", "La")
    if not grey and image.mode not in ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr"):
        raise ReadError(f"pixel format {image.mode!r} is not supported; convert the file to 8- or 16-bit RGB")
    alpha = image.has_transparency_data
    return ("LA" if alpha else "L") if grey else ("RGBA" if alpha else "RGB")


def _cmyk_to_srgb(image, icc: bytes | None):
    if not icc:
        raise ReadError("a CMYK image without an ICC profile has no defined colours; convert it to RGB first")
    try:
        return convert_with_table(image, icc)
    except ProfileError as error:
        raise ReadError(f"a CMYK image: {error}; convert it to RGB first") from error
