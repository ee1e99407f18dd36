"""The virtual camera: light in, an ordinary photo out. The one forward model of training, tests and metrics.

Order, as in a real camera: white balance gains, exposure, shot and read noise, clipping in the camera's own colours,
black clipping, clipping, response curve, quantisation, JPEG.

The formulae are those of `camera.sensor`, which `train.data.resident` uses too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.camera.sensor import above_floor, balanced, clipped_by_sensor, noisy, quantised


@dataclass(frozen=True)
class Camera:
    """How a photo is taken.

    Args:
        response: the camera's curve.
        clip_percent: percent of pixels whose brightest channel clips, in [0, 100]; None uses `exposure`.
        exposure: factor from scene light to the clip level, used when `clip_percent` is None.
        black_percent: percent of pixels whose brightest channel falls to black (two-sided clipping).
        white_balance: gains of R, G, B, part of the truth: a camera clips after them.
        matrix: the camera's balanced RGB to Rec.709, rows sum to 1: channels clip before it; None clips in Rec.709.
        shot_noise: variance per unit of light; 1e-4 to 1e-2 in practice.
        read_noise: standard deviation at black.
        bits: depth of the code values; None leaves them continuous.
        jpeg_quality: 1 to 100 (4:2:0), None for no JPEG. JPEG is 8 bits.
    """

    response: ResponseCurve
    clip_percent: float | None = 5.0
    exposure: float = 1.0
    black_percent: float = 0.0
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    matrix: tuple[tuple[float, float, float], ...] | None = None
    shot_noise: float = 0.0
    read_noise: float = 0.0
    bits: int | None = 8
    jpeg_quality: int | None = None


@dataclass(frozen=True)
class Shot:
    """A simulated photo: `code` (N, 3, H, W) in [0, 1] and the exposed `truth`, 1.0 = clip level."""

    code: Tensor
    truth: Tensor


def exposure_for_clipping(hdr: Tensor, percent: float) -> Tensor:
    """Exposure factor per image, (N, 1, 1, 1), at which `percent` of the pixels of `hdr` (N, 3, H, W) clip."""
    brightest = hdr.amax(1).flatten(1)
    # numpy: torch.quantile refuses more than 16 M elements.
    level = np.percentile(brightest.cpu().numpy(), 100 - percent, axis=1)
    return torch.as_tensor(1 / np.maximum(level, 1e-9), dtype=hdr.dtype, device=hdr.device).view(-1, 1, 1, 1)


def simulate(hdr: Tensor, camera: Camera, generator: torch.Generator | None = None) -> Shot:
    """Photograph linear light.

    Args:
        hdr: (N, 3, H, W), linear, any unit, finite and not negative.
        camera: see `Camera`.
        generator: for the noise; on the device of `hdr`.

    Returns:
        Shot: code values in [0, 1] and the truth they were taken from.

    Raises:
        ValueError: if `hdr` is not (N, 3, H, W) or holds negative or non-finite light.
    """
    if hdr.ndim != 4 or hdr.shape[1] != 3:
        raise ValueError(f"simulate needs light of shape (N, 3, H, W), got {tuple(hdr.shape)}")
    if not (torch.isfinite(hdr).all() and (hdr >= 0).all()):
        raise ValueError(
            "simulate needs finite light that is not negative; clean it with torch.nan_to_num and clamp(min=0)"
        )
    light = balanced(hdr, hdr.new_tensor(camera.white_balance))
    gain = camera.exposure if camera.clip_percent is None else exposure_for_clipping(light, camera.clip_percent)
    truth = light * gain
    sensed = truth
    if camera.shot_noise or camera.read_noise:
        noise = torch.randn(truth.shape, generator=generator, dtype=truth.dtype, device=truth.device)
        sensed = noisy(truth, noise, camera.shot_noise, camera.read_noise)
    if camera.matrix is not None:
        sensed = clipped_by_sensor(sensed, hdr.new_tensor(camera.matrix))
    if camera.black_percent:
        level = np.percentile(truth.amax(1).flatten(1).cpu().numpy(), camera.black_percent, axis=1)
        floor = torch.as_tensor(np.minimum(level, 0.5), dtype=truth.dtype, device=truth.device).view(-1, 1, 1, 1)
        sensed = above_floor(sensed, floor)
    return Shot(encode(sensed, camera), truth)


def encode(light: Tensor, camera: Camera) -> Tensor:
    """Sensed light (N, 3, H, W), 1.0 = clip level, to code values: clip, response, quantise, JPEG."""
    code = camera.response.expose(light.clamp(0, 1))
    if camera.jpeg_quality is not None:
        return _jpeg(code, camera.jpeg_quality)
    if camera.bits is not None:
        code = quantised(code, camera.bits)
    return code


def _jpeg(code: Tensor, quality: int) -> Tensor:
    import cv2

    out = []
    for image in (code * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy():
        ok, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
        if not ok:
            raise RuntimeError(f"OpenCV could not code a {image.shape} image as JPEG quality {quality}")
        coded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
        out.append(coded[..., ::-1].transpose(2, 0, 1))
    return torch.as_tensor(np.stack(out), device=code.device).to(code.dtype) / 255
