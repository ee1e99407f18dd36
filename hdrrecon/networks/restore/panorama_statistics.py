"""What a panorama photo says about the light that clipped: some fifty numbers, whichever way the camera was turned.

Physics first. Level ground of reflectance rho sends back L = rho E / pi: the ground tells how much light must have
fallen on it, the visible sky how much is accounted for. Where clipped regions lie, how large they are and how the light
falls off around them tells a sun from a window. Sunlit ground has dark, blue shadows, and what faces the sun is
brighter than what turns its back on it.

All statistics are the same for a panorama that was turned about its vertical axis.

Source: the balance of ground and sky is Lambert's law; see `docs/panoramas.md` for the measurements behind the choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hdrrecon.color import luminance
from hdrrecon.latlong import direction, directions, ground_cosine, latitudes, pixel_solid_angle

WORKING_PX = 1024  # width at which a panorama is looked at, at most: a pixel is 0.35 degrees
GROUND_DEG = -15.0  # below it lies the ground near the camera, which is level more often than not
USUAL_REFLECTANCE = 0.2  # of ground: grass, earth and asphalt lie between 0.1 and 0.25
_DARKEST = 1e-5  # of light whose logarithm is taken, 1.0 = clip level
_RINGS_DEG = (1.5, 3.0, 6.0, 12.0, 24.0, 48.0)  # edges of the rings around a source in which its glow is measured
_LOWEST_SINE = 0.12  # of the height of a sun that the ground can tell of: 7 degrees
_LEAST_ASKED = 0.05  # of what the ground sends back, the part that may have come from a sun
_HOLE, _HOLE_DEG = 0.0005, -60.0  # darker, and below that latitude: no ground, but a hole where the tripod stood
_GIVEN_DEG = 10.0  # how far around a given sun its glare is looked for


@dataclass(frozen=True)
class Sphere:
    """Constants of a grid of `height` rows."""

    solid_angle: np.ndarray  # (H, 1) sr
    level: np.ndarray  # (H, 1) sr, times the cosine to the zenith, 0 below the horizon
    ground: np.ndarray  # (H, 1) weights of the ground, sum over the picture is 1
    latitude: np.ndarray  # (H, 1) degrees
    direction: np.ndarray  # (H, 2 H, 3)


@lru_cache(maxsize=2)
def sphere(height: int) -> Sphere:
    """See `Sphere`."""
    solid, latitude = pixel_solid_angle(height), latitudes(height)[:, None]
    ground = np.maximum(-np.sin(np.radians(latitude)), 0) * (latitude < GROUND_DEG) * solid
    return Sphere(
        solid,
        ground_cosine(height),
        ground / (ground.sum() * 2 * height),
        latitude,
        directions(height).astype(np.float32),
    )


@dataclass(frozen=True)
class SeenPanorama:
    """A panorama at the size it is looked at, (h, 2 h, C), in light of 1.0 = clip level.

    `linear`: the linearised photo; `energy`: the light stage 2 would put there; `clipped` (h, 2 h): 1 where all three
    channels clipped, a share where pixels were averaged.
    """

    linear: np.ndarray
    energy: np.ndarray
    clipped: np.ndarray


@dataclass(frozen=True)
class Source:
    """The clipped region that is most likely a sun: its middle, its radius, and its connected pixels."""

    direction: np.ndarray  # (3,) unit vector
    radius_deg: float  # of the largest disc that clipped around `direction`
    region: np.ndarray  # (h, 2 h) bool

    @classmethod
    def at(cls, elevation_deg: float, azimuth_deg: float, clipped: np.ndarray) -> Source:
        """A sun whose place is known; its region is what clipped within `_GIVEN_DEG` of it, if anything did."""
        toward = direction(elevation_deg, azimuth_deg)
        grid = sphere(clipped.shape[0])
        near = grid.direction @ toward.astype(np.float32) > np.cos(np.radians(_GIVEN_DEG))
        region = near & (clipped >= 0.5)
        size = float((region * grid.solid_angle).sum())
        return cls(toward, float(np.degrees(np.arccos(max(1 - size / (2 * np.pi), -1)))), region)


def find_source(clipped: np.ndarray) -> Source | None:
    """The middle of the thickest clipped region above the horizon, or None.

    A sun's glare clips around it on all sides, so the sun is where the border of the clipped region is farthest: within
    three degrees for half of the suns of the training panoramas.
    """
    import cv2

    from hdrrecon.latlong import regions

    height, width = clipped.shape
    grid = sphere(height)
    hard = (clipped >= 0.5) & (grid.latitude > 0)
    if not hard.any():
        return None
    # Distance to the border in pixels, around the seam; pixels are narrower towards the zenith.
    around = np.concatenate([hard] * 3, 1).astype(np.uint8)
    inside = cv2.distanceTransform(around, cv2.DIST_L2, 5)[:, width : 2 * width]
    degrees = inside * np.sqrt(np.cos(np.radians(grid.latitude))) * 180 / height
    top = np.unravel_index(int(np.argmax(degrees)), degrees.shape)
    labels = regions(hard)
    return Source(grid.direction[top].astype(np.float64), float(degrees[top]), labels == labels[top])


def log2(value: float) -> float:
    """Stops, of light that may be 0."""
    return float(np.log2(max(float(value), _DARKEST)))


def _blueness(color: np.ndarray) -> float:
    return log2(color[2]) - log2(color[0])


def statistics(seen: SeenPanorama, source: Source | None) -> dict[str, float]:
    """Named numbers, all finite. Light in stops relative to the clip level or to each other; see the module's text."""
    height = seen.linear.shape[0]
    grid = sphere(height)
    light, energy = luminance(seen.linear.astype(np.float64)), luminance(seen.energy.astype(np.float64))
    open_sky = (grid.latitude > 20) & (seen.clipped < 0.01)
    found = (
        _ground(seen, light, grid)
        | _balance(light, energy, seen, grid)
        | _sky(seen, light, open_sky, grid)
        | _around_source(seen, light, energy, source, grid)
    )
    # The sun that level ground asks for beyond what stage 2 already gives, facing it.
    asked, given = (2 ** (found["visible"] + found[name]) for name in ("rule", "restored"))
    height = max(found["height"], _LOWEST_SINE)
    balance = log2(max(asked - given, _LEAST_ASKED * asked) / height)
    return found | {
        "balance": balance,
        "rule_beyond": found["rule"] - found["restored"],
        "low": log2(max(found["height"], 0.03)),
    }


