"""The light budget of a panorama, put where it belongs: a gain on what was restored, and a sun's disc of light.

`weigh` looks at the panorama as stage 2 restored it and asks the network `LightBudget` what is missing. The answer is
kept as `PanoramaLight`, from which the light of any pixel follows; nothing but clipped pixels changes, unless the user
says where the sun is. A sun is a disc of 0.53 degrees, or of a pixel where pixels are larger: its energy is what
counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hdrrecon.camera.masks import OVER_FULL
from hdrrecon.color import LUMINANCE_REC709
from hdrrecon.latlong import SUN_DIAMETER_DEG, direction
from hdrrecon.networks.restore.light_budget import LAPLACE_80, LightBudget, LightEstimate
from hdrrecon.networks.restore.panorama_statistics import WORKING_PX, SeenPanorama
from hdrrecon.options import Sun
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.resample import shrunk

if TYPE_CHECKING:
    from hdrrecon.pipeline.prepared import PreparedPhoto

SURE_STOPS = 0.25  # confidence of invented light: the chance that it is right to a quarter of a stop
_COLOUR_DEG = 3.0  # how near to the sun light has its colour
_DOUBLINGS = 5  # of the disc's radius, until it meets a clipped pixel


@dataclass(frozen=True)
class SunDisc:
    """`toward` (3,); `radius`, half the disc's angle in radians; `radiance` (3,) where it covers a pixel wholly.

    `anywhere`: it may lie where nothing clipped; otherwise only clipped pixels get light.
    """

    toward: Tensor
    radius: float
    radiance: Tensor
    anywhere: bool = False

    def coverage(self, y: Tensor, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(n,): how much of the pixels in rows `y` and columns `x` of a panorama `size` lies in the disc, 0 to 1."""
        height, width = size
        north = (0.5 - (y.float() + 0.5) / height) * torch.pi
        east = ((x.float() + 0.5) / width * 2 - 1) * torch.pi
        flat = north.cos()
        vectors = torch.stack([flat * east.sin(), north.sin(), flat * east.cos()], -1)
        # An arc from its chord: exact for small angles, where the cosine is not.
        chord = (vectors - self.toward.to(vectors)).square().sum(-1).sqrt()
        away = 2 * (chord / 2).clamp(max=1).asin()
        pixel = torch.pi / height
        return ((self.radius + pixel / 2 - away) / pixel).clamp(0, 1)

    def rows(self, size: tuple[int, int]) -> slice:
        """Rows of a panorama that the disc reaches."""
        height = size[0]
        top = 0.5 - (float(torch.asin(self.toward[1].clamp(-1, 1))) + self.radius) / torch.pi
        bottom = 0.5 - (float(torch.asin(self.toward[1].clamp(-1, 1))) - self.radius) / torch.pi
        return slice(max(int(top * height) - 1, 0), min(int(bottom * height) + 2, height))


@dataclass(frozen=True)
class PanoramaLight:
    """What is believed about the lost light, and how it is spread over the pixels of a panorama."""

    estimate: LightEstimate
    disc: SunDisc | None = None

    @property
    def brightest(self) -> float:
        """Light of a pixel that the sun covers wholly, 1.0 = clip level; 0 without a sun."""
        return 0.0 if self.disc is None else float(self.disc.radiance.max())

    @property
    def doubt(self) -> float:
        """The chance that the sun is wrong by more than `SURE_STOPS`; 1 for one that was only said to be there."""
        if self.estimate.given_strength:
            return 1.0
        scale = self.estimate.facing_stops / LAPLACE_80
        return float(np.exp(-SURE_STOPS / scale)) if scale > 0 else 0.0

    def of_pixels(self, light: Tensor, linear: Tensor, over: Tensor) -> Tensor:
        """Restored light (n, 3) with the gain on what was restored, where the soft mask `over` (n, 3) says it
        clipped."""
        gain = torch.where(over.amax(1, keepdim=True) > 0, self.estimate.gain, 1.0)
        return linear + gain * (light - linear)

    def of_sun(self, y: Tensor, x: Tensor, code: Tensor, size: tuple[int, int]) -> Tensor:
        """Light (n, 3) of the sun's disc in the pixels of rows `y` and columns `x`, of code (n, 3)."""
        if self.disc is None:
            return torch.zeros_like(code)
        share = _share(self.disc, y, x, code, size)
        return (share[:, None] * self.disc.radiance.to(share)).to(code.dtype)

    def given_pixels(self, rows: slice, size: tuple[int, int], device: torch.device) -> Tensor:
        """(h W,) bool: pixels that a sun given by the user reaches, clipped or not."""
        height, width = rows.stop - rows.start, size[1]
        inside = torch.zeros(height * width, dtype=torch.bool, device=device)
        if self.disc is not None and self.disc.anywhere:
            reach = self.disc.rows(size)
            first, last = max(rows.start, reach.start), min(rows.stop, reach.stop)
            if first < last:
                y, x = _pixels(slice(first, last), width, device)
                inside[(first - rows.start) * width : (last - rows.start) * width] = self.disc.coverage(y, x, size) > 0
        return inside


