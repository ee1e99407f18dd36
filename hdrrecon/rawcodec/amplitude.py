"""How large a residual to expect at each pixel, seen from the JPEG: large where a channel clips, and beside it.

The block transform is multiplied by it, pixel by pixel. In a block that clips in part, few latents then reach the
clipped pixels and leave the others as they are. In all other blocks the factor is 1.

Source: the idea is that of shape-adaptive transforms (Sikora & Makai, 1995), with a soft shape that the decoder knows.
"""

from __future__ import annotations

import numpy as np

from hdrrecon.rawcodec.domain import light_weight

CLIPS = 254  # code from which a pixel counts as clipped
_RAMP = 12  # codes below it over which the factor rises
_BESIDE = 0.4  # of a pixel that touches a clipped one
_REST = 0.06  # factor of pixels that do not clip, times the base step ...
_LEAST = 0.12  # ... but not less than this
_EMPHASIS = 10.0  # weight of stops per base step: about 2 at 0.02 bits per pixel
_SENSOR = 0.98  # light from which the sensor counts as clipped
_MIDDLE = 0.42  # light of a usual pixel that clips in the JPEG alone


def heat(pixels: np.ndarray, first: int = 0, last: int | None = None) -> np.ndarray:
    """How much each pixel clips.

    Args:
        pixels: (H, W, 3) uint8 of the whole JPEG.
        first, last: the rows that are wanted; one more on each side is looked at.

    Returns:
        (rows, W) float32, 1 = clipped.
    """
    import cv2

    last = len(pixels) if last is None else last
    above = min(first, 1)
    seen = pixels[first - above : last + 1]
    hot = np.clip((seen.max(-1).astype(np.float32) - (CLIPS - _RAMP)) / _RAMP, 0, 1)
    beside = cv2.dilate(hot, np.ones((3, 3), np.uint8)) >= 1
    return np.maximum(hot, np.float32(_BESIDE) * beside)[above : above + last - first]


def factors(hot: np.ndarray, step: float) -> np.ndarray:
    """Factors of the pixels of blocks.

    Args:
        hot: (..., 64) `heat` of each block.
        step: base step.

    Returns:
        (..., 64) float32 in (0, 1]; the largest of each block is 1.
    """
    low = np.float32(np.clip(_REST / step, _LEAST, 1))
    factor = low + (1 - low) * hot
    return factor / factor.max(-1, keepdims=True)


def importance(pixels: np.ndarray, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of a squared error in the stabilised domain.

    Args:
        pixels: (h, w, 3) uint8 of the JPEG.
        light: (h, w, 3) raw.

    Returns:
        (h, w) float32 weight of linear and stabilised light; and what to add per base step where the JPEG clips and the
        sensor does not, for light in stops: it counts the more, the coarser the step.
    """
    known = (pixels.max(-1) >= CLIPS) & (light.max(-1) < _SENSOR)
    mean = light.mean(-1, dtype=np.float32)
    return light_weight(mean), np.float32(_EMPHASIS * _MIDDLE) * known / (mean + np.float32(0.03))


def blocks_of(image: np.ndarray) -> np.ndarray:
    """(h, w), sides multiples of 8 -> (h / 8, w / 8, 64)."""
    h, w = image.shape
    return image.reshape(h // 8, 8, w // 8, 8).transpose(0, 2, 1, 3).reshape(h // 8, w // 8, 64)