def _ground(seen: SeenPanorama, light: np.ndarray, grid: Sphere) -> dict[str, float]:
    """How bright the ground is, its colour, and what its shadows are like."""
    weight = _ground_weight(light, grid)
    below = weight > 0
    lit, weight = light[below], weight[below]
    mean = float((lit * weight).sum())
    order = np.argsort(lit)
    share = np.cumsum(weight[order])
    at = {
        q: max(float(lit[order[min(int(np.searchsorted(share, q)), len(order) - 1)]]), _DARKEST)
        for q in (0.05, 0.25, 0.5, 0.75, 0.95)
    }
    rgb = (seen.linear[below] * weight[:, None]).sum(0)
    dark, bright = (seen.linear[below][part].mean(0) for part in (lit <= at[0.25], lit >= at[0.75]))
    return {
        "ground": log2(mean),
        "ground_median": log2(at[0.5]),
        "ground_5": log2(at[0.05] / at[0.5]),
        "ground_25": log2(at[0.25] / at[0.5]),
        "ground_75": log2(at[0.75] / at[0.5]),
        "ground_95": log2(at[0.95] / at[0.5]),
        "ground_red": log2(rgb[0]) - log2(rgb[1]),
        "ground_blue": log2(rgb[2]) - log2(rgb[1]),
        "shadow_blue": _blueness(dark) - _blueness(bright),
        "ground_clipped": float((grid.ground * seen.clipped).sum()),
    }


def _ground_weight(light: np.ndarray, grid: Sphere) -> np.ndarray:
    """(h, 2 h) weights of the ground, without the black disc that some panoramas have where the tripod stood."""
    weight = grid.ground * ~((light < _HOLE) & (grid.latitude < _HOLE_DEG))
    total = float(weight.sum())
    return weight / total if total > 0 else np.broadcast_to(grid.ground, light.shape)


def _balance(light: np.ndarray, energy: np.ndarray, seen: SeenPanorama, grid: Sphere) -> dict[str, float]:
    """What falls on level ground: as seen, as stage 2 restores it, as the ground sends it back."""
    visible, restored = float((light * grid.level).sum()), float((energy * grid.level).sum())
    ground = float((light * _ground_weight(light, grid)).sum())
    more = np.maximum(energy - light, 0) * grid.solid_angle
    walls = (np.abs(grid.latitude) < 15) & (seen.clipped < 0.01)
    whole = np.sqrt(float((light**2 * grid.solid_angle).sum() / (4 * np.pi)))
    return {
        "visible": log2(visible),
        "rule": log2(np.pi * ground / USUAL_REFLECTANCE / max(visible, _DARKEST)),
        "restored": log2(restored / max(visible, _DARKEST)),
        "restored_peak": log2(energy.max()),
        "restored_flux": log2(more.sum()),
        "walls": log2(
            (light * walls * grid.solid_angle).sum()
            / max(float((walls * grid.solid_angle * np.ones_like(light)).sum()), 1e-9)
        ),
        "contrast": log2(whole / max(float((light * grid.solid_angle).sum() / (4 * np.pi)), _DARKEST)),
        "darkness": float(((light < 0.003) * grid.solid_angle).sum() / (4 * np.pi)),
        "clipped_up": log2(1e-4 + (seen.clipped * grid.solid_angle * (grid.latitude > 0)).sum()),
        "clipped_down": log2(1e-4 + (seen.clipped * grid.solid_angle * (grid.latitude <= 0)).sum()),
    }


