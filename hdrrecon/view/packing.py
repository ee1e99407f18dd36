"""Light as text inside a page: half floats, predicted from the left, in byte planes, deflated, base64.

Integers of half floats grow like logarithms, so their differences are small for dark and bright light alike.
Per pixel: green minus its left neighbour, then red and blue minus theirs minus green's difference; zigzag
(sign in the lowest bit); high and low bytes apart, because the high ones are nearly all zero.
`viewer.js` undoes it.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass

import numpy as np

HALF_MAX = 65504.0
_SAMPLE_ROWS = 160


@dataclass(frozen=True)
class Packed:
    """Base64 text of (H, W) pixels whose half floats lost their lowest `shift` bits; `clamped` values were beyond
    half."""

    text: str
    shift: int
    clamped: int


def pack(light: np.ndarray, confidence: np.ndarray | None = None, *, shift: int = 0) -> Packed:
    """Pack light (H, W, 3) floats and confidence (H, W) in [0, 1] (kept to 1/255).

    Half floats are exact to 0.05 %; each bit of `shift` doubles that. NaN and infinity are kept.
    """
    bits, clamped = half_bits(light, shift)
    return Packed(base64.b64encode(zlib.compress(_planes(bits, confidence), 6)).decode(), shift, clamped)


def packed_size(light: np.ndarray, confidence: np.ndarray | None = None, *, shift: int = 0) -> int:
    """About how long the text of `pack` will be, from bands of rows: each row is predicted by itself."""
    band = max(1, len(light) * 16 // _SAMPLE_ROWS)
    rows = np.arange(len(light)) % band < 16
    sample = _planes(half_bits(light[rows], shift)[0], None if confidence is None else confidence[rows])
    return int(len(zlib.compress(sample, 6)) * 4 / 3 * len(light) / rows.sum())


def half_bits(light: np.ndarray, shift: int = 0) -> tuple[np.ndarray, int]:
    """(H, W, 3) uint16: bits of half floats without their lowest `shift`, rounded; and how many values were clamped."""
    light = np.asarray(light, np.float32)
    beyond = np.isfinite(light) & (np.abs(light) > HALF_MAX)
    bits: np.ndarray = (
        np.where(beyond, np.copysign(np.float32(HALF_MAX), light), light).astype(np.float16).view(np.uint16)
    )
    if shift:
        magnitude = bits & 0x7FFF
        rounded = np.minimum(magnitude + (1 << shift - 1), 0x7BFF)  # rounding must not make infinities
        bits = bits & 0x8000 | np.where(magnitude < 0x7C00, rounded, magnitude)
    return bits >> shift, int(beyond.sum())


def _planes(bits: np.ndarray, confidence: np.ndarray | None) -> bytes:
    step = bits.copy()
    step[:, 1:] -= bits[:, :-1]  # wraps, as the sums in the viewer do
    red, green, blue = step[..., 0] - step[..., 1], step[..., 1], step[..., 2] - step[..., 1]
    planes = []
    for plane in (green, red, blue):
        signed = plane.view(np.int16)
        zigzag = ((signed << 1) ^ (signed >> 15)).view(np.uint16)
        planes += [(zigzag >> 8).astype(np.uint8), (zigzag & 255).astype(np.uint8)]
    if confidence is not None:
        codes = np.rint(np.clip(np.nan_to_num(confidence), 0, 1) * 255).astype(np.uint8)
        codes[:, 1:] -= codes[:, :-1].copy()
        planes.append(codes)
    return b"".join(plane.tobytes() for plane in planes)
