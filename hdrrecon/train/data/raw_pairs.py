"""Pairs of a raw image and the JPEG developed from it, simulated from HDR scenes: what the raw codec learns from.

Light -> camera RGB (matrix, white balance) -> sensor (headroom, noise, 12 or 14 bits) -> development (denoising,
matrix, local tone mapping, saturation, tone curve, sharpening) -> JPEG. Ranges follow Brooks et al., "Unprocessing
images for learned raw denoising" (CVPR 2019), where they give them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

LUMA = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class RawPair:
    """One simulated exposure.

    `raw` (H, W, 3) float32 linear camera RGB, 1 = the sensor clips; `jpeg` the file developed from it.
    """

    raw: np.ndarray
    jpeg: bytes


def random_matrix(rng: np.random.Generator) -> np.ndarray:
    """Camera RGB to Rec.709, (3, 3), rows that sum to 1, condition number below 8."""
    while True:
        matrix = np.eye(3) + 0.35 * rng.normal(size=(3, 3))
        matrix += np.array([[0.5, -0.4, -0.1], [-0.2, 0.4, -0.2], [0.0, -0.4, 0.4]]) * rng.uniform(0.3, 1.2)
        sums = matrix.sum(1, keepdims=True)
        if (sums > 0.3).all() and np.linalg.cond(matrix / sums) < 8:
            return matrix / sums


def simulate_pair(light: np.ndarray, rng: np.random.Generator, curve=None) -> RawPair:
    """Photograph a view with a random camera and develop it.

    Args:
        light: (H, W, 3) linear Rec.709.
        rng: draws the camera, the exposure and the development.
        curve: (H, W, 3) linear display light in [0, 1] -> code in [0, 1]; None draws an S-curve on sRGB.
    """
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    matrix, gains = random_matrix(rng), np.array([rng.uniform(1.4, 2.6), 1.0, rng.uniform(1.2, 2.4)])
    headroom = 2 ** rng.choice([0, 1, rng.uniform(0, 2.5)], p=[0.2, 0.2, 0.6])
    clip_percent = rng.choice([rng.uniform(0, 2), rng.uniform(2, 8)])
    level = max(np.percentile(light.max(-1), 100 - clip_percent), 1e-6)
    raw = np.maximum((light * (0.95 / level)) @ np.linalg.inv(matrix).T, 0) / gains / headroom
    raw = _sensor(np.minimum(raw, 1), rng)

    out = raw.astype(np.float64)
    if rng.random() < 0.25:
        out = gaussian_filter(out, (s := rng.uniform(0.3, 0.9), s, 0))
    out = np.minimum(out * headroom * gains, 10) @ matrix.T
    if rng.random() < 0.5:
        out = _local_tone(out, rng)
    if rng.random() < 0.5:
        grey = (out @ LUMA)[..., None]
        out = grey + (out - grey) * rng.uniform(0.8, 1.35)
    code = (curve or s_curve(rng.uniform(-0.03, 0.09)))(np.clip(out, 0, 1))
    if rng.random() < 0.25:
        code = code + rng.uniform(0.1, 0.6) * (code - gaussian_filter(code, (1, 1, 0)))
    pixels = np.round(255 * np.clip(code, 0, 1)).astype(np.uint8)
    file = io.BytesIO()
    quality = int(rng.choice([100, rng.integers(88, 99), rng.integers(60, 99)], p=[0.15, 0.35, 0.5]))
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0 if rng.random() < 0.35 else 2)
    return RawPair(raw.astype(np.float32), file.getvalue())


def s_curve(strength: float):
    """sRGB with an S-curve on top."""

    def curve(light: np.ndarray) -> np.ndarray:
        y = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(np.maximum(light, 1e-9), 1 / 2.4) - 0.055)
        return y + strength * np.sin(2 * np.pi * (y - 0.5)) * (y > 0)

    return curve


def _sensor(raw: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shot and read noise, then 12 or 14 bits."""
    shot, read = np.exp(rng.uniform(np.log(5e-5), np.log(1.5e-3))), np.exp(rng.uniform(np.log(1e-4), np.log(1.5e-3)))
    levels = 2 ** rng.choice([12, 14]) - 1
    noisy = raw + rng.normal(size=raw.shape) * np.sqrt(shot * raw + read**2)
    return np.round(np.clip(noisy, 0, 1) * levels) / levels


def _local_tone(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Compress the local mean of log luminance: a Gaussian's, or a guided filter's (He et al. 2013), which keeps
    edges."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    log = np.log2(np.maximum(light @ LUMA, 1e-4))
    if rng.random() < 0.6:
        base = gaussian_filter(log, rng.uniform(8, 40))
    else:
        side, smooth = int(rng.uniform(17, 90)), rng.uniform(0.2, 4.0)
        mean = uniform_filter(log, side)
        slope = (variance := uniform_filter(log * log, side) - mean**2) / (np.maximum(variance, 0) + smooth)
        base = uniform_filter(slope, side) * log + uniform_filter(mean * (1 - slope), side)
    return light * 2 ** (-rng.uniform(0.1, 0.45) * (base - np.log2(0.18)))[..., None]
