"""Which pixels of a photo are clipped, nearly black or well exposed. Errors there mean different things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

BRIGHT_CODE = 240  # above, a channel may be clipped or on a camera's shoulder
DARK_CODE = 13  # mean code below which quantisation hides the light
PHOTO_CLIP_CODE = 250  # camera JPEGs clip from here on: coding moves clipped pixels by a few codes
FEWEST_WELL = 200  # pixels; with fewer, everything that is not clipped counts as well exposed

ClipFrom = Literal["truth", "photo"]


@dataclass(frozen=True)
class Regions:
    """Boolean (H, W) masks of a photo; `anchor` are the pixels that fix the scale of a prediction."""

    clipped: np.ndarray
    dark: np.ndarray
    well: np.ndarray
    anchor: np.ndarray


def find_regions(photo: np.ndarray, truth: np.ndarray, clip_from: ClipFrom = "truth") -> Regions:
    """Split the pixels of a photo.

    Args:
        photo: (H, W, 3) uint8, the input.
        truth: (H, W, 3) linear, 1.0 = clip level of the photo.
        clip_from: "truth" calls a pixel clipped where a channel of the truth reaches 1 (exact, simulated
            photos); "photo" where a channel of the photo reaches code 250 (real photos, whose truth is a
            merge with small errors of its own).

    Returns:
        Regions. In a photo that is clipped everywhere `well` is empty and `anchor` is every pixel.
    """
    brightest = photo.max(2)
    mean = photo.mean(2)
    clipped = (truth.max(2) >= 1) if clip_from == "truth" else (brightest >= PHOTO_CLIP_CODE)
    well = (brightest <= BRIGHT_CODE) & (mean >= DARK_CODE)
    if np.count_nonzero(well) < FEWEST_WELL:
        well = ~clipped
    anchor = well if well.any() else np.ones_like(well)
    return Regions(clipped=clipped, dark=(mean < DARK_CODE) & ~clipped, well=well, anchor=anchor)
