"""Where a film is cut: nothing may be carried from one shot to the next.

A frame is the first of a shot if hardly a cell of it is found in the frame before, or if its colours are distributed in
another way and many cells are not found. A change of exposure alone moves histograms far, and is no cut.
"""

from __future__ import annotations

import cv2
import numpy as np

from hdrrecon.video.motion import between

THUMBNAIL_PX = 128  # longest side at which frames are compared
FOUND, HARDLY, MANY = 0.5, 0.5, 0.8  # a cell is found if trusted more; shares of found cells
OTHER_COLOURS = 0.35  # chi-squared distance of histograms, in [0, 1]
BINS = 64


def thumbnail(code: np.ndarray) -> np.ndarray:
    """Code values (H, W, 1 | 3), integers or floats in [0, 1], as (h, w, 3) float32 in [0, 1], cells averaged."""
    height, width = code.shape[:2]
    scale = min(1.0, THUMBNAIL_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    most = 1.0 if code.dtype.kind == "f" else np.iinfo(code.dtype).max
    if code.dtype.kind == "f":
        code = code.astype(np.float32)
    small = cv2.resize(np.ascontiguousarray(code), size, interpolation=cv2.INTER_AREA).astype(np.float32) / most
    small = small.reshape(size[1], size[0], -1)
    return np.ascontiguousarray(np.broadcast_to(small, (*small.shape[:2], 3)))


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether `after` begins a new shot. Both (h, w, 3) `thumbnail`s of frames of one size."""
    light = [x**2 for x in (before, after)]  # roughly: codes to light
    over = [(x > 0.94).astype(np.float32) for x in (before, after)]
    found = float((between(light[1], light[0], over[1], over[0])[0].trust > FOUND).mean())
    return found < HARDLY or (found < MANY and histogram_distance(before, after) > OTHER_COLOURS)


def histogram_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Chi-squared distance of the histograms of two images (h, w, C) in [0, 1], mean over channels: 0 the same, 1
    disjoint."""
    distances = []
    for channel in range(one.shape[-1]):
        a, b = (np.histogram(x[..., channel], BINS, (0, 1))[0] / x[..., channel].size for x in (one, other))
        distances.append(0.5 * float(((a - b) ** 2 / np.maximum(a + b, 1e-9)).sum()))
    return float(np.mean(distances))
