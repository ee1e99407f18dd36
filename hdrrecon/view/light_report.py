"""What a panorama does as a light: where its strongest source is, how much it gives, what falls on the ground.

The panorama is equirectangular ("latlong"): rows from the zenith (+90 degrees) to the nadir, columns from longitude
-180 to +180, longitude 0 in the middle of the picture, positive to the right.

Sources: the integral over the upper hemisphere and the split into sun and sky follow Lagarde, Lachambre and Jover,
"An artist-friendly workflow for panoramic HDRI", SIGGRAPH 2016 course notes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hdrrecon.color import luminance
from hdrrecon.latlong import ground_cosine, latitudes, longitudes, pixel_solid_angle, regions

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
        source_illuminance, rest_illuminance: on level ground, from the source and from everything else above the
            horizon.
        sun_to_sky: their ratio, what decides how dark shadows are; 0 for a source below the horizon; read it with
            `compact`.
        normal_illuminance: from the source on a surface that faces it: its strength, as `sun` of `reconstruct` takes
            it.
        estimate: what the reconstruction believed about the light that clipped (`LightEstimate.as_dict()`), or None.
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
    estimate: Mapping[str, Any] | None = None

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

    @property
    def sun_to_sky_range(self) -> tuple[float, float] | None:
        """Ends of the 80 % interval of `sun_to_sky`; None where nothing was inferred."""
        if not self.estimate or not self.estimate.get("facing_stops"):
            return None
        factor = 2 ** float(self.estimate["facing_stops"])
        return self.sun_to_sky / factor, self.sun_to_sky * factor

    def lines(self) -> list[str]:
        """The report for people."""
        radius = np.degrees(np.arccos(np.clip(1 - self.solid_angle_sr / (2 * np.pi), -1, 1)))
        above = "" if self.latitude_deg > 0 else ", below the horizon: it does not light the ground"
        found = [
            f"strongest source  longitude {self.longitude_deg:+.1f} deg, latitude {self.latitude_deg:+.1f} deg{above}",
            f"its size          {self.solid_angle_sr:.3g} sr (a disc of {2 * radius:.2g} deg; the sun has 0.53 deg)",
            f"its luminance     peak {self.peak:.4g}, mean {self.mean:.4g}; {100 * self.share:.1f} % of all "
            f"light around",
            f"its strength      {self.normal_illuminance:.4g}, what it gives to a surface that faces it",
            f"on level ground   {self.illuminance:.4g} = {self.source_illuminance:.4g} from it + "
            f"{self.rest_illuminance:.4g} from the rest",
            "sun to sky        none: the strongest source is broad, its shadows are soft"
            if not self.compact
            else f"sun to sky        {self.sun_to_sky:.3g}  (clear noon about 5, hazy sun about 1, overcast below 0.1)",
        ]
        return found + self._inferred_lines()

    def _inferred_lines(self) -> list[str]:
        """What was inferred, and how sure that is."""
        if not self.estimate:
            return []
        known = self.estimate
        kind, odds = known["kind"], known["probabilities"]
        chance = sum(odds[name] for name in odds if name.endswith("sun"))
        if not known["sun_illuminance"]:
            return [f"inferred          no sun ({100 * (1 - chance):.0f} % sure), light from {kind}"]
        where = (
            "as given"
            if known["given"]
            else f"{kind} ({100 * chance:.0f} % sure), direction to {known['sun_direction_deg']:.1f} deg"
        )
        strength = "as given" if known["given_strength"] else f"to a factor of {2 ** known['facing_stops']:.2g}"
        lines = [f"inferred          {where}; strength {strength}; on level ground to {2 ** known['level_stops']:.2g}"]
        if self.compact and not known["given_strength"] and self.sun_to_sky_range is not None:
            low, high = self.sun_to_sky_range
            lines.append(
                f"its uncertainty   a ratio between {low:.2g} and {high:.2g} of sun and sky, with a chance of 80 %"
            )
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON: the attributes, and what follows from them."""
        return asdict(self) | {
            "projection": "equirectangular",
            "illuminance": self.illuminance,
            "compact": self.compact,
            "sun_to_sky": self.sun_to_sky if np.isfinite(self.sun_to_sky) else None,
            "sun_to_sky_range": self.sun_to_sky_range,
        }

    def json(self) -> str:
        """`as_dict` as text."""
        return json.dumps(self.as_dict(), indent=2)


