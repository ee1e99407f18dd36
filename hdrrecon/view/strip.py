"""Exposure strips: one picture at several exposures side by side, the honest way to show HDR on a page.

Light that was restored shows in the darker panels; light that was merely clipped turns grey there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdrrecon.view.tonemap import drawable, quantized

CAPTION_PX = 22
GAP_PX = 4
_SMALL_PX = 96  # a panel is never narrower, so that its caption can be read
_PAPER, _INK = 24, (230, 230, 230)


def exposure_strip(
    linear: np.ndarray,
    stops: Sequence[float] = (0, -2, -4),
    compare: np.ndarray | None = None,
    *,
    names: tuple[str, str] = ("reconstructed", "photo"),
    panel_px: int = 480,
) -> np.ndarray:
    """The picture at several exposures, side by side, each with its stops above.

    Args:
        linear: (H, W, 3) scene-linear light, 1.0 = the level at which the photo clipped.
        stops: exposures; -2 shows a quarter of the light, with everything above 4 times the clip level still white.
        compare: light of the same size for a second row, for instance the plain linearised photo.
        names: of the two rows, printed if there are two.
        panel_px: longest side of a panel; larger pictures are shrunk (in linear light), smaller ones left alone.

    Returns:
        (h, w, 3) uint8 sRGB.

    Raises:
        ValueError: no stops, or `compare` of another size.
    """
    if len(stops) == 0 or not np.isfinite(stops).all():
        raise ValueError(f"an exposure strip needs at least one exposure in stops, got {list(stops)}")
    if compare is not None and np.shape(compare) != np.shape(linear):
        raise ValueError(f"the two rows differ in size: {np.shape(linear)} and {np.shape(compare)}")
    rows = [(linear, "")] if compare is None else list(zip((linear, compare), names))
    return stacked([_row(light, stops, name, panel_px) for light, name in rows], axis=0)


def _row(linear: np.ndarray, stops: Sequence[float], name: str, panel_px: int) -> np.ndarray:
    small = shrunk(drawable(linear), panel_px)

    def label(stop):
        return f"{stop:+g} EV" if stop else "0 EV"

    panels = [quantized(small * 2.0**stop) for stop in stops]
    texts = [f"{label(stop)}  {name}" if i == 0 and name else label(stop) for i, stop in enumerate(stops)]
    return stacked([captioned(panel, text) for panel, text in zip(panels, texts)], axis=1)


def shrunk(light: np.ndarray, longest_px: int) -> np.ndarray:
    """The image with its longest side at most `longest_px`, pixels averaged."""
    import cv2

    height, width = light.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1:
        return light
    return cv2.resize(
        light, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )


def captioned(picture: np.ndarray, text: str) -> np.ndarray:
    """A uint8 picture under a dark bar with one line of text; narrow pictures get a margin at the right."""
    import cv2

    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.42
    text_px = cv2.getTextSize(text, font, scale, 1)[0][0]
    height, width = picture.shape[:2]
    out = np.full((height + CAPTION_PX, max(width, _SMALL_PX, text_px + 12), 3), _PAPER, np.uint8)
    out[CAPTION_PX:, :width] = picture
    cv2.putText(out, text, (6, 15), font, scale, _INK, 1, cv2.LINE_AA)
    return out


def stacked(pictures: list[np.ndarray], axis: int) -> np.ndarray:
    """uint8 pictures in a row (axis 1) or column (axis 0) with a gap between; smaller ones are padded."""
    other = 1 - axis
    size = max(p.shape[other] for p in pictures)
    parts: list[np.ndarray] = []
    for picture in pictures:
        pad = [(0, 0)] * 3
        pad[other] = (0, size - picture.shape[other])
        pad[axis] = (GAP_PX if parts else 0, 0)
        parts.append(np.pad(picture, pad, constant_values=_PAPER))
    return np.concatenate(parts, axis=axis)
