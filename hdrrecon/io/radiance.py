"""Radiance .hdr (RGBE) in and out, and PFM in.

Sources: Ward, "Real Pixels", Graphics Gems II, 1991; the Radiance picture file description; PFM as described
by P. Debevec (bottom row first, the sign of the scale is the byte order).
"""

from __future__ import annotations

import re

import numpy as np

from hdrrecon.io.limits import check_size
from hdrrecon.io.mark import SOFTWARE
from hdrrecon.io.photo import Decoded, ReadError

_LONGEST_HEADER = 1 << 16
_RGBE_MAX = 255 * 2.0**119  # the largest number that OpenCV's writer does not turn into 0


def decode_hdr(data: bytes) -> Decoded:
    """A Radiance picture as it is stored; an EXPOSURE line is not applied (nor by most readers).

    Raises:
        ReadError: truncated, XYZE, or rows in another order than top to bottom.
    """
    import cv2

    header = re.match(rb"#\?[^\n]*\n(?:[^\n]*\n)*?\n([-+][XY] \d+ [-+][XY] \d+)\r?\n", data[:_LONGEST_HEADER])
    if not header:
        raise ReadError("the Radiance header is damaged or truncated: no resolution line")
    if b"FORMAT=32-bit_rle_xyze" in header.group():
        raise ReadError("XYZE Radiance pictures are not supported; convert with: ra_xyze -r")
    if not re.match(rb"-Y \d+ \+X", header.group(1)):
        raise ReadError(
            f"Radiance rows in the order {header.group(1).decode()!r} are not supported; wanted '-Y height +X width'"
        )
    height, width = (int(number) for number in re.findall(rb"\d+", header.group(1)))
    check_size(width, height, len(data))
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ReadError("the Radiance picture is damaged or truncated; copy the file again")
    return Decoded.from_channels(pixels[..., ::-1])


def encode_hdr(image: np.ndarray) -> bytes:
    """(H, W, 3) float32 as RGBE, each channel within 1/255 of the pixel's largest; negatives become 0."""
    import cv2

    image = np.clip(image, 0, np.float32(_RGBE_MAX))
    largest = image.max(axis=-1, keepdims=True)
    # Below 1e-30 lies black. Steps are powers of two, so that float32 divides by them without any error.
    step = np.ldexp(np.float32(1), np.frexp(np.maximum(largest, np.float32(1e-30)))[1] - 8)
    # Rounding may carry 255.6 to 256, one bit too many: such pixels take the next exponent.
    step = np.where(np.rint(largest / step) > 255, 2 * step, step)
    # OpenCV truncates, which darkens by 0.3 % on average; a quarter step above a rounded number survives it.
    rounded = (np.rint(image / step) + np.float32(0.25)) * step
    rounded[largest[..., 0] < 1e-30] = 0
    ok, encoded = cv2.imencode(".hdr", np.ascontiguousarray(rounded[..., ::-1]))
    if not ok:
        raise OSError("OpenCV could not encode the Radiance picture")
    first, rest = encoded.tobytes().split(b"\n", 1)
    return b"%s\nSOFTWARE=%s\n%s" % (first, SOFTWARE.encode(), rest)


def decode_pfm(data: bytes) -> Decoded:
    """A portable float map, values as stored: only the sign of its scale is used. Raises ReadError."""
    header = re.match(
        rb"(PF|Pf)\s+(\d+)\s+(\d+)\s+([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)[ \t\r]*\n",
        data[:_LONGEST_HEADER],
    )
    if not header:
        raise ReadError("the PFM header is damaged; wanted 'PF', width, height and scale")
    width, height, channels = int(header[2]), int(header[3]), 3 if header[1] == b"PF" else 1
    check_size(width, height, len(data))
    there, wanted = len(data) - header.end(), 4 * width * height * channels
    if there < wanted:
        raise ReadError(f"the PFM is truncated: {there} of {wanted} bytes of pixels; copy the file again")
    order = "<f4" if float(header[4]) < 0 else ">f4"
    pixels = np.frombuffer(data, order, width * height * channels, header.end()).reshape(height, width, channels)
    return Decoded.from_channels(pixels[::-1].astype(np.float32))
