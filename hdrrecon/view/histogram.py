"""How much of a picture has which brightness: the share of pixels per quarter stop, in the colours of `false_color`."""

from __future__ import annotations

import numpy as np

from hdrrecon.color import luminance
from hdrrecon.view.falsecolor import SCALE, colors_of
from hdrrecon.view.strip import captioned
from hdrrecon.view.tonemap import light_of

BINS_PER_STOP = 4
LOWEST, HIGHEST = min(SCALE), max(SCALE)
DECADES = 5
"""Shares are drawn on a logarithmic scale, from 10^-5 to 1 of the pixels: a sun is a handful of them."""
_MARGIN_PX, _BAR_PX, _HEIGHT_PX = 44, 8, 200
_PAPER, _LINE, _INK = (24,) * 3, (58,) * 3, (230,) * 3


def stop_shares(linear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distribution of luminance.

    Args:
        linear: (H, W, 3) scene-linear light, 1.0 = the level at which the photo clipped.

    Returns:
        Edges (n + 1,) in stops above the clip level, a quarter of a stop apart, and shares (n,) of all pixels. What is
        beyond the ends counts in the first and last bin; pixels that are black, NaN or infinite count nowhere.

    Raises:
        ValueError: another shape.

    Example:
        >>> edges, shares = stop_shares(np.full((2, 2, 3), 2.0))
        >>> float(edges[shares.argmax()]), float(shares.max())
        (1.0, 1.0)
    """
    linear = light_of(linear)
    finite = np.isfinite(linear).all(axis=2)
    light = luminance(np.where(finite[..., None], linear, 0))
    edges = np.linspace(LOWEST, HIGHEST, round((HIGHEST - LOWEST) * BINS_PER_STOP) + 1)
    stops = np.log2(light[light > 0])
    at = np.clip(np.floor((stops - LOWEST) * BINS_PER_STOP + 1e-6), 0, len(edges) - 2).astype(int)
    return edges, np.bincount(at, minlength=len(edges) - 1) / light.size


def histogram(linear: np.ndarray) -> np.ndarray:
    """`stop_shares` as a picture, (h, w, 3) uint8 sRGB: stops from left to right, shares upwards, logarithmic.

    What is right of "clip" was restored.

    Args:
        linear: (H, W, 3) scene-linear light, 1.0 = the level at which the photo clipped.

    Returns:
        (h, w, 3) uint8 sRGB, of one size for light of any size.

    Raises:
        ValueError: another shape.
    """
    import cv2

    edges, shares = stop_shares(linear)
    width = len(shares) * _BAR_PX
    plot = np.full((_HEIGHT_PX, width, 3), _PAPER, np.uint8)
    for decade in range(1, DECADES):
        plot[round(_HEIGHT_PX * decade / DECADES)] = _LINE
    for i, color in enumerate(colors_of((edges[:-1] + edges[1:]) / 2)):
        if shares[i] > 0:
            height = round(_HEIGHT_PX * max(0.01, 1 + np.log10(shares[i]) / DECADES))
            plot[_HEIGHT_PX - height :, i * _BAR_PX : (i + 1) * _BAR_PX - 1] = color
    picture = np.pad(plot, ((14, 24), (_MARGIN_PX, _MARGIN_PX), (0, 0)), constant_values=_PAPER[0])

    def write(text, x, y):
        return cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.38, _INK, 1, cv2.LINE_AA)

    for decade in range(DECADES):
        write(f"{100 / 10**decade:g} %", 2, 18 + round(_HEIGHT_PX * decade / DECADES))
    for stop in range(round(LOWEST), round(HIGHEST) + 1, 2):
        text = f"{stop:+d}" if stop else "clip"
        write(text, _MARGIN_PX + round(width * (stop - LOWEST) / (HIGHEST - LOWEST)) - 4 * len(text), _HEIGHT_PX + 30)
    left_out = 100 * (1 - shares.sum())
    return captioned(
        picture, f"share of pixels by stops above the clip level; {left_out:.2g} % are black or not finite"
    )
