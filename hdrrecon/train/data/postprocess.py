"""What happens to photos between the camera's response and the file that somebody has: code values in, code values out.

Cameras denoise, sharpen and raise local contrast. People make pictures smaller. Each codes them again. Code values are
averaged then, not light, so edges no longer tell the response as it is. An estimator that never saw this is sure of
itself and wrong on real photos.
"""

from __future__ import annotations

import cv2
import numpy as np

SMALLEST_PX = 112  # shorter side that a reduced photo keeps
KERNELS = (cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def handled(code: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A photo (H, W, 3) of float code values in [0, 1] after random post-processing: each step happens to some photos
    only."""
    image = code
    if rng.random() < 0.25:
        image = cv2.bilateralFilter(image, 5, float(rng.uniform(0.01, 0.05)), 1.5)
    if rng.random() < 0.5:
        image = _sharpened(image, rng)
    if rng.random() < 0.2:  # local contrast
        image = unsharp(image, float(rng.uniform(0.05, 0.3)), float(rng.uniform(6, 24)))
    if rng.random() < 0.4:
        image = as_float(recoded(as_bytes(image), int(rng.integers(80, 99))))
    if rng.random() < 0.8:
        image = _reduced(image, rng)
    if rng.random() < 0.5:
        image = _sharpened(image, rng)
    image = as_bytes(image)
    if rng.random() < 0.7:
        image = recoded(image, int(rng.integers(78, 99)))
    return as_float(image)


def recoded(image: np.ndarray, quality: int) -> np.ndarray:
    """An image (H, W, 3) uint8, RGB, through JPEG (4:2:0)."""
    data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def as_bytes(image: np.ndarray) -> np.ndarray:
    return np.rint(image.clip(0, 1) * 255).astype(np.uint8)


def as_float(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) / 255


def _reduced(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    scale = 1 / rng.uniform(1.1, max(1.2, min(image.shape[:2]) / SMALLEST_PX))
    kernel = int(rng.choice(KERNELS))
    if kernel != cv2.INTER_AREA and scale < 0.6:  # the other kernels look at a few pixels only
        image = cv2.GaussianBlur(image, (0, 0), float(0.4 / scale))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=kernel).clip(0, 1)


def _sharpened(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """From clear smoothing to clear sharpening."""
    radius = float(rng.uniform(0.5, 2.0 if rng.random() < 0.3 else 1.1))
    return unsharp(image, float(rng.uniform(-0.5, 1.3)), radius)


def unsharp(image: np.ndarray, strength: float, radius: float) -> np.ndarray:
    """Unsharp mask of code values (H, W, 3): `strength` above 0 sharpens, below 0 smooths; `radius` in pixels."""
    return (image + np.float32(strength) * (image - cv2.GaussianBlur(image, (0, 0), radius))).clip(0, 1)
