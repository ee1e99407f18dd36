"""Light that is brighter than a display or a file can show: bent over one stop instead of cut."""

from __future__ import annotations

import numpy as np


def shoulder(light: np.ndarray, limit: float, brightest: float | None = None) -> np.ndarray:
    """Bring (..., 3) light under `limit`, hue kept.

    Nothing changes when `brightest` fits. Else the strongest channel m of each pixel stays as it is up to
    half the limit, one stop below, and from there follows limit / 2 * 2^(1 - exp(-log2(2 m / limit))): the
    slope is continuous, and the limit is approached and never passed.

    Args:
        light: linear RGB of any unit, float32.
        limit: positive, in the same unit.
        brightest: the largest value of the whole image, where `light` is a part of it.

    Returns:
        `light` itself, or a new array of its shape.
    """
    strongest = light.max(axis=-1, keepdims=True)
    if (float(strongest.max()) if brightest is None else brightest) <= limit:
        return light
    knee = np.float32(limit / 2)
    stops = np.log2(np.maximum(strongest, knee) / knee)
    return light * np.exp2(1 - np.exp(-stops) - stops)
