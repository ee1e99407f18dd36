"""A response and light from a bracket, with gradients all the way: Debevec & Malik's solution in closed form.

For codes z_ij of pixel i in exposure j, taken for t_j seconds, find the log inverse response l and log light u from

    min  sum_ij w(z_ij)^2 (l(z_ij) - u_i - ln t_j)^2  +  smoothness * sum_z l''(z)^2,    l(middle code) = 0.

u is eliminated (it is a weighted mean), which leaves a 256 x 256 system for l. Codes are binned softly, by linear
interpolation, so the solution, and light merged with it, is differentiable in every pixel of every photo.

Source: Debevec & Malik, "Recovering high dynamic range radiance maps from photographs", SIGGRAPH 1997, equation 3; the
use inside a network after Kim et al., "End-to-end differentiable learning to HDR image synthesis", AAAI 2021.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hdrrecon.camera.response import ResponseCurve

BINS = 256
SMOOTHNESS = 20_000.0  # the best of five on training cameras and scenes, JPEG photos with noise
SAMPLES = 1024  # pixels that the response is solved from
MOST_MOVED = 0.05  # of the pixels may disagree with the others' exposures
MOVED_STOPS = 0.7  # by more than this
_GAUGE = BINS // 2
_DARK, _BRIGHT = 0.02, 0.98  # codes: the blend into the longest and the shortest exposure


class MotionWarning(UserWarning):
    """The photos of a bracket do not show the same scene everywhere."""


@dataclass(frozen=True)
class BracketMerge:
    """What a bracket tells.

    Attributes:
        light: (H, W, 3) array or (3, H, W) tensor as the images came; linear, in units of the light that the middle
            code shows in one second.
        log_inverse: (3, 256) float64, natural log of the inverse response at 256 uniform codes, 0 at code 128.
        moved_share: of the pixels: their exposures disagree.
    """

    light: np.ndarray | Tensor
    log_inverse: Tensor
    moved_share: float

    @property
    def response(self) -> ResponseCurve:
        """The response as the rest of the package uses it: 0 at code 0, 1 at the last code, monotone."""
        curves = self.log_inverse.detach().exp().cpu().numpy()
        curves = np.maximum.accumulate(curves / curves[:, -1:], axis=1)
        curves[:, 0] = 0
        return ResponseCurve.from_inverse(curves, "bracket")


def from_bracket(
    images: Sequence[np.ndarray] | Tensor | Sequence[str | Path],
    times: Sequence[float] | Tensor | None = None,
    *,
    smoothness: float = SMOOTHNESS,
) -> BracketMerge:
    """The response of a camera, and light, from photos of one scene at several exposures.

    Args:
        images: (H, W, 3) arrays, uint8, uint16 or floats in [0, 1]; or one tensor (J, 3, H, W) of floats in [0, 1],
            which may need gradients; or paths of photos.
        times: exposure of each in seconds, or in any unit; None reads them from the EXIF of the paths.
        smoothness: of the response; more for noisy photos.

    Returns:
        `BracketMerge`, differentiable in the images if they are a tensor.

    Raises:
        ValueError: fewer than two photos, sizes that differ, times that are equal, not above 0 or missing.

    Warns:
        MotionWarning: if the photos disagree in many pixels.

    Example:
        >>> curve = ResponseCurve.gamma(2.0)
        >>> ramp = np.linspace(0.001, 1, 4096, dtype=np.float32).reshape(64, 64, 1).repeat(3, 2)
        >>> shots = [curve.expose(np.minimum(ramp * t, 1)) for t in (0.25, 1, 4)]
        >>> float(np.abs(from_bracket(shots, (0.25, 1, 4)).response.inverse - curve.inverse).max()) < 0.02
        True
    """
    if not isinstance(images, Tensor) and len(images) and isinstance(images[0], (str, Path)):
        photos, own = read_bracket([str(image) for image in images])
        return from_bracket(photos, own if times is None else times, smoothness=smoothness)
    codes, seconds = _checked(images, times)  # type: ignore[arg-type]
    log_times = seconds.log()
    log_inverse = solve_response(sampled(codes.detach() if not codes.requires_grad else codes), log_times, smoothness)
    moved = moved_share(codes.detach(), log_inverse.detach(), log_times)
    if moved > MOST_MOVED:
        warnings.warn(
            f"the photos disagree in {moved:.0%} of their pixels: the scene or the camera moved, or the times "
            "are wrong; align them first, or leave out what moved",
            MotionWarning,
            stacklevel=2,
        )
    light = merge(codes, log_inverse, log_times)
    if isinstance(images, Tensor):
        return BracketMerge(light, log_inverse, moved)
    return BracketMerge(np.ascontiguousarray(light.float().numpy().transpose(1, 2, 0)), log_inverse, moved)


def read_bracket(paths: Sequence[str | Path]) -> tuple[list[np.ndarray], list[float]]:
    """Photos and their exposures from EXIF: seconds * ISO / 100 / F-number^2, where they are said.

    Raises:
        ValueError: naming a photo that says no time.
    """
    from PIL import Image

    images, times = [], []
    for path in paths:
        with Image.open(path) as photo:
            facts = photo.getexif().get_ifd(0x8769)
            images.append(np.asarray(photo.convert("RGB")))
        seconds, speed, stop = (facts.get(tag) for tag in (0x829A, 0x8827, 0x829D))
        if not seconds:
            raise ValueError(f"{path} says no exposure time in its EXIF; pass times")
        speed = speed[0] if isinstance(speed, tuple) else speed
        times.append(float(seconds) * float(speed or 100) / 100 / float(stop or 1) ** 2)
    return images, times


def sampled(codes: Tensor, count: int = SAMPLES) -> Tensor:
    """About `count` pixels of (J, 3, H, W) on a regular grid, (J, 3, P)."""
    height, width = codes.shape[-2:]
    step = max(1, int((height * width / count) ** 0.5))
    return codes[..., step // 2 :: step, step // 2 :: step].flatten(2)


def tent(code: Tensor) -> Tensor:
    """Trust in a code in [0, 1]: 1 in the middle, nearly 0 at the ends, smooth."""
    return 4 * code * (1 - code) + 1e-3


def solve_response(samples: Tensor, log_times: Tensor, smoothness: float = SMOOTHNESS) -> Tensor:
    """Log inverse response (C, 256) float64 of sampled codes (J, C, P) in [0, 1] and log times (J,); differentiable."""
    z = samples.double().permute(1, 2, 0)  # (C, P, J)
    weight = tent(z).square()
    hats = _hats(z)
    total = weight.sum(-1)
    mean_hat = torch.einsum("cpj,cpjb->cpb", weight, hats)
    mean_time = (weight * log_times.double()).sum(-1)
    system = torch.einsum("cpj,cpjb,cpjd->cbd", weight, hats, hats)
    system = system - torch.einsum("cpb,cp,cpd->cbd", mean_hat, 1 / total, mean_hat)
    wanted = torch.einsum("cpj,j,cpjb->cb", weight, log_times.double(), hats)
    wanted = wanted - torch.einsum("cpb,cp->cb", mean_hat, mean_time / total)
    curvature = torch.eye(BINS, dtype=torch.float64, device=z.device).diff(n=2, dim=0)
    # In units of 256 codes the smoothness means the same for any number of samples.
    bend = smoothness * samples.shape[-1] / SAMPLES * curvature.T @ curvature
    system = system + bend + 1e-9 * torch.eye(BINS, dtype=torch.float64, device=z.device)
    system[:, _GAUGE, _GAUGE] = system[:, _GAUGE, _GAUGE] + 1e3
    solved = torch.linalg.solve(system, wanted)
    return solved - solved[:, _GAUGE : _GAUGE + 1]


def merge(codes: Tensor, log_inverse: Tensor, log_times: Tensor) -> Tensor:
    """Light (C, H, W) of photos (J, C, H, W): weighted means of log light; what is clipped in all comes from the
    shortest exposure, what is black in all from the longest. Differentiable."""
    z = codes.double()
    stops = _looked_up(log_inverse, z) - log_times.double().view(-1, 1, 1, 1)
    rise, fall = ((z - 0) / _DARK).clamp(0, 1), ((1 - z) / (1 - _BRIGHT)).clamp(0, 1)
    floor = torch.full_like(rise[:1], 1e-4)
    longest = (log_times == log_times.max()).view(-1, 1, 1, 1)
    shortest = (log_times == log_times.min()).view(-1, 1, 1, 1)
    rise, fall = (
        torch.where(longest, torch.maximum(rise, floor), rise),
        torch.where(shortest, torch.maximum(fall, floor), fall),
    )
    weight = tent(z) * rise * fall + 1e-12
    return ((weight * stops).sum(0) / weight.sum(0)).exp().to(codes.dtype)


def moved_share(codes: Tensor, log_inverse: Tensor, log_times: Tensor) -> float:
    """Share of pixels of which two well-exposed photos say different light."""
    z = codes.double()
    stops = (_looked_up(log_inverse, z) - log_times.double().view(-1, 1, 1, 1)) / np.log(2)
    well = (z > 0.1) & (z < 0.9)
    high = torch.where(well, stops, torch.full_like(stops, -1e9)).amax(0)
    low = torch.where(well, stops, torch.full_like(stops, 1e9)).amin(0)
    twice = well.sum(0) >= 2
    return float(((high - low > MOVED_STOPS) & twice).any(0).float().mean())


def _hats(z: Tensor) -> Tensor:
    """(..., 256) weights of codes in [0, 1] between their two nearest bins."""
    position = z.clamp(0, 1) * (BINS - 1)
    return (1 - (position[..., None] - torch.arange(BINS, dtype=z.dtype, device=z.device)).abs()).clamp(min=0)


def _looked_up(log_inverse: Tensor, z: Tensor) -> Tensor:
    """Log inverse at codes (J, C, H, W)."""
    position = z.clamp(0, 1) * (BINS - 1)
    low = position.detach().floor().clamp(max=BINS - 2)
    index = low.long().transpose(0, 1).flatten(1)
    a, b = (log_inverse.gather(1, index + i).unflatten(1, (z.shape[0], *z.shape[2:])).transpose(0, 1) for i in (0, 1))
    return a + (position - low) * (b - a)


def _checked(images: Sequence[np.ndarray] | Tensor, times: Sequence[float] | Tensor | None) -> tuple[Tensor, Tensor]:
    if times is None:
        raise ValueError("a bracket of pixels does not say how long it was exposed; pass times, in seconds")
    if len(images) < 2 or len(images) != len(times):
        raise ValueError(
            f"a bracket needs at least two photos and a time for each, got {len(images)} photos and {len(times)} times"
        )
    if isinstance(images, Tensor):
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"a bracket as a tensor must be (J, 3, H, W) floats, got {tuple(images.shape)} {images.dtype}"
            )
        codes = images
    else:
        arrays = [np.asarray(image) for image in images]
        shapes = sorted({array.shape for array in arrays})
        if len(shapes) > 1 or len(shapes[0]) != 3 or shapes[0][2] != 3:
            raise ValueError(f"the photos of a bracket must have one size (H, W, 3), got {', '.join(map(str, shapes))}")
        scales = [np.iinfo(array.dtype).max if array.dtype.kind in "ui" else 1 for array in arrays]
        codes = torch.from_numpy(
            np.stack([np.moveaxis(a, -1, 0).astype(np.float32) / s for a, s in zip(arrays, scales)])
        )
    if not torch.isfinite(codes).all() or float(codes.detach().min()) < 0 or float(codes.detach().max()) > 1:
        raise ValueError(
            "the photos of a bracket must hold code values in [0, 1] after division by the largest code, and no NaN"
        )
    seconds = torch.as_tensor(times, dtype=torch.float64)
    if not (torch.isfinite(seconds) & (seconds > 0)).all():
        raise ValueError(f"exposure times must be above 0, got {seconds.tolist()}")
    if float(seconds.max() / seconds.min()) < 1.05:
        raise ValueError(
            f"all exposure times are equal ({seconds[0]:g}): such photos tell nothing about a response; "
            "give a bracket of at least two exposures"
        )
    return codes, seconds