def _sky(seen: SeenPanorama, light: np.ndarray, where: np.ndarray, grid: Sphere) -> dict[str, float]:
    """The sky, or ceiling, that did not clip: bright or dark, blue or grey, even or not."""
    weight = where * grid.solid_angle
    total = max(float(weight.sum()), 1e-9)
    rgb = (seen.linear * weight[..., None]).sum((0, 1)) / total
    mean = float((light * weight).sum()) / total
    stops = np.log2(np.maximum(light, _DARKEST))
    middle = float((stops * weight).sum()) / total
    return {
        "sky": log2(mean),
        "sky_blue": _blueness(rgb),
        "sky_green": log2(rgb[1]) - log2(rgb[0]),
        "sky_spread": float(np.sqrt(max(float(((stops - middle) ** 2 * weight).sum()) / total, 0))),
        "sky_seen": total / (2 * np.pi),
    }


def _around_source(
    seen: SeenPanorama, light: np.ndarray, energy: np.ndarray, source: Source | None, grid: Sphere
) -> dict[str, float]:
    """Height, size and glow of the likeliest sun; how much brighter what faces it is than what turns away from it."""
    names = [f"glow_{i}" for i in range(len(_RINGS_DEG))] + [f"share_{i}" for i in range(len(_RINGS_DEG))]
    if source is None:
        return dict.fromkeys(
            (
                "found",
                "height",
                "radius",
                "size",
                "compact",
                "flux_3",
                "flux_12",
                "facing",
                "facing_ground",
                "glow_blue",
                *names,
            ),
            0.0,
        )
    cosine = grid.direction @ source.direction.astype(np.float32)
    solid = np.broadcast_to(grid.solid_angle, light.shape)
    away = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    size = float((source.region * solid).sum())
    more = np.maximum(energy - light, 0) * solid
    out = {
        "found": 1.0,
        "height": float(source.direction[1]),
        "radius": float(np.log2(source.radius_deg + 0.1)),
        "size": log2(size),
        "compact": log2(size / (2 * np.pi * (1 - np.cos(np.radians(source.radius_deg + 0.2))))),
        "flux_3": log2((more * (away < 3)).sum()),
        "flux_12": log2((more * (away < 12)).sum()),
    }
    open_ = seen.clipped < 0.01
    inner, color = 0.0, None
    for i, outer in enumerate(_RINGS_DEG):
        ring = (away >= inner) & (away < outer)
        area = max(float((ring * solid).sum()), 1e-9)
        clear = ring & open_
        seen_area = float((clear * solid).sum())
        out[f"share_{i}"] = float((seen.clipped * ring * solid).sum()) / area
        out[f"glow_{i}"] = log2((light * clear * solid).sum() / seen_area) if seen_area > 0.02 * area else 0.0
        if outer == 24.0 and seen_area > 0.02 * area:
            color = (seen.linear * (clear * solid)[..., None]).sum((0, 1))
        inner = outer
    out["glow_blue"] = 0.0 if color is None else _blueness(color)
    azimuth = grid.direction[..., 0] * source.direction[0] + grid.direction[..., 2] * source.direction[2]
    flat = np.hypot(grid.direction[..., 0], grid.direction[..., 2]) * np.hypot(source.direction[0], source.direction[2])
    turned = azimuth / np.maximum(flat, 1e-6)

    def contrast(low: float, high: float) -> float:
        band = (grid.latitude > low) & (grid.latitude < high) & open_
        front, back = band & (turned < -0.5), band & (turned > 0.5)
        mean = [log2((light * part * solid).sum() / max(float((part * solid).sum()), 1e-9)) for part in (front, back)]
        return mean[0] - mean[1] if front.any() and back.any() else 0.0

    return out | {"facing": contrast(-15, 15), "facing_ground": contrast(-60, -15)}
