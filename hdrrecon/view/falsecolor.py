"""False colour: how bright everything is, in stops relative to the level at which the photo clipped."""

from __future__ import annotations

import numpy as np

from hdrrecon.color import luminance
from hdrrecon.view.strip import captioned
from hdrrecon.view.tonemap import light_of

# Colours (sRGB) at stops: cold below the clip level, grey through the mid-tones, warm above: warm is what was restored.
SCALE = {
    -10: (8, 8, 40),
    -8: (40, 20, 110),
    -6: (30, 70, 170),
    -4: (30, 130, 150),
    -3: (60, 150, 110),
    -2.5: (120, 135, 120),
    -1: (150, 150, 150),
    0: (215, 215, 205),
    0.01: (255, 235, 90),
    1: (255, 200, 40),
    2: (255, 150, 20),
    4: (235, 70, 20),
    6: (200, 20, 60),
    8: (230, 60, 170),
    10: (255, 170, 255),
}
NOT_A_NUMBER = (0, 255, 0)  # a colour the scale does not have
_LEGEND_PX, _TICK_PX = 84, 18


def false_color(linear: np.ndarray, *, legend: bool = True) -> np.ndarray:
    """Luminance as colour, from 10 stops below the clip level to 10 above.

    Args:
        linear: (H, W, 3) scene-linear light, 1.0 = the level at which the photo clipped. Black and negative light
            has the lowest colour; pixels with NaN or infinity are pure green.
        legend: add a bar with stops at the right. Low pictures are padded to hold it.

    Returns:
        (h, w, 3) uint8 sRGB; (H, W, 3) without legend.

    Raises:
        ValueError: another shape.
    """
    linear = light_of(linear)
    finite = np.isfinite(linear).all(axis=2)
    light = luminance(np.where(finite[..., None], linear, 0))
    picture = colors_of(np.log2(np.maximum(light, 2.0**-20)))
    picture[~finite] = NOT_A_NUMBER
    return _with_legend(picture) if legend else picture


def colors_of(stops: np.ndarray) -> np.ndarray:
    """Colours (..., 3) uint8 of stops above the clip level."""
    at, colors = list(SCALE), np.array(list(SCALE.values()), np.float64)
    return np.rint(np.stack([np.interp(stops, at, colors[:, c]) for c in range(3)], axis=-1)).astype(np.uint8)


def _with_legend(picture: np.ndarray) -> np.ndarray:
    import cv2

    low, high = min(SCALE), max(SCALE)
    height = max(picture.shape[0], _TICK_PX * (high - low + 2) // 2)  # a number every two stops

    def position(stop):
        return round((high - stop) / (high - low) * (height - 2 * _TICK_PX)) + _TICK_PX

    bar = np.full((height, _LEGEND_PX, 3), 24, np.uint8)
    levels = np.interp(np.arange(height), (_TICK_PX, height - _TICK_PX), (high, low))
    bar[_TICK_PX : height - _TICK_PX + 1, 8:28] = colors_of(levels)[_TICK_PX : height - _TICK_PX + 1, None]
    for stop in range(round(low), round(high) + 1, 2):
        text = "clip" if stop == 0 else f"{stop:+d}"
        cv2.putText(bar, text, (34, position(stop) + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (230, 230, 230), 1, cv2.LINE_AA)
    padded = np.pad(picture, ((0, height - picture.shape[0]), (0, 0), (0, 0)), constant_values=24)
    return captioned(np.concatenate([padded, bar], axis=1), "stops above clip")
