"""Lays a raw under the JPEG its camera made of it: an integer shift and one scale, or a refusal.

Cameras crop a few pixels at the border, and smaller JPEGs are scaled. Lens corrections bend the picture: then no shift
fits everywhere, and coding the difference would waste the stream, so such pairs are refused.

Source of the shift: phase correlation (Kuglin & Hines 1975), OpenCV's `phaseCorrelate`.
"""

from __future__ import annotations

import numpy as np

LARGEST_REST = 0.7  # pixels of misfit anywhere
_PATCH = 256  # pixels per side
_TRUSTED = 0.08  # response of the correlation


class AlignmentError(ValueError):
    """Raw and JPEG do not show the same pixels."""


def aligned(raw: np.ndarray, jpeg_pixels: np.ndarray) -> np.ndarray:
    """The raw as large as the JPEG and on top of it.

    Args:
        raw: (H, W, 3) linear camera RGB.
        jpeg_pixels: (h, w, 3) uint8.

    Returns:
        (h, w, 3) float32.

    Raises:
        AlignmentError: another picture, another crop, or one that was bent.
    """
    import cv2

    height, width = jpeg_pixels.shape[:2]
    if raw.shape[:2] == (height, width):
        moved, scale = raw, 1.0
    else:
        scale = _scale(raw.shape, jpeg_pixels.shape)
        moved = raw
        if scale != 1.0:
            size = (round(raw.shape[1] * scale), round(raw.shape[0] * scale))
            moved = cv2.resize(raw, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    one, two = _edges(moved[..., 1]), _edges(jpeg_pixels[..., 1].astype(np.float32) / 255)
    dy, dx = _coarse(one, two)
    for _ in range(2):
        shifted = _window(one, dy, dx, height, width)
        rests = _rests(shifted, two)
        if not rests:
            raise AlignmentError("the raw and its JPEG show nothing in common; is it the right pair?")
        step = np.round(np.median(rests, 0)).astype(int)
        dy, dx = dy + step[0], dx + step[1]
        if not step.any():
            break
    worst = float(np.abs(rests).max())
    if worst > LARGEST_REST:
        raise AlignmentError(
            f"the JPEG is bent against its raw by up to {worst:.1f} pixels (lens correction or digital zoom); "
            f"switch that off in "
            "the camera, or leave the JPEG out and let hdrrecon develop it"
        )
    top, left = max(0, -dy), max(0, -dx)
    bottom, right = max(0, dy + height - moved.shape[0]), max(0, dx + width - moved.shape[1])
    if max(top, left, bottom, right) > 8:
        raise AlignmentError(
            "the JPEG shows more than its raw: it was not cropped from it; leave it out and let hdrrecon develop it"
        )
    padded = np.pad(moved, ((top, bottom), (left, right), (0, 0)), mode="edge")
    return np.ascontiguousarray(padded[dy + top : dy + top + height, dx + left : dx + left + width], np.float32)


def _scale(raw: tuple[int, ...], jpeg: tuple[int, ...]) -> float:
    vertical, horizontal = jpeg[0] / raw[0], jpeg[1] / raw[1]
    if abs(vertical / horizontal - 1) > 0.06:
        raise AlignmentError(
            f"the JPEG has {jpeg[1]} x {jpeg[0]} pixels and its raw {raw[1]} x {raw[0]}: not the same shape; is "
            f"it the right pair?"
        )
    return 1.0 if abs(horizontal - 1) < 0.06 else horizontal


def _edges(plane: np.ndarray) -> np.ndarray:
    """Strength of edges of the square root, limited: much the same before and after a tone curve."""
    import cv2

    root = np.sqrt(np.clip(plane, 0, 1)).astype(np.float32)
    strength = np.hypot(cv2.Sobel(root, cv2.CV_32F, 1, 0), cv2.Sobel(root, cv2.CV_32F, 0, 1))
    return np.minimum(strength / max(float(np.percentile(strength, 95)), 1e-6), 1).astype(np.float32)


def _coarse(one: np.ndarray, two: np.ndarray) -> tuple[int, int]:
    """Shift of the JPEG's origin inside the raw, to a few pixels, from the whole pictures."""
    import cv2

    shrink = max(1, max(one.shape + two.shape) // 512)
    small = [
        cv2.resize(v, (v.shape[1] // shrink, v.shape[0] // shrink), interpolation=cv2.INTER_AREA) for v in (one, two)
    ]
    height, width = (max(v.shape[i] for v in small) for i in (0, 1))
    canvas = [np.zeros((height, width), np.float32) for _ in small]
    for target, source in zip(canvas, small, strict=True):
        target[: source.shape[0], : source.shape[1]] = source - source.mean()
    (x, y), _ = cv2.phaseCorrelate(canvas[1], canvas[0])
    return round(y * shrink), round(x * shrink)


def _window(plane: np.ndarray, dy: int, dx: int, height: int, width: int) -> np.ndarray:
    """(height, width) cut at an origin that may lie outside."""
    rows = np.clip(np.arange(dy, dy + height), 0, plane.shape[0] - 1)
    columns = np.clip(np.arange(dx, dx + width), 0, plane.shape[1] - 1)
    return plane[rows[:, None], columns]


def _rests(one: np.ndarray, two: np.ndarray) -> list[tuple[float, float]]:
    """What shift is left in the middle, in the corners and at the sides, where there is structure to see."""
    import cv2

    height, width = two.shape
    side = min(_PATCH, height, width)
    hann = cv2.createHanningWindow((side, side), cv2.CV_32F)
    found = []
    for top in sorted({0, (height - side) // 2, height - side}):
        for left in sorted({0, (width - side) // 2, width - side}):
            patch = np.s_[top : top + side, left : left + side]
            (x, y), response = cv2.phaseCorrelate(two[patch], one[patch], hann)
            if response > _TRUSTED:
                found.append((y, x))
    return found
