"""JPEG XL with floats, through imagecodecs, `hdrrecon[hdrfiles]`. Experimental.

imagecodecs can neither set nor tell a colour encoding: its floats are linear Rec.709 (that is what the file
says), its integers could mean anything. So only floats go in and out, and no luminance is declared.
"""
from __future__ import annotations

import numpy as np

from hdrrecon.io.extras import need
from hdrrecon.io.photo import Decoded, ReadError

_DISTANCE = 0.5  # in just noticeable differences


def encode_jxl(image: np.ndarray, alpha: np.ndarray | None) -> bytes:
    """(H, W, 3) linear Rec.709 float32, values above 1 included; lossy."""
    imagecodecs = need("imagecodecs", "hdrfiles", "writing JPEG XL")
    full = image if alpha is None else np.dstack([image, alpha])
    return imagecodecs.jpegxl_encode(np.ascontiguousarray(full), distance=_DISTANCE)


def decode_jxl(data: bytes) -> Decoded:
    """Raises ReadError: damaged, or of integers."""
    imagecodecs = need("imagecodecs", "hdrfiles", "reading JPEG XL")
    try:
        pixels = imagecodecs.jpegxl_decode(data)
    except RuntimeError as error:
        raise ReadError(f"the JPEG XL is damaged or truncated ({error})") from error
    if pixels.dtype.kind != "f":
        raise ReadError(f"a JPEG XL of {pixels.dtype} is not supported, only floats are; convert it to PNG")
    return Decoded.from_channels(pixels.astype(np.float32))
