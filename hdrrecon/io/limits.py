"""How large an image may claim to be before anything is allocated for it.

A few bytes can claim any size. A claim is believed up to `PLAUSIBLE_PX`; beyond, the file must have at least one byte
for every `MOST_PX_PER_BYTE` pixels, and no image may have more pixels than `most_px()`. The formats add what they
know: uncompressed rows need all of their bytes, deflate at most 1032 times fewer.
"""

from __future__ import annotations

import os

from hdrrecon.io.photo import ReadError

VARIABLE = "HDRRECON_MAX_PIXELS"
"""Environment variable with the largest number of pixels an image may have; setting it is the caller's word for
sizes that few bytes claim, too."""
DEFAULT_MOST_PX = 1 << 30
PLAUSIBLE_PX = 1 << 26
MOST_PX_PER_BYTE = 4096
DEFLATE_RATIO = 1032
"""Bytes out per byte in that deflate reaches at most (zlib technical details)."""


def most_px() -> int:
    """The largest number of pixels that is read: `HDRRECON_MAX_PIXELS`, or 2^30.

    Raises:
        ReadError: the variable is no whole number above 0.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return DEFAULT_MOST_PX
    if not text.isdecimal() or int(text) == 0:
        raise ReadError(f"the environment variable {VARIABLE} is {text!r}; wanted a whole number of pixels")
    return int(text)


def check_size(width: int, height: int, data_bytes: int) -> None:
    """Refuse a claimed size before anything is allocated.

    Args:
        width, height: as the file claims them.
        data_bytes: how many bytes the file has.

    Raises:
        ReadError: no size at all, more pixels than `most_px`, or more than so few bytes can be believed to hold.
    """
    claim = f"it claims {width} x {height} pixels"
    if width < 1 or height < 1:
        raise ReadError(f"the file is damaged: {claim}")
    pixels, most = width * height, most_px()
    if pixels > most:
        raise ReadError(
            f"{claim}, more than the {most} that are read; if it is sound, set the environment variable "
            f"{VARIABLE} to allow more"
        )
    if pixels > max(PLAUSIBLE_PX, MOST_PX_PER_BYTE * data_bytes) and VARIABLE not in os.environ:
        raise ReadError(
            f"{claim} in {data_bytes} bytes, which are too few to be believed; if it is sound, set the "
            f"environment variable {VARIABLE} to {pixels}"
        )


def check_holds(what: str, wanted_bytes: int, data_bytes: int, most_ratio: int = 1) -> None:
    """Refuse a picture of `wanted_bytes` that `data_bytes`, each standing for `most_ratio` at most, cannot hold.

    Raises:
        ReadError: naming both.
    """
    if wanted_bytes > most_ratio * data_bytes:
        raise ReadError(
            f"the {what} is truncated or damaged: it claims a picture of {wanted_bytes} bytes, which its "
            f"{data_bytes} bytes cannot hold"
        )
