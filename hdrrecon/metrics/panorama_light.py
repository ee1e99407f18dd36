"""What a reconstructed panorama gets wrong as a light: on a white ball, on level ground, facing the sun, in the shadow.

Panoramas are equirectangular (`hdrrecon.latlong`) with heights that are multiples of 4. The prediction may have any
scale: one gain per panorama, from well-exposed pixels, matches it to the truth before anything is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hdrrecon.color import luminance
from hdrrecon.latlong import directions, latitudes, pixel_solid_angle

NORMALS = 162  # directions in which a white ball is measured
_BLOCK = 4  # light is summed in blocks of so many pixels a side before it meets the normals
_BLUR_DEG = 6 * 180 / 512  # how far light is smeared to find the direction most of it comes from
_SUN_REGION_DEG = 10  # what lies that near the strongest direction is not "the rest of the sky"


@dataclass(frozen=True)
class Illuminance:
    """Of one panorama, in its own unit times steradian.

    `ball` (162,): of every direction of `sphere_normals`; `level`: of level ground; `facing`: of a surface that faces
    the strongest direction; `shaded`: of level ground without the ten degrees around that direction.
    """

    ball: np.ndarray
    level: float
    facing: float
    shaded: float


@lru_cache(maxsize=2)
def sphere_normals(count: int = NORMALS) -> np.ndarray:
    """(count, 3) directions evenly over the sphere: a Fibonacci lattice."""
    y = 1 - 2 * (np.arange(count) + 0.5) / count
    turn = np.pi * (1 + 5**0.5) * (np.arange(count) + 0.5)
    around = np.sqrt(1 - y * y)
    return np.stack([around * np.cos(turn), y, around * np.sin(turn)], -1)


@lru_cache(maxsize=2)
def _grid(height: int) -> tuple[np.ndarray, np.ndarray]:
    """Solid angles (H, 2 H) and directions (H, 2 H, 3)."""
    return pixel_solid_angle(height) * np.ones((1, 2 * height)), directions(height)


def strongest_direction(light: np.ndarray) -> np.ndarray:
    """(3,): where, above the horizon, the most light of (H, 2 H) luminance comes from, smeared over two degrees."""
    import cv2

    height = light.shape[0]
    solid, toward = _grid(height)
    smeared = cv2.GaussianBlur(light * solid, (0, 0), _BLUR_DEG * height / 180)
    above = latitudes(height)[:, None] > 0
    return toward.reshape(-1, 3)[int(np.argmax(np.where(above, smeared, 0)))]


def illuminance(light: np.ndarray, strongest: np.ndarray) -> Illuminance:
    """What (H, 2 H) luminance gives; `strongest` (3,) is the direction that `facing` and `shaded` are about."""
    height = light.shape[0]
    solid, toward = _grid(height)
    power = light * solid
    blocks = (height // _BLOCK, _BLOCK, 2 * height // _BLOCK, _BLOCK)
    summed = power.reshape(blocks).sum((1, 3)).ravel()
    mean = (toward * power[..., None]).reshape(*blocks, 3).sum((1, 3)).reshape(-1, 3)
    mean = mean / np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-12)
    ball = np.concatenate([np.maximum(mean @ part.T, 0).T @ summed for part in np.array_split(sphere_normals(), 6)])
    cosine = toward @ strongest
    up = np.maximum(toward[..., 1], 0)
    far = cosine <= np.cos(np.radians(_SUN_REGION_DEG))
    return Illuminance(
        ball,
        float(np.maximum(mean[:, 1], 0) @ summed),
        float((power * np.maximum(cosine, 0)).sum()),
        float((power * far * up).sum()),
    )


def well_exposed_gain(predicted: np.ndarray, truth: np.ndarray, code: np.ndarray) -> float:
    """The factor that matches (H, W) luminances where codes (H, W, 3) uint8 are neither clipped nor crushed; 1 if
    nowhere."""
    well = (code.max(-1) <= 240) & (code.mean(-1) >= 13)
    below = float((predicted[well] ** 2).sum())
    return float((predicted[well] * truth[well]).sum()) / below if below > 0 else 1.0


def light_figures(predicted: np.ndarray, truth: np.ndarray, code: np.ndarray) -> dict[str, float]:
    """Errors of a panorama as a light.

    Args:
        predicted: (H, 2 H, 3) linear light of any scale; `truth`: the same in its own; H a multiple of 4.
        code: (H, 2 H, 3) uint8, the photo.

    Returns:
        `diffuse`: mean absolute error of the illuminance of 162 directions in percent of its mean, what a white ball
        gets wrong; `level`, `facing`: of level ground and of a surface facing the strongest direction of the truth, in
        stops; `shadow`: of the ratio of `facing` to shaded level ground, the depth of shadows, in stops.

    Raises:
        ValueError: shapes that differ, or are not those of a panorama.

    Example:
        >>> sky = np.ones((64, 128, 3)); photo = np.full((64, 128, 3), 128, np.uint8)
        >>> {name: round(error, 6) for name, error in light_figures(2 * sky, sky, photo).items()}
        {'diffuse': 0.0, 'level': 0.0, 'facing': 0.0, 'shadow': 0.0}
    """
    height = truth.shape[0]
    if not predicted.shape == truth.shape == code.shape == (height, 2 * height, 3) or height % _BLOCK:
        raise ValueError(
            f"panoramas are (H, 2 H, 3) with H a multiple of {_BLOCK}, prediction, truth and photo alike; got "
            f"{predicted.shape}, {truth.shape} and {code.shape}"
        )
    light, true = (luminance(np.asarray(image, np.float64)) for image in (predicted, truth))
    light = np.maximum(light * well_exposed_gain(light, true, code), 0)
    strongest = strongest_direction(true)
    got, want = illuminance(light, strongest), illuminance(true, strongest)
    return {
        "diffuse": 100 * float(np.abs(got.ball - want.ball).mean() / want.ball.mean()),
        "level": _stops(got.level, want.level),
        "facing": _stops(got.facing, want.facing),
        "shadow": _stops(got.facing / max(got.shaded, 1e-9), want.facing / max(want.shaded, 1e-9)),
    }


def _stops(a: float, b: float) -> float:
    return abs(float(np.log2(max(a, 1e-9) / max(b, 1e-9))))