def _pixels(rows: slice, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Row and column of every pixel of some rows, each (h W,)."""
    y = torch.arange(rows.start, rows.stop, device=device).repeat_interleave(width)
    return y, torch.arange(width, device=device).repeat(rows.stop - rows.start)


def _share(disc: SunDisc, y: Tensor, x: Tensor, code: Tensor, size: tuple[int, int]) -> Tensor:
    """(n,) how much of each pixel is the sun's."""
    covered = disc.coverage(y, x, size)
    return covered if disc.anywhere else covered * (code.amin(-1) >= OVER_FULL)


def weigh(budget: LightBudget, photo: PreparedPhoto, sun: Sun) -> PanoramaLight:
    """The missing light of a panorama that stage 2 has restored, and where it goes; `sun` as `check_sun` gives it."""
    codes = photo.codes
    seen = _seen(photo)
    estimate = budget.weigh(seen, sun)
    if not estimate.has_sun or estimate.sun_elevation_deg is None or estimate.sun_azimuth_deg is None:
        return PanoramaLight(estimate)
    toward = direction(estimate.sun_elevation_deg, estimate.sun_azimuth_deg)
    colour = np.ones(3) if photo.grey else _colour(seen, toward)
    disc = _disc(codes, toward, estimate, colour)
    return PanoramaLight(estimate, disc) if disc else PanoramaLight(replace(estimate, sun_illuminance=0.0))


def _seen(photo: PreparedPhoto) -> SeenPanorama:
    """The panorama at the resolution at which it is looked at."""
    codes = photo.codes
    photo = replace(
        photo, strength=1.0, max_stops=None
    )  # what is wanted of the light comes after what is believed of it

    def maps(rows: slice) -> Tensor:
        clipped = (codes.code(rows).amin(-1, keepdim=True) >= OVER_FULL).float()
        return torch.cat([photo.linear(rows), photo.light(rows)[0], clipped], -1).permute(2, 0, 1)[None].contiguous()

    height = min(WORKING_PX // 2, codes.size[0], codes.size[1] // 2)
    small = shrunk(maps, codes.size, (height, 2 * height), codes.device)[0].permute(1, 2, 0).cpu().numpy()
    return SeenPanorama(small[..., :3], np.maximum(small[..., 3:6], small[..., :3]), small[..., 6])


def _colour(seen: SeenPanorama, toward: np.ndarray) -> np.ndarray:
    """(3,) of luminance 1: of what stage 2 put around the sun."""
    from hdrrecon.networks.restore.panorama_statistics import sphere

    grid = sphere(seen.linear.shape[0])
    near = (grid.direction @ toward.astype(np.float32) > np.cos(np.radians(_COLOUR_DEG))) * grid.solid_angle
    colour = (seen.energy * near[..., None]).sum((0, 1)).astype(np.float64)
    return colour / max(float(colour @ np.asarray(LUMINANCE_REC709)), 1e-9) if colour.max() > 0 else np.ones(3)


def _disc(codes: PixelCodes, toward: np.ndarray, estimate: LightEstimate, colour: np.ndarray) -> SunDisc | None:
    """A disc that gives `estimate.sun_illuminance` to what faces it; None if no clipped pixel lies near."""
    height, width = codes.size
    radius = max(np.radians(SUN_DIAMETER_DEG / 2), np.pi / height / 2)
    for doubling in range(_DOUBLINGS):
        disc = SunDisc(torch.from_numpy(toward).float(), radius * 2**doubling, torch.ones(3), estimate.given)
        rows = disc.rows(codes.size)
        y, x = _pixels(rows, width, torch.device("cpu"))  # doubles below, which MPS has not
        share = _share(disc, y, x, codes.code(rows).view(-1, 3).cpu(), codes.size)
        # The solid angle of a pixel, by rows: the sine of latitude from edge to edge.
        edge = torch.sin((0.5 - torch.arange(height + 1).double() / height) * torch.pi)
        solid = float((share * (edge[:-1] - edge[1:])[y]).sum()) * 2 * np.pi / width
        if solid > 0:
            return replace(disc, radiance=torch.from_numpy(estimate.sun_illuminance / solid * colour).float())
    return None
