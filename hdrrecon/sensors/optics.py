"""Optics that spread highlights: a plate before the lens carries a little light of what clips to where it can be
measured.

`photograph` is the camera: light, convolved with a point spread function (PSF), then noise, clipping and 12 bits.
`recover` finds the light again: streaks outside clipped regions say how bright these are (`streaks`), and what
`reconstruct` restores is where it begins. PSFs come from wave optics of a plate (`wave_optics`), from one photo of a
small lamp behind a star filter (`psf_from_photo`), or from a model of glare (`glare_psf`).

Sources: Sun et al., "Learning rank-1 diffractive optics for single-shot high dynamic range imaging", CVPR 2020; Metzler
et al., "Deep optics for single-shot high-dynamic-range imaging", CVPR 2020; Rouf et al., "Glare encoding of high
dynamic range images", CVPR 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hdrrecon.sensors.light import light_tensor, like
from hdrrecon.sensors.streaks import Blur, RefineConfig, recovered

MOST_MISSING = 0.02  # of a PSF's sum, from 1
_RIM_PX = 8  # of a photo of a lamp: what lies there is background


@dataclass(frozen=True)
class OpticsCamera:
    """The sensor behind the plate: linear."""

    bits: int = 12  # of what is read out
    full_well: float = 8000.0  # electrons at the clip level
    read_noise: float = 3.0  # electrons, standard deviation


def photograph(
    light: np.ndarray | Tensor,
    psf: np.ndarray | Tensor,
    camera: OpticsCamera = OpticsCamera(),
    generator: torch.Generator | None = None,
) -> np.ndarray | Tensor:
    """What a sensor behind a plate sees.

    Args:
        light: (H, W, 3), or a tensor (3, H, W) or (N, 3, H, W); 1.0 = the sensor's clip level.
        psf: (S, S, 3), or a tensor (3, S, S), see `as_psf`.
        camera: the sensor.
        generator: for the noise.

    Returns:
        Linear values in [0, 1], float32, of the same kind and layout as the light. Beyond the picture its edge is
        repeated.
    """
    true = light_tensor(light)
    levels = 2**camera.bits - 1
    seen = sensed(Blur(as_psf(psf), true.shape[-2:])(true), camera, generator)
    return like((seen * levels).round() / levels, light)


def sensed(light: Tensor, camera: OpticsCamera = OpticsCamera(), generator: torch.Generator | None = None) -> Tensor:
    """What `photograph` sees of light after its blur, without the steps of the read-out: those have no gradient."""
    electrons = light.clamp(min=0) * camera.full_well
    noise = torch.randn(light.shape, generator=generator).to(light)
    deviation = (electrons.detach() + camera.read_noise**2).sqrt()
    return ((electrons + noise * deviation) / camera.full_well).clamp(0, 1)


def recover(
    photo: np.ndarray | Tensor,
    psf: np.ndarray | Tensor,
    *,
    start: np.ndarray | Tensor | None = None,
    refine: bool = True,
) -> np.ndarray | Tensor:
    """Light from a linear photo behind a known PSF.

    Args:
        photo: (H, W, 3), or a tensor (3, H, W) or (1, 3, H, W); linear in [0, 1], 1.0 = the clip level.
        psf: (S, S, 3), or a tensor (3, S, S), see `as_psf`.
        start: what clipped light may be, of the photo's layout; None asks `hdrrecon.reconstruct`.
        refine: also solve for all light at once, pixel by pixel (some seconds).

    Returns:
        Light of the photo's kind and layout; what did not clip is deblurred.

    Raises:
        ValueError: values that are none of a photo, a PSF that is none.
    """
    seen, spread = light_tensor(photo, "a photo"), as_psf(psf)
    if float(seen.max()) > 1 or len(seen) != 1:
        raise ValueError(
            f"recover takes one linear photo with values in [0, 1], got {tuple(seen.shape)} "
            f"up to {float(seen.max()):g}; "
            "divide by the level at which the sensor clips"
        )
    first = started(seen) if start is None else light_tensor(start, "the start")
    return like(recovered(seen, first, spread, RefineConfig() if refine else None), photo)


def started(photo: Tensor) -> Tensor:
    """Light (1, 3, H, W) that `reconstruct` finds in a linear photo (1, 3, H, W), shown to it as an sRGB picture."""
    from hdrrecon.camera.response import ResponseCurve
    from hdrrecon.pipeline.build import build_pipeline
    from hdrrecon.zoo import DEFAULT_MODEL

    srgb = ResponseCurve.srgb()
    return build_pipeline(DEFAULT_MODEL).eval()(srgb.expose(photo), srgb).radiance


def as_psf(psf: np.ndarray | Tensor, *, normalize: bool = False) -> Tensor:
    """A PSF (3, S, S) float32 of (S, S), (S, S, 3), or a tensor (3, S, S), S even or odd, its centre at S // 2.

    Raises:
        ValueError: another shape, negative or non-finite values, or a sum that is not 1 (unless `normalize`).
    """
    tensor = psf if isinstance(psf, Tensor) else torch.from_numpy(np.ascontiguousarray(np.asarray(psf, np.float32)))
    if not isinstance(psf, Tensor) and tensor.ndim == 3:
        tensor = tensor.permute(2, 0, 1)
    tensor = tensor.float().expand(3, *tensor.shape[-2:]) if tensor.ndim in (2, 3) and tensor.numel() else tensor
    if tensor.ndim != 3 or tensor.shape[0] != 3 or tensor.shape[1] != tensor.shape[2]:
        raise ValueError(f"a PSF must be (S, S), (S, S, 3), or a tensor (3, S, S), got {tuple(psf.shape)}")
    if not torch.isfinite(tensor).all() or (tensor < 0).any():
        raise ValueError("a PSF must be finite and not negative; set noise below 0 to 0")
    total = tensor.sum((1, 2))
    if normalize:
        return tensor / total.clamp(min=1e-12)[:, None, None]
    if (total - 1).abs().max() > MOST_MISSING:
        raise ValueError(
            f"a PSF must sum to 1 in each channel, got {[round(float(t), 4) for t in total]}; "
            "a smaller sum loses light: "
            "take a larger PSF, or normalise it with as_psf(psf, normalize=True) if its scale is unknown"
        )
    return tensor


def psf_from_photo(photos: list[np.ndarray], times: list[float] | None = None, *, size: int = 129) -> np.ndarray:
    """The PSF of a lens with its filter, from photos of one small, distant lamp in the dark.

    One exposure holds a core or its streaks, not both: take several, the shortest without clipping, the longest with
    streaks.

    Args:
        photos: (H, W, 3) linear arrays, 1.0 = the clip level; one, or several from a tripod.
        times: their exposures, in any unit; needed for several.
        size: side of the PSF in pixels.

    Returns:
        (size, size, 3), its centre at size // 2, summing to 1 in each channel.

    Raises:
        ValueError: a lamp that clips even in the shortest photo, lies too near the edge, or does not show.
    """
    times = [1.0] if times is None else list(times)
    if not photos or len(photos) != len(times) or min(times) <= 0:
        raise ValueError(
            f"each photo of the lamp needs its exposure above 0, got {len(photos)} photos and {len(times)} times"
        )
    order = np.argsort(times)
    shortest = np.asarray(photos[order[0]], np.float64)
    if shortest.max() >= 0.99:
        raise ValueError("the lamp clips even in the shortest photo, so its core is unknown; add a shorter exposure")
    light = shortest / times[order[0]]
    for i in order[1:]:
        photo = np.asarray(photos[i], np.float64)
        # Longer exposures have less noise, where they did not clip in any channel.
        good = (photo.max(2, keepdims=True) < 0.95) & (photo.max(2, keepdims=True) > 0)
        light = np.where(good, photo / times[i], light)
    rim = np.concatenate([light[:_RIM_PX].reshape(-1, 3), light[-_RIM_PX:].reshape(-1, 3)])
    light = np.maximum(light - np.median(rim, axis=0), 0)
    y, x = np.unravel_index(light.sum(2).argmax(), light.shape[:2])
    half = size // 2
    if y < half or x < half or y + size - half > light.shape[0] or x + size - half > light.shape[1]:
        raise ValueError(
            f"the lamp is at row {y}, column {x}, nearer than {half} pixels to an edge; centre it or ask for less"
        )
    cut = light[y - half : y - half + size, x - half : x - half + size]
    if not (cut.sum((0, 1)) > 0).all():
        raise ValueError("no lamp shows in every channel of the photo")
    return (cut / cut.sum((0, 1))).astype(np.float32)


def glare_psf(size: int = 129, *, share: float = 0.05, fall: float = 2.0) -> np.ndarray:
    """A model of a lens's veiling glare: a core, and a halo that falls with a power of the distance; (size, size, 3),
    sum 1.

    Args:
        share: of the light that goes into the halo.
        fall: power; 2 to 3 in lenses (McCann & Rizzi, "The art and science of HDR imaging", 2011).
    """
    at = np.arange(size) - size // 2
    halo = 1 / (1 + np.hypot(at[:, None], at)) ** fall
    halo[size // 2, size // 2] = 0
    psf = share * halo / halo.sum()
    psf[size // 2, size // 2] = 1 - share
    return np.repeat(psf[..., None], 3, 2).astype(np.float32)
