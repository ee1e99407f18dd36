"""From features to per-pixel kernels, and those applied. Heads start at zero: the image comes out as it went in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hdrrecon.networks.refine.decoupled_filter import (
    DecoupledKernels,
    coupled_filter,
    decoupled_filter,
    normalise_kernels,
    pooled_levels,
)

FACTORS = (1, 4, 16)  # sides of the cells a level averages, and the distance between its taps, in pixels


class DecoupledHeads(nn.Module):
    """Spatial kernels, channel matrices and level weights; per pixel L * (K * K + 9 + 1) numbers.

    Args:
        channels, deepest: of the features per pixel, and of those of the whole photo.
        kernel, levels: K and L.
        per_image: one channel matrix per level for the whole photo.
    """

    def __init__(self, channels: int, deepest: int, kernel: int, levels: int, per_image: bool = False):
        super().__init__()
        self.factors, self.kernel = FACTORS[:levels], kernel
        self.spatial = zeroed(nn.Conv2d(channels, levels * kernel**2, 1))
        self.level = zeroed(nn.Conv2d(channels, levels, 1)) if levels > 1 else None  # one level has all the weight
        self.matrix = zeroed(nn.Linear(deepest, levels * 9) if per_image else nn.Conv2d(channels, levels * 9, 1))

    def forward(self, deep: Tensor, summary: Tensor, image: Tensor, measured: Tensor) -> Tensor:
        """deep (N, channels, H, W), summary (N, deepest), image (N, 3, H, W), measured (N, 1, H, W) in [0, 1] ->
        filtered image."""
        levels = len(self.factors)

        def apart(x, *shape):
            return x.float().unflatten(1, (levels, *shape))

        spatial = normalise_kernels(apart(self.spatial(deep), self.kernel**2))
        if isinstance(self.matrix, nn.Linear):
            matrix = apart(self.matrix(summary), 3, 3)[..., None, None]
        else:
            matrix = apart(self.matrix(deep), 3, 3)
        matrix = torch.eye(3, device=image.device)[..., None, None] + torch.tanh(matrix) / 2
        level = torch.ones_like(measured) if self.level is None else sharp_first(self.level(deep).float())
        kernels = DecoupledKernels(spatial, matrix, level)
        return decoupled_filter(pooled_levels(image, measured, self.factors), kernels, self.factors)


class CoupledHeads(nn.Module):
    """Full kernels between the channels, per pixel K * K * 9 numbers: what decoupling replaces, for comparison."""

    def __init__(self, channels: int, kernel: int):
        super().__init__()
        self.kernels = zeroed(nn.Conv2d(channels, 9 * kernel**2, 1))

    def forward(self, deep: Tensor, summary: Tensor, image: Tensor, measured: Tensor) -> Tensor:
        """As `DecoupledHeads`; `summary` and `measured` are not looked at."""
        change = self.kernels(deep).float().unflatten(1, (3, 3, -1))
        # Weights of each channel sum to one, as the decoupled ones nearly do.
        change = change - change.mean((2, 3), keepdim=True)
        return image + coupled_filter(image, change)


def sharp_first(logits: Tensor) -> Tensor:
    """Weights of levels (N, L, H, W) that sum to one; zero logits give all to level 0, exactly, which a softmax
    cannot."""
    centred = logits - logits.mean(1, keepdim=True)
    return torch.cat([1 + centred[:, :1], centred[:, 1:]], 1)


def zeroed(layer: nn.Module) -> nn.Module:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
