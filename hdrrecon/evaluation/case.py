"""One thing to solve: a photo, the light it was taken of, and the curve it was taken with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hdrrecon.camera.response import ResponseCurve
    from hdrrecon.metrics.regions import ClipFrom


@dataclass(frozen=True)
class Case:
    """A photo with its truth.

    Args:
        image: name of the image, the file name without its ending.
        condition: name of the condition.
        photo: (H, W, 3) uint8 RGB, all that a method may see.
        truth: (H, W, 3) float32 linear Rec.709, 1.0 = the level at which the photo clips.
        response: the true curve; None for real photos, where nobody knows it.
        clip_from: where clipping is read from, see `metrics.regions.find_regions`.
    """

    image: str
    condition: str
    photo: np.ndarray
    truth: np.ndarray
    response: ResponseCurve | None
    clip_from: ClipFrom = "truth"
