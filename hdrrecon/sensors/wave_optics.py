"""Wave optics of a plate before a perfect lens: height map in, point spread function (PSF) out.

In the focal plane of a lens without aberrations the field is the Fourier transform of the field in the pupil
(Fraunhofer; Goodman, "Introduction to Fourier optics", section 5.2), so

    PSF = |F{A exp(i phi)}|^2,    phi = 2 pi / lambda * (n(lambda) - 1) * h

with A the aperture and h the height of the plate. The pupil is sampled, for each wavelength, such that a sample in the
focal plane is half a pixel; then 2 x 2 samples are added. A PSF (3, S, S) sums to 1 per channel over the whole grid;
what a smaller one leaves out is lost light.

Source of the model: Metzler et al., "Deep optics for single-shot high-dynamic-range imaging", CVPR 2020 (numbers of the
lens); Sun et al., "Learning rank-1 diffractive optics for single-shot high dynamic range imaging", CVPR 2020 (rank 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

PlateKind = Literal["none", "star", "rank1"]
_BAND_NM, _BAND = (-25.0, 0.0, 25.0), (0.25, 0.5, 0.25)  # a channel is a band, or speckle could be exploited
_DESIGN_NM = 550.0
SADDLE = 1.0  # steepness of the "rank1" plate's ramps; chosen on training scenes: what is clear stays clear


@dataclass(frozen=True)
class Lens:
    """A lens focused at infinity, its sensor, and the plate's grid."""

    focal_mm: float = 35.0
    aperture_mm: float = 5.0  # diameter
    pitch_um: float = 4.29  # of the sensor's pixels
    size_px: int = 128  # side of the PSF, in pixels of the sensor
    channels_nm: tuple[float, float, float] = (610.0, 530.0, 465.0)  # middle of the red, green and blue band
    plate_px: int = 128  # side of a height map
    plate_mm: float = 5.12  # side of the plate


def refractive_index(wavelength_nm: float) -> float:
    """Of fused silica (Malitson 1965)."""
    square = (wavelength_nm / 1000) ** 2
    terms = ((0.6961663, 0.0684043), (0.4079426, 0.1162414), (0.8974794, 9.896161))
    return float(np.sqrt(1 + sum(b * square / (square - c**2) for b, c in terms)))


def full_turn_um() -> float:
    """Height that delays light of 550 nm by one wavelength."""
    return _DESIGN_NM / 1000 / (refractive_index(_DESIGN_NM) - 1)


def psf_of_height(height_um: Tensor, lens: Lens = Lens()) -> Tensor:
    """PSF (3, S, S) of a height map (n, n) in micrometres, differentiable; the centre is pixel (S // 2, S // 2)."""
    bands = []
    for middle in lens.channels_nm:
        shares = [weight * _monochrome(height_um, middle + off, lens) for off, weight in zip(_BAND_NM, _BAND)]
        bands.append(torch.stack(shares).sum(0))
    return torch.stack(bands)


def _monochrome(height_um: Tensor, wavelength_nm: float, lens: Lens) -> Tensor:
    count = 2 * lens.size_px
    step_mm = wavelength_nm * 1e-6 * lens.focal_mm / (count * lens.pitch_um * 1e-3 / 2)
    at = (torch.arange(count, dtype=torch.float32) - count // 2) * step_mm
    inside = (at[:, None].square() + at.square()).sqrt() <= lens.aperture_mm / 2
    grid = torch.stack(torch.meshgrid(at, at, indexing="ij")[::-1], -1)[None] / (lens.plate_mm / 2)
    height = F.grid_sample(height_um[None, None], grid, padding_mode="border", align_corners=False)[0, 0]
    phase = 2 * pi / (wavelength_nm / 1000) * (refractive_index(wavelength_nm) - 1) * height
    field = torch.fft.fft2(torch.fft.ifftshift(torch.polar(inside.float(), phase)))
    fine = torch.fft.fftshift(field.abs().square()) / (count**2 * inside.sum())
    # A pixel is the sample in its middle and half of each neighbour, for the axis lies on a sample.
    for axis in (0, 1):
        fine = fine + (torch.roll(fine, 1, axis) + torch.roll(fine, -1, axis)) / 2
    return fine[::2, ::2]


def star_height(lens: Lens = Lens(), *, directions: int = 4, covered: float = 0.06, seed: int = 0) -> Tensor:
    """A star filter: grooves in some directions at irregular distances, half a wavelength deep, (n, n) micrometres.

    Args:
        directions: each gives two streaks.
        covered: share of the plate that grooves cover: about so much light goes into the streaks.
    """
    random = np.random.default_rng(seed)
    at = (torch.arange(lens.plate_px) + 0.5 - lens.plate_px / 2) * lens.plate_mm / lens.plate_px
    y, x = torch.meshgrid(at, at, indexing="ij")
    width, grooves = 1.5 * lens.plate_mm / lens.plate_px, torch.zeros_like(x)
    for k in range(directions):
        across = x * np.cos(pi * k / directions) + y * np.sin(pi * k / directions)
        count = max(1, round(covered / directions * 1.5 * lens.plate_mm / width))
        for place in random.uniform(-0.75 * lens.plate_mm, 0.75 * lens.plate_mm, count):
            grooves = torch.maximum(grooves, torch.exp(-(((across - place) / (width / 2)) ** 4)))
    return grooves * full_turn_um() / 2


def rank_height(left: Tensor, right: Tensor) -> Tensor:
    """Height (n, n) micrometres of two factors (n, r): one turn times the sigmoid of their product."""
    return full_turn_um() * torch.sigmoid(left @ right.T)


def plate_height(kind: PlateKind, lens: Lens = Lens()) -> Tensor:
    """Height map of a plate: "none", "star" (a star filter), or "rank1", a saddle: the product of two ramps.

    Raises:
        ValueError: naming the plates there are.
    """
    if kind not in get_args(PlateKind):
        raise ValueError(f"a plate is one of {', '.join(map(repr, get_args(PlateKind)))}, got {kind!r}")
    if kind == "none":
        return torch.zeros(lens.plate_px, lens.plate_px)
    if kind == "star":
        return star_height(lens)
    ramp = torch.linspace(-1, 1, lens.plate_px)[:, None] * SADDLE
    return rank_height(ramp, ramp)
