"""A modulo sensor: full wells empty themselves and go on counting, so nothing clips and everything is folded.

    m = light mod 1,    light = m + K

with 1.0 = one full well, the level at which an ordinary sensor clips, and K the number of folds, which the sensor does
not tell. `wrap` is the sensor, `unwrap` finds K: a small network says where folds lie, and `unwrapping` solves for all
at once, the global offset included. Classical unwrapping and the published loop of binary masks are there to compare.

Sources: Zhao et al., "Unbounded high dynamic range photography using a modulo camera", ICCP 2015; Zhou et al.,
"UnModNet: learning to unwrap a modulo image for high dynamic range imaging", NeurIPS 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.networks.sensors.unwrap_net import FOLDS, RolloverNet, UnwrapNet
from hdrrecon.sensors import unwrapping
from hdrrecon.sensors.light import light_tensor, like

Method = Literal["network", "poisson", "reliability"]


@dataclass(frozen=True)
class ModuloCamera:
    """A modulo sensor, linear, without a response curve."""

    bits: int = 8  # of what it reads out of a well
    wells: int = FOLDS  # it counts up to so many wells; light above is clipped
    shot_noise: float = 0.0  # variance per well of light, in wells squared
    read_noise: float = 0.0  # standard deviation, in wells


def photograph(
    light: Tensor, camera: ModuloCamera = ModuloCamera(), generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Modulo image and folds, each (N, 3, H, W), of light in wells: noise, clipping at `wells`, quantisation,
    wrapping."""
    if camera.shot_noise or camera.read_noise:
        noise = torch.randn(light.shape, generator=generator, dtype=light.dtype, device=light.device)
        light = light + noise * (camera.shot_noise * light + camera.read_noise**2).sqrt()
    levels = 2**camera.bits
    counted = (light * levels).round().clamp(0, camera.wells * levels - 1)
    folds = (counted / levels).floor()
    return counted / levels - folds, folds


def wrap(light: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """What a modulo sensor without noise keeps of light: the part below one full well.

    Args:
        light: (H, W, 3), or a tensor (3, H, W) or (N, 3, H, W); 1.0 = one full well; finite, not negative.

    Returns:
        float32 in [0, 1), of the same kind and layout.

    Raises:
        ValueError: for anything else.

    Example:
        >>> wrap(np.full((1, 1, 3), 2.25, np.float32))[0, 0].tolist()
        [0.25, 0.25, 0.25]
    """
    return like(light_tensor(light).remainder(1), light)


def unwrap(
    wrapped: np.ndarray | Tensor, *, method: Method = "network", full_well: float | None = None
) -> np.ndarray | Tensor:
    """Light from a modulo image.

    Args:
        wrapped: (H, W, 3), or a tensor (3, H, W) or (N, 3, H, W). Floats are in wells, [0, 1); of integers `full_well`
            says at which code the wells start again; uint8 start at 256.
        method: "network"; "poisson" or "reliability", the classical ways, whose global
            offset is a guess.
        full_well: code, or value, of one full well.

    Returns:
        Light, float32, 1.0 = one full well, of the same kind and layout.

    Raises:
        ValueError: no modulo image, or one of which nobody knows where the wells start again.
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(map(repr, get_args(Method)))}, got {method!r}")
    image = _in_wells(wrapped, full_well)
    return like(image + folds_of(image, method), wrapped)


def folds_of(wrapped: Tensor, method: Method = "network") -> Tensor:
    """Folds (N, 3, H, W) of modulo images in [0, 1)."""
    if method == "network":
        from hdrrecon import zoo

        return unwrapped_by(zoo.load("unwrap-net"), wrapped)
    solve = unwrapping.poisson if method == "poisson" else unwrapping.reliability
    return torch.stack([torch.from_numpy(solve(one.double().numpy())).float() for one in wrapped])


@torch.inference_mode()
def unwrapped_by(net: UnwrapNet, wrapped: Tensor) -> Tensor:
    """Folds (N, 3, H, W) by a network and one solution for all of each image."""
    out = []
    for one in wrapped:
        changes, folds = net(one[None])
        changes = changes[0].float().log_softmax(2).numpy()
        small = folds[0].float().log_softmax(1)
        height, width = one.shape[-2:]
        side = 2 ** (net.unet.coarse_level + 1)
        large = F.interpolate(small, scale_factor=side, mode="bilinear")[..., :height, :width].numpy()
        solved = unwrapping.solve_folds((changes[:, 0, ..., :-1], changes[:, 1, :, :-1]), large)
        out.append(torch.from_numpy(solved).float())
    return torch.stack(out)


@torch.inference_mode()
def rolled_over_by(net: RolloverNet, wrapped: Tensor) -> Tensor:
    """Folds (N, 3, H, W) by the published loop: masks of what is folded once more, until there is nothing.

    No such network ships; `hdrrecon train modulo --masks` makes one.
    """
    folds = torch.zeros_like(wrapped)
    for number in range(1, FOLDS):
        at_least = net(wrapped, wrapped + folds, torch.full((len(wrapped),), float(number))) > 0
        at_least = at_least & (folds == number - 1)  # a mask of round k lies within that of round k - 1
        if not at_least.any():
            break
        folds = folds + at_least
    return folds


def _in_wells(wrapped: np.ndarray | Tensor, full_well: float | None) -> Tensor:
    kind = str(wrapped.dtype).removeprefix("torch.")
    if full_well is None and kind == "uint8":
        full_well = 256
    if full_well is None and "float" not in kind:
        raise ValueError(
            f"a modulo image of {kind} does not say at which code its wells start again; pass full_well, "
            "for example full_well=256 for a sensor of 8 bits"
        )
    if full_well is not None and not full_well > 0:
        raise ValueError(f"full_well must be above 0, got {full_well}")
    image = light_tensor(
        wrapped.float() if isinstance(wrapped, Tensor) else np.asarray(wrapped, np.float32), "a modulo image"
    )
    image = image / (full_well or 1.0)
    if float(image.max()) >= 1:
        raise ValueError(
            f"a modulo image lies below one full well, [0, 1), got values up to {float(image.max()):g} wells; "
            "if 1.0 is not its full well, pass full_well; if this is light, there is nothing to unwrap"
        )
    return image
