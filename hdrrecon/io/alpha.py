"""Colour stored multiplied by alpha ("associated", "premultiplied"), brought back to straight colour."""

from __future__ import annotations

import numpy as np


def divided(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Straight colour of associated colour (H, W, C) and alpha (H, W), of the same dtype; 0 where alpha is 0.

    Integers are rounded and stay within their range; floats may exceed 1.
    """
    weight = alpha[..., None].astype(np.float32)
    visible = weight > 0
    if color.dtype.kind == "f":
        return np.divide(color, weight, out=np.zeros_like(color), where=visible)
    top = np.iinfo(color.dtype).max
    scaled = np.divide(color * np.float32(top), weight, out=np.zeros(color.shape, np.float32), where=visible)
    return np.rint(np.minimum(scaled, top)).astype(color.dtype)
