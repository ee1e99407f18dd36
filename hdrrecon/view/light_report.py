"""What a panorama does as a light: where its strongest source is, how much it gives, what falls on the ground.

The panorama is equirectangular ("latlong"): rows from the zenith (+90 degrees) to the nadir, columns from longitude -180
to +180, longitude 0 in the middle of the picture, positive to the right.

Sources: the integral over the upper hemisphere and the split into sun and sky follow Lagarde, Lachambre and Jover,
"An artist-friendly workflow for panoramic HDRI", SIGGRAPH 2016 course notes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdrrecon.color import luminance

SOURCE_FRACTIONS = (0.1, 0.3, 0.6, 0.9)
"""A source is a connected region brighter than this part of the brightest pixel: the first part that makes it compact.
The later ones serve photos, in which the sun is little brighter than the sky."""
COMPACT_SR = 0.1
"""A larger source (a disc of 20 degrees) is no sun or lamp but a bright sky or wall."""


@dataclass(frozen=True)
class LightReport:
    """Light of a panorama in its own unit (cd/m2 if that is the unit of the pixels; then illuminances are in lux).

    Attributes:
        longitude_deg, latitude_deg: of the middle of the strongest source.
        solid_angle_sr: of that source. The sun's disc has 6.8e-5 sr.
        peak, mean: luminance of its brightest pixel and its mean luminance.
        share: part of the light of the whole sphere (not weighted by a cosine) that comes from it, 0 to 1.
        source_illuminance, rest_illuminance: on level ground, from the source and from everything else above the horizon.
        sun_to_sky: their ratio, what decides how dark shadows are; 0 for a source below the horizon; read it with `compact`.
        normal_illuminance: from the source on a surface that faces it.
    """

    longitude_deg: float
    latitude_deg: float
    solid_angle_sr: float
    peak: float
    mean: float
    share: float
    source_illuminance: float
    rest_illuminance: float
    normal_illuminance: float

    @property
    def illuminance(self) -> float:
        return self.source_illuminance + self.rest_illuminance

    @property
    def compact(self) -> bool:
        """Whether the source casts sharp shadows, as a sun or a lamp does."""
        return self.solid_angle_sr <= COMPACT_SR

    @property
    def sun_to_sky(self) -> float:
        if not self.rest_illuminance:
            return float("inf") if self.source_illuminance else 0.0
        return self.source_illuminance / self.rest_illuminance

    def lines(self) -> list[str]:
        """The report for people."""
        radius = np.degrees(np.arccos(np.clip(1 - self.solid_angle_sr / (2 * np.pi), -1, 1)))
        above = "" if self.latitude_deg > 0 else ", below the horizon: it does not light the ground"
        return [
            f"strongest source  longitude {self.longitude_deg:+.1f} deg, latitude {self.latitude_deg:+.1f} deg{above}",
            f"its size          {self.solid_angle_sr:.3g} sr (a disc of {2 * radius:.2g} deg; the sun has 0.53 deg)",
            f"its luminance     peak {self.peak:.4g}, mean {self.mean:.4g}; {100 * self.share:.1f} % of all light around",
            f"on level ground   {self.illuminance:.4g} = {self.source_illuminance:.4g} from it + "
            f"{self.rest_illuminance:.4g} from the rest",
            "sun to sky        none: the strongest source is broad, its shadows are soft"
            if not self.compact
            else f"sun to sky        {self.sun_to_sky:.3g}  (clear noon about 5, hazy sun about 1, overcast below 0.1)",
        ]


def light_report(panorama: np.ndarray) -> LightReport:
    """Analyse a latlong panorama.

    Args:
        panorama: (H, 2 H, 3) scene-linear floats, finite; negative light counts as none.

    Returns:
        The report, in the unit of the pixels; see `LightReport`.

    Raises:
        ValueError: not 2:1, not finite, or black.

    Example:
        >>> report = light_report(np.ones((64, 128, 3)))      # a uniform sky of luminance 1 gives pi
        >>> round(report.illuminance, 2)
        3.14
    """
    panorama = np.asarray(panorama)
    shape, kind = panorama.shape, panorama.dtype
    if len(shape) != 3 or shape[2] != 3 or shape[1] != 2 * shape[0] or kind.kind != "f":
        raise ValueError(f"a light report needs a latlong panorama (H, 2 H, 3) as floats, got {kind} {shape}")
    if not np.isfinite(panorama).all():
        raise ValueError("the panorama holds NaN or infinity; clean it first, for instance with numpy.nan_to_num")
    light = np.maximum(luminance(panorama.astype(np.float64)), 0)
    if not light.max() > 0:
        raise ValueError("the panorama is black: there is no light to report on")
    height, width = light.shape
    angle, cosine = pixel_solid_angle(height), ground_cosine(height)
    for fraction in SOURCE_FRACTIONS:
        source = strongest_source(light >= fraction * light.max(), light * angle)
        solid = float((source * angle).sum())
        if solid <= COMPACT_SR:
            break
    weight = np.where(source, light * angle, 0)
    longitude, latitude = _middle(weight)
    power = float(weight.sum())
    on_ground = light * cosine
    from_source = float(on_ground[source].sum())
    east, north = np.radians(_longitudes(width)) - np.radians(longitude), np.radians(_latitudes(height))[:, None]
    toward = np.sin(north) * np.sin(np.radians(latitude)) + np.cos(north) * np.cos(np.radians(latitude)) * np.cos(east)
    return LightReport(
        longitude,
        latitude,
        solid,
        float(light.max()),
        power / solid,
        power / float((light * angle).sum()),
        from_source,
        float(on_ground.sum()) - from_source,
        float((weight * np.maximum(toward, 0)).sum()),
    )


def pixel_solid_angle(height: int) -> np.ndarray:
    """(H, 1): solid angle of a pixel of each row of an (H, 2 H) panorama; all pixels sum to 4 pi exactly."""
    edges = np.sin(np.radians(90 - 180 * np.arange(height + 1) / height))
    return ((edges[:-1] - edges[1:]) * np.pi / height)[:, None]


def ground_cosine(height: int) -> np.ndarray:
    """(H, 1): solid angle times the cosine to the zenith, above the horizon; a luminance of 1 sums to pi exactly."""
    edges = np.maximum(np.sin(np.radians(90 - 180 * np.arange(height + 1) / height)), 0) ** 2 / 2
    return ((edges[:-1] - edges[1:]) * np.pi / height)[:, None]


def strongest_source(bright: np.ndarray, power: np.ndarray) -> np.ndarray:
    """(H, W) bool: of the connected regions of `bright` (H, W) bool, the one with most `power` (H, W)."""
    from scipy.ndimage import label
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    labels, count = label(bright, np.ones((3, 3)))
    left, right = labels[:, 0], labels[:, -1]  # what touches across the seam is one
    pairs = np.concatenate([np.stack([left, np.roll(right, k)])[:, 1:-1] for k in (-1, 0, 1)], axis=1)
    pairs = pairs[:, (pairs > 0).all(axis=0)]
    touching = coo_array((np.ones(pairs.shape[1]), pairs), shape=(count + 1, count + 1))
    _, region_of = connected_components(touching, directed=False)
    regions = region_of[labels]
    powers = np.bincount(regions[labels > 0], power[labels > 0])
    return (regions == np.argmax(powers)) & (labels > 0)


def _middle(weight: np.ndarray) -> tuple[float, float]:
    """Longitude and latitude of the mean direction."""
    north, east = np.radians(_latitudes(weight.shape[0]))[:, None], np.radians(_longitudes(weight.shape[1]))
    axes = np.cos(north) * np.sin(east), np.sin(north), np.cos(north) * np.cos(east)
    x, y, z = (float((weight * axis).sum()) for axis in axes)
    return float(np.degrees(np.arctan2(x, z))), float(np.degrees(np.arctan2(y, np.hypot(x, z))))


def _longitudes(width: int) -> np.ndarray:
    return (np.arange(width) + 0.5) / width * 360 - 180


def _latitudes(height: int) -> np.ndarray:
    return 90 - (np.arange(height) + 0.5) / height * 180
