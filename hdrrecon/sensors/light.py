"""What every camera of `hdrrecon.sensors` is given: light, checked once at the public edge."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def light_tensor(light: np.ndarray | Tensor, called: str = "light") -> Tensor:
    """Any light as (N, 3, H, W) float32.

    Args:
        light: numpy (H, W, 3), or a tensor (3, H, W) or (N, 3, H, W); linear, finite, not negative.
        called: what to call it in an error.

    Raises:
        ValueError: another shape, or values that are no light.
    """
    if isinstance(light, Tensor):
        out = light if light.ndim == 4 else light[None]
        wanted = "(3, H, W) or (N, 3, H, W)"
    else:
        light = np.asarray(light)
        out = torch.from_numpy(np.ascontiguousarray(np.moveaxis(light, -1, 0), np.float32))[None]
        wanted = "(H, W, 3)"
    if out.ndim != 4 or out.shape[1] != 3:
        raise ValueError(f"{called} must be {wanted}, got {tuple(light.shape)}")
    out = out.float()
    if not torch.isfinite(out).all():
        raise ValueError(f"{called} holds NaN or infinity; clean it first, for example with numpy.nan_to_num")
    if (out < 0).any():
        raise ValueError(
            f"{called} holds negative values down to {float(out.min()):g}; light is not negative, clip it at 0"
        )
    return out


def like(result: Tensor, given: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """A tensor (N, C, H, W) as the kind and layout that `light_tensor` was given."""
    if isinstance(given, Tensor):
        return result if given.ndim == 4 else result[0]
    return np.ascontiguousarray(np.moveaxis(result[0].detach().cpu().numpy(), 0, -1))
