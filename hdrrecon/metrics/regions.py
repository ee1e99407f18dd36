"""Which pixels of a photo are clipped, nearly black or well exposed, and what kinds of things clipped.

Errors there mean different things: a method may be right about white walls and wrong by ten stops about lamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hdrrecon.color import luminance
from hdrrecon.metrics.highlights import LOWEST_LIGHT

BRIGHT_CODE = 240  # above, a channel may be clipped or on a camera's shoulder
DARK_CODE = 13  # mean code below which quantisation hides the light
PHOTO_CLIP_CODE = 250  # camera JPEGs clip from here on: coding moves clipped pixels by a few codes
FEWEST_WELL = 200  # pixels; with fewer, everything that is not clipped counts as well exposed
KINDS = ("source", "flat", "textured")
SOURCE_LEVELS = (0, 4, 16, 64, 256)  # times the clip level: where a source is looked for; 0 is all that clipped
FEWEST_SOURCE = 9  # pixels: what is smaller is a glint
SMALL_SHARE = 0.005  # of the photo: what is larger is no lamp
ROUND_SHARE = 0.4  # of the smallest disc around its centre that a round region fills; a square fills 0.64
SMOOTH_STOPS = 0.05  # from pixel to pixel: of skies and white walls; foliage and water change by 0.1 and more

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


def clipped_kinds(clipped: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Clipped pixels by the kind of thing they show. Each belongs to exactly one.

    * `source`: small and round, by itself or within a larger clipped region that it outshines: lamps, the sun in its
      sky;
    * `flat`: large, and of nearly one brightness in the truth: skies, windows, walls, snow;
    * `textured`: everything else: large with structure, or in shreds, as the sky between leaves.

    Args:
        clipped: (H, W) bool, as `find_regions` gives it.
        truth: (H, W, 3) linear, 1.0 = clip level. It alone decides, so kinds do not depend on the method that is
            judged. Limits are for photos of about 300 to 1000 pixels.

    Returns:
        Name of `KINDS` -> (H, W) bool.
    """
    light = np.maximum(luminance(np.asarray(truth, np.float64)), LOWEST_LIGHT)
    source = np.zeros_like(clipped)
    for level in SOURCE_LEVELS:
        at_least = clipped & ~source & (light >= level)
        source |= _chosen(
            at_least,
            lambda area, radius, rough: (
                (area >= FEWEST_SOURCE)
                & (area <= SMALL_SHARE * clipped.size)
                & (area >= ROUND_SHARE * np.pi * radius**2)
            ),
            light,
        )
    flat = _chosen(
        clipped & ~source,
        lambda area, radius, rough: (area > SMALL_SHARE * clipped.size) & (rough <= SMOOTH_STOPS),
        light,
    )
    return {"source": source, "flat": flat, "textured": clipped & ~source & ~flat}


def _chosen(mask: np.ndarray, choose, light: np.ndarray) -> np.ndarray:
    """The connected regions of a mask that `choose(area, radius, rough)` takes: pixels, pixels around their centre, and
    the median of `light`'s steps from pixel to pixel in stops; of each region an array entry."""
    from scipy import ndimage

    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if not count:
        return np.zeros_like(mask)
    numbers = np.arange(1, count + 1)
    y, x = np.nonzero(mask)
    region = labels[y, x] - 1
    centre = np.reshape(ndimage.center_of_mass(mask, labels, numbers), (count, 2))
    reach = np.hypot(y - centre[region, 0], x - centre[region, 1]) + 0.5  # to the far side of a pixel
    step = np.maximum(
        *(np.abs(np.diff(np.log2(light), axis=axis, append=np.log2(light.take([-1], axis)))) for axis in (0, 1))
    )
    radius = np.asarray(ndimage.maximum(reach, region, numbers - 1))
    rough = np.asarray(ndimage.median(step[y, x], region, numbers - 1))
    return np.append(False, choose(np.bincount(region), radius, rough))[labels]
