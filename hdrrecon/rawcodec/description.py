"""What a stream keeps of the raw file: levels, white balance, colour matrix, orientation. 48 bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from hdrrecon.rawcodec.errors import StreamError

_LAYOUT = struct.Struct("<HH4B3f9ef")


@dataclass(frozen=True)
class Description:
    """Facts of a raw file, as far as a developer program needs them."""

    black: int  # level of the file that is 0 here
    white: int  # level of the file that is 1 here
    gains: tuple[float, float, float]  # white balance; multiplies linear camera RGB
    to_rec709: np.ndarray  # (3, 3), balanced camera RGB to linear Rec.709
    orientation: int = 1  # EXIF, of the JPEG's stored pixels
    pattern: str = "RGGB"  # colour filters, top left first
    jpeg_white: float = 1.0  # the largest balanced Rec.709 channel at which the JPEG clips

    def __bytes__(self) -> bytes:
        filters = sum("RGBG".index(c) << 2 * i for i, c in enumerate(self.pattern[:4]))
        matrix = [float(v) for v in np.asarray(self.to_rec709).ravel()]
        return _LAYOUT.pack(
            min(self.black, 65535),
            min(self.white, 65535),
            self.orientation,
            filters,
            0,
            0,
            *self.gains,
            *matrix,
            self.jpeg_white,
        )

    @staticmethod
    def parse(data: bytes) -> Description | None:
        """From the bytes of a stream; None when there are none.

        Raises:
            StreamError: bytes that are no description.
        """
        if not data:
            return None
        if len(data) < _LAYOUT.size:
            raise StreamError(
                "the raw stream's description of its raw file is too short; it was written by another program"
            )
        black, white, orientation, filters, _, _, *rest = _LAYOUT.unpack_from(data)
        pattern = "".join("RGBG"[filters >> 2 * i & 3] for i in range(4))
        found = Description(
            black, white, tuple(rest[:3]), np.array(rest[3:12]).reshape(3, 3), orientation, pattern, rest[12]
        )
        if not np.isfinite(rest).all() or not 1 <= orientation <= 8 or min(rest[:3]) <= 0 or rest[12] <= 0:
            raise StreamError("the raw stream's description of its raw file holds impossible values; it is damaged")
        return found

    def balanced(self, raw: np.ndarray) -> np.ndarray:
        """Linear camera RGB -> linear Rec.709, 1 = the sensor's clip level of a neutral colour's green."""
        return (raw * np.asarray(self.gains, np.float32)) @ np.asarray(self.to_rec709, np.float32).T


def fitted_description(raw: np.ndarray, pixels: np.ndarray) -> Description:
    """For raw that came as a bare array: one 3 x 3 matrix that brings it nearest to the JPEG's light.

    Args:
        raw: (H, W, 3) linear camera RGB.
        pixels: (H, W, 3) uint8 of the JPEG.
    """
    from hdrrecon.color import srgb_to_linear

    stride = max(1, int(np.sqrt(raw.shape[0] * raw.shape[1] / 100_000)))
    a, code = raw[::stride, ::stride].reshape(-1, 3).astype(np.float64), pixels[::stride, ::stride].reshape(-1, 3)
    seen = (code.max(1) < 245) & (code.min(1) > 5)
    if seen.sum() < 50:
        return Description(0, 65535, (1.0, 1.0, 1.0), np.eye(3))
    target = srgb_to_linear(code[seen] / 255)
    weight = 1 / np.sqrt(target.mean(1, keepdims=True) + 0.01)
    matrix = np.linalg.lstsq(a[seen] * weight, target * weight, rcond=None)[0].T
    return Description(0, 65535, (1.0, 1.0, 1.0), matrix)


def jpeg_white(raw: np.ndarray, pixels: np.ndarray, description: Description) -> float:
    """The largest balanced Rec.709 channel at which the JPEG clips: `Description.jpeg_white`.

    The median over pixels whose largest code is just below clipping; of photos that never come near, from brighter and
    brighter codes through the sRGB curve.
    """
    from hdrrecon.color import srgb_to_linear

    stride = max(1, int(np.sqrt(raw.shape[0] * raw.shape[1] / 200_000)))
    code = pixels[::stride, ::stride].max(-1)
    light = description.balanced(raw[::stride, ::stride].astype(np.float32)).max(-1)
    for low, high in ((243, 251), (225, 243), (180, 225), (90, 180), (1, 255)):
        near = (code >= low) & (code <= high)
        if near.sum() >= 50:
            shown = srgb_to_linear(code[near].astype(np.float64) / 255) if low < 243 else np.ones(int(near.sum()))
            return float(max(np.median(light[near] / shown), 1e-4))
    return 1.0
