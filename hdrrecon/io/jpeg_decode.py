"""The pixels of a JPEG, and whether libjpeg had to guess any of them.

libjpeg goes on after damage: it fills what it cannot decode with grey and warns. Pillow and OpenCV keep these warnings
to themselves, so the pixels come through simplejpeg (libjpeg-turbo), which raises them; they are the same, bit for bit.
Kinds that simplejpeg does not know (CMYK, unusual subsampling) come through Pillow.

Source of the warnings: jerror.h of libjpeg, JWRN_*.
"""

from __future__ import annotations

import importlib
import re

import numpy as np

from hdrrecon.io.container import check_jpeg
from hdrrecon.io.limits import check_holds, check_size
from hdrrecon.io.orientation import orientation_of
from hdrrecon.io.photo import Decoded, ReadError
from hdrrecon.io.pillow import decode_image, opened

_BLOCK_PX, _LEAST_BITS = 64, 1
_MANY_SCANS, _MOST_SCAN_MEGAPIXELS = 64, 500
_HARMLESS_EXTRA_BYTES = 16  # some cameras and programs pad the end of their scan
_GUESSED = re.compile(r"Corrupt JPEG data|Premature end|Inconsistent progression|[Aa]rithmetic")
_EXTRA = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


def decode_jpeg(data: bytes) -> Decoded:
    """The first picture of a JPEG file, as stored, with its EXIF, XMP and profile.

    Raises:
        ReadError: truncated, damaged (libjpeg's own warnings decide), too large, or not of 8 bits.
    """
    frame = check_jpeg(data)
    check_size(frame.width, frame.height, len(data))
    check_holds("JPEG", frame.width * frame.height // _BLOCK_PX * _LEAST_BITS // 8, len(data))
    work = frame.scans * frame.width * frame.height / 1e6
    if frame.scans > _MANY_SCANS and work > _MOST_SCAN_MEGAPIXELS:
        raise ReadError(f"the JPEG is made of {frame.scans} scans, which no camera or program writes; save it anew")
    image = opened("jpeg", data)
    facts = {
        "exif": image.info.get("exif"),
        "icc": image.info.get("icc_profile") or None,
        "xmp": image.info.get("xmp"),
    }
    facts["orientation"] = orientation_of(facts["exif"], facts["xmp"])
    space = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}.get(image.mode)
    pixels, notes = _decoded(data, space) if space else (None, ())
    if pixels is None or space == "CMYK":
        decoded = decode_image("jpeg", image)
        return Decoded(decoded.color, decoded.alpha, notes=notes, **{**facts, "icc": decoded.icc})
    return Decoded.from_channels(pixels, notes=notes, **facts)


def decode_map(data: bytes) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8 of the JPEG of a gain map. Raises ReadError: damaged."""
    color = decode_jpeg(data).color
    return color[..., 0] if color.shape[2] == 1 else color


def _decoded(data: bytes, space: str) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The pixels, or None where simplejpeg cannot decode them, and sentences about what is odd.

    Of CMYK only a small version is decoded, for its warnings.
    """
    simplejpeg = importlib.import_module("simplejpeg")
    reduced = {"min_height": 1, "min_width": 1, "min_factor": 8} if space == "CMYK" else {}
    try:
        return simplejpeg.decode_jpeg(data, colorspace=space, **reduced), ()
    except ValueError as error:
        text = str(error)
    extra = _EXTRA.search(text)
    if extra and int(extra[1]) <= _HARMLESS_EXTRA_BYTES:
        notes = (f"the JPEG has {extra[1]} bytes too many before its end marker; its last rows may be damaged",)
    elif _GUESSED.search(text):
        raise ReadError(f"the JPEG is damaged: libjpeg had to guess a part of it ({text}); copy the file again")
    else:
        notes = ()
    try:  # odd, but libjpeg did not have to guess anything
        return simplejpeg.decode_jpeg(data, colorspace=space, strict=False, **reduced), notes
    except ValueError:
        return None, notes