@dataclass(frozen=True)
class PhotoLightReport:
    """What an ordinary photo, which does not go all around, says of the light: little.

    `peak`: luminance of its brightest pixel; `peak_x`, `peak_y`: where, in parts of width and height from the upper
    left; `mean`: mean luminance of the picture.
    """

    peak: float
    peak_x: float
    peak_y: float
    mean: float

    def lines(self) -> list[str]:
        """The report for people."""
        return [
            f"brightest pixel   {100 * self.peak_x:.0f} % from the left, {100 * self.peak_y:.0f} % from the top: "
            f"luminance "
            f"{self.peak:.4g}, {self.peak / self.mean:.3g} times the mean",
            "not to be known   what lies outside of the frame: so neither where the sun is, unless it is in the "
            "picture, nor its",
            "                  strength, the light on the ground, or sun to sky; for those it takes a 2:1 panorama",
        ]

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON; what cannot be known is None."""
        unknown = ("longitude_deg", "latitude_deg", "illuminance", "normal_illuminance", "sun_to_sky", "estimate")
        return asdict(self) | {"projection": "perspective"} | dict.fromkeys(unknown)

    def json(self) -> str:
        """`as_dict` as text."""
        return json.dumps(self.as_dict(), indent=2)


def photo_light_report(photo: np.ndarray) -> PhotoLightReport:
    """Analyse a photo that is no panorama.

    Args:
        photo: (H, W, 3) scene-linear floats, finite.

    Raises:
        ValueError: of another shape, not finite, or black.
    """
    photo = np.asarray(photo)
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype.kind != "f":
        raise ValueError(f"a light report needs a picture (H, W, 3) as floats, got {photo.dtype} {photo.shape}")
    light = _clean_luminance(photo)
    y, x = np.unravel_index(int(np.argmax(light)), light.shape)
    height, width = light.shape
    return PhotoLightReport(
        peak=float(light.max()),
        peak_x=float((x + 0.5) / width),
        peak_y=float((y + 0.5) / height),
        mean=float(light.mean()),
    )


def _clean_luminance(image: np.ndarray) -> np.ndarray:
    """(H, W); raises ValueError where there is nothing to report on."""
    if not np.isfinite(image).all():
        raise ValueError("the panorama holds NaN or infinity; clean it first, for instance with numpy.nan_to_num")
    light = np.maximum(luminance(image.astype(np.float64)), 0)
    if not light.max() > 0:
        raise ValueError("the panorama is black: there is no light to report on")
    return light


def light_report(panorama: np.ndarray, estimate: Mapping[str, Any] | None = None) -> LightReport:
    """Analyse a latlong panorama.

    Args:
        panorama: (H, 2 H, 3) scene-linear floats, finite; negative light counts as none.
        estimate: what the reconstruction believed, `Reconstruction.light_estimate.as_dict()`; then the report says how
            sure it is.

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
    light = _clean_luminance(panorama)
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
    east, north = np.radians(longitudes(width)) - np.radians(longitude), np.radians(latitudes(height))[:, None]
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
        estimate,
    )


def strongest_source(bright: np.ndarray, power: np.ndarray) -> np.ndarray:
    """(H, W) bool: of the connected regions of `bright` (H, W) bool, the one with most `power` (H, W)."""
    labels = regions(bright)
    powers = np.bincount(labels[labels > 0], power[labels > 0])
    return (labels == np.argmax(powers)) & (labels > 0)


def _middle(weight: np.ndarray) -> tuple[float, float]:
    """Longitude and latitude of the mean direction."""
    north, east = np.radians(latitudes(weight.shape[0]))[:, None], np.radians(longitudes(weight.shape[1]))
    axes = np.cos(north) * np.sin(east), np.sin(north), np.cos(north) * np.cos(east)
    x, y, z = (float((weight * axis).sum()) for axis in axes)
    return float(np.degrees(np.arctan2(x, z))), float(np.degrees(np.arctan2(y, np.hypot(x, z))))
