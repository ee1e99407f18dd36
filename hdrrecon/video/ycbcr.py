"""Between the planes of a video (luma, and chroma at fewer places) and R'G'B' code values, in floats and with no
library's guess.

Planes are (h, w) integers of `bits`; pictures (H, W, 3) float32 R'G'B', 0 black and 1 nominal white. Chroma of 4:2:0
sits on the left of two columns and between two rows in SDR ("left", the default of H.264), on the first of both in HDR
("topleft").

Sources: ITU-R BT.601-7, BT.709-6 and BT.2020-2 (matrices, ranges); BT.2100-2 table 9 (narrow range of 10 bits); H.273
clause 8.7 (chroma positions).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

Matrix = Literal["bt601", "bt709", "bt2020"]
LUMA_WEIGHTS: dict[str, tuple[float, float]] = {  # of red and of blue
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
Siting = Literal["left", "topleft", "centre"]
_OFFSETS = {
    "left": (0.0, 0.5),
    "topleft": (0.0, 0.0),
    "centre": (0.5, 0.5),
}  # of a sample from the first of its pixels, (x, y)
_DITHER_PX = 256


def to_rgb(
    planes: tuple[np.ndarray, np.ndarray, np.ndarray],
    bits: int,
    matrix: Matrix = "bt709",
    full_range: bool = False,
    siting: Siting = "left",
) -> np.ndarray:
    """Y'CbCr planes of `bits` as (H, W, 3) R'G'B'. Super-whites are above 1, super-blacks below 0; nothing is cut.

    Raises:
        KeyError: another matrix.
    """
    luma, *chroma = planes
    full = [_enlarged(c.astype(np.float32), luma.shape, siting) for c in chroma]
    picture = cv2.merge([luma.astype(np.float32), *full])
    return cv2.transform(picture, _from_codes(matrix, bits, full_range))


def from_rgb(
    picture: np.ndarray,
    bits: int,
    matrix: Matrix = "bt2020",
    subsampling: tuple[int, int] = (2, 2),
    dither: int | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(H, W, 3) float32 R'G'B' as Y'CbCr planes of narrow range, uint16.

    Args:
        subsampling: pixels per chroma sample along (x, y); chroma sits on the first of them, after a [1 2 1] / 4
            filter.
        dither: seed of triangular noise; None rounds.
    """
    codes = cv2.transform(picture, _to_codes(matrix, bits))
    across, down = subsampling
    kernel = [np.array([1.0]) if n == 1 else np.array([0.25, 0.5, 0.25]) for n in (across, down)]
    out = []
    for index, plane in enumerate(cv2.split(codes)):
        if index and (across, down) != (1, 1):
            plane = cv2.sepFilter2D(plane, -1, kernel[0], kernel[1], borderType=cv2.BORDER_REFLECT_101)
            plane = plane[::down, ::across]
        if dither is not None:
            plane = plane + _noise(plane.shape, dither * 3 + index)
        low, high = 1 << (bits - 8), (255 << (bits - 8)) - 1  # the others are for synchronisation
        out.append(np.clip(np.rint(plane), low, high).astype(np.uint16))
    return out[0], out[1], out[2]


def _from_codes(matrix: str, bits: int, full_range: bool) -> np.ndarray:
    """(3, 4): codes (Y, Cb, Cr, 1) to R'G'B'."""
    red, blue = LUMA_WEIGHTS[matrix]
    green = 1 - red - blue
    step = 1 << (bits - 8)
    top = (1 << bits) - 1
    black, white, chroma = (0, top, top) if full_range else (16 * step, 219 * step, 224 * step)
    middle = 128 * step
    rgb = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [1, 2 * (1 - blue), 0],
        ]
    ) / np.array([white, chroma, chroma])
    return np.hstack([rgb, -rgb @ [[black], [middle], [middle]]]).astype(np.float64)


def _to_codes(matrix: str, bits: int) -> np.ndarray:
    """(3, 4): R'G'B' (and 1) to codes of narrow range."""
    forward = np.vstack([_from_codes(matrix, bits, False), [0, 0, 0, 1]])
    return np.linalg.inv(forward)[:3]


def _enlarged(plane: np.ndarray, size: tuple[int, int], siting: Siting) -> np.ndarray:
    """A chroma plane at every pixel of `size` (H, W), bilinearly."""
    if plane.shape == size:
        return plane
    height, width = size
    across, down = (-(-full // part) for full, part in zip((width, height), plane.shape[::-1]))
    left, top = _OFFSETS[siting]
    shift_x, shift_y = left * (across > 1) / across, top * (down > 1) / down
    step = np.array([[1 / across, 0, -shift_x], [0, 1 / down, -shift_y]])
    return cv2.warpAffine(
        plane, step, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )


@lru_cache(maxsize=4)
def _tile(bits: int) -> np.ndarray:
    rng = np.random.default_rng(bits)
    return (rng.random((_DITHER_PX, _DITHER_PX)) - rng.random((_DITHER_PX, _DITHER_PX))).astype(np.float32)


def _noise(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Triangular noise of +-1 code, which makes the mean exact; another one for every seed.

    One tile is shifted, for drawing noise costs more than coding.
    """
    rng = np.random.default_rng(seed)
    tile = np.roll(_tile(0), tuple(rng.integers(0, _DITHER_PX, 2)), (0, 1))
    repeats = [-(-n // _DITHER_PX) for n in shape]
    return np.tile(tile, repeats)[: shape[0], : shape[1]]
