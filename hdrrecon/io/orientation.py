"""The eight EXIF orientations: which way up the camera was held.

Source: EXIF 2.32 (CIPA DC-008), tag 0x0112. The number says where the stored first row and column belong.
"""

from __future__ import annotations

import re
import struct

import numpy as np

from hdrrecon.io.exif import is_sound

ORIENTATION_TAG = 0x0112
_XMP_ORIENTATION = re.compile(rb"""tiff:Orientation\s*(?:=\s*["']|>)\s*([1-8])\b""")


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turn stored pixels (H, W) or (H, W, C) into the picture as seen. Values outside 1..8 change nothing.

    Returns:
        A view where possible; 5 to 8 swap height and width.
    """
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    return image[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def as_stored(image: np.ndarray, orientation: int) -> np.ndarray:
    """The inverse of `upright`: the picture as seen, turned to lie as the file stores it."""
    # All but the quarter turns are their own inverse.
    return upright(image, {6: 8, 8: 6}.get(orientation, orientation))


def orientation_of(exif: bytes | None, xmp: bytes | None = None) -> int:
    """Orientation in a raw EXIF block, else in an XMP packet; 1 where neither says it or they are damaged."""
    value = exif_value(exif, ORIENTATION_TAG)
    if value is None and xmp:
        found = _XMP_ORIENTATION.search(xmp)
        value = int(found[1]) if found else None
    return value if value in range(1, 9) else 1


def is_adobe_rgb(exif: bytes | None) -> bool:
    """True for photos of cameras set to Adobe RGB that write no ICC profile: DCF marks them "R03"."""
    if not exif or not is_sound(exif):
        return False
    try:
        from PIL import Image

        block = Image.Exif()
        block.load(exif)
        return str(block.get_ifd(0xA005).get(1, "")).rstrip("\0 ") == "R03"
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        return False


def exif_value(exif: bytes | None, tag: int):
    """One tag of the main EXIF directory, or None if it is absent or the block is damaged."""
    if not exif or not is_sound(exif):
        return None
    from PIL import Image

    try:
        block = Image.Exif()
        block.load(exif)
        return block.get(tag)
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        return None
