"""The formulae of the virtual camera: light in, code values out, one function a step, in batches and on any device.

`camera.simulate` takes one kind of photo with them, `train.data.resident` a batch of photos by as many different
cameras. Images are (N, 3, H, W), light in units of the clip level; settings are numbers, or tensors that broadcast, (N,
1, 1, 1).

Sources: Foi et al., "Practical Poissonian-Gaussian noise modeling", IEEE TIP 2008, equation 4 (noise); the order of the
steps is
that of common raw developers: gains, clipping at the sensor's level, colour matrix, response.
"""

from __future__ import annotations

import torch
from torch import Tensor


def balanced(light: Tensor, gains: Tensor) -> Tensor:
    """Light after white balance gains, (3,) or (N, 3)."""
    return light * gains.view(-1, 3, 1, 1)


def noisy(light: Tensor, normal: Tensor, shot_noise: float | Tensor, read_noise: float | Tensor) -> Tensor:
    """Light with noise of variance ``shot_noise * light + read_noise**2``; `normal` is standard normal, shaped as
    `light`."""
    return torch.addcmul(light, normal, (shot_noise * light).add_(read_noise**2).sqrt_())


def above_floor(light: Tensor, floor: Tensor) -> Tensor:
    """Light of which `floor` has become black; the clip level stays."""
    return (light - floor) / (1 - floor)


def clipped_by_sensor(light: Tensor, matrix: Tensor) -> Tensor:
    """Light whose channels clip at 1 in the camera's own colours, after white balance and before the colour matrix.

    Args:
        light: (N, 3, H, W) Rec.709.
        matrix: (3, 3) or (N, 3, 3), the camera's balanced RGB to Rec.709; rows sum to 1, so that grey stays grey.

    Returns:
        (N, 3, H, W): the light itself where nothing clips. A colour that clips moves all three channels.
    """
    flat = light.flatten(2)
    matrix = matrix.expand(len(light), 3, 3)
    excess = (torch.linalg.inv(matrix) @ flat).sub_(1).clamp_(min=0)
    return torch.baddbmm(flat, matrix, excess, alpha=-1).view(light.shape)


def quantised(code: Tensor, bits: int) -> Tensor:
    """Code values in [0, 1] on the grid of so many bits."""
    levels = 2**bits - 1
    return (code * levels).round_().div_(levels)
