"""Soft-mask guidance: features learn where light was lost, and how.

A pixel whose three channels clip, one whose blue alone clips and one that is crushed want different treatment, and half
lost pixels something in between. A small encoder turns the soft masks into guidance at every scale of a network; at
each block the normalised features F are then modulated by it, per channel and per pixel:

    F' = (1 + scale) * F + shift,    scale, shift = 1x1 convolution of the guidance

The convolution starts at zero, so that an untrained guidance changes nothing.

Source: "soft mask guidance" after Cao et al. 2023 (https://doi.org/10.1145/3550277), of which only the abstract is
public; the modulation is Wang et al. 2018, "Recovering realistic texture by deep spatial feature transform", equation
3, applied after a normalisation as in Park et al. 2019 (SPADE).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MASKS = 4  # over-exposed R, G, B, and under-exposed


def modulate(features: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """``(1 + scale) * features + shift``, all (N, C, H, W)."""
    return torch.addcmul(features + shift, features, scale)


class MaskEncoder(nn.Module):
    """Soft masks -> guidance at half their size, a quarter, and so on.

    Args:
        channels: of the guidance at every scale.
        scales: how many.
    """

    def __init__(self, channels: int, scales: int):
        super().__init__()
        self.stem = nn.Conv2d(4 * MASKS, channels, 3, 1, 1)
        self.down = nn.ModuleList(nn.Conv2d(channels, channels, 3, 2, 1) for _ in range(scales - 1))

    def forward(self, over: Tensor, under: Tensor) -> list[Tensor]:
        """over (N, 3, H, W), under (N, 1, H, W) in [0, 1], H and W multiples of 2 ** scales -> `scales` maps (N,
        channels, ...)."""
        x = F.leaky_relu(self.stem(F.pixel_unshuffle(torch.cat([over, under], 1), 2)), 0.1)
        guides = [x]
        for down in self.down:
            x = F.leaky_relu(down(x), 0.1)
            guides.append(x)
        return guides


class Modulation(nn.Module):
    """Features (N, C, H, W) modulated by guidance (N, G, H, W). See the module's text."""

    def __init__(self, channels: int, guidance: int):
        super().__init__()
        self.both = nn.Conv2d(guidance, 2 * channels, 1)
        nn.init.zeros_(self.both.weight)
        nn.init.zeros_(self.both.bias)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        return modulate(features, *self.both(guide).chunk(2, 1))
