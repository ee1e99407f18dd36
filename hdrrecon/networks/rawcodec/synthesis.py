"""Synthesis: the decoded residual is cleaned beside the full JPEG, at half resolution.

A small residual network sees the JPEG, stage 0, and the decoded residual, all pixel-unshuffled by 2, and the step the
residual was coded with. It adds to the residual; its last layer begins at zero, so that untrained it changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class SynthesisConfig:
    """Size of the network."""

    width: int = 24  # channels
    blocks: int = 3  # residual blocks of two 3 x 3 convolutions


class Residual(nn.ModuleList):
    """x + two 3 x 3 convolutions with a leaky ReLU between them."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self[1](F.leaky_relu(self[0](x), 0.1))


class Synthesis(nn.Module):
    """(N, 3, H, W) JPEG, stage 0, residual -> corrected stabilised raw.

    `halo` is how many pixels beyond a band its result depends on; `multiple_of` what sides must divide by.
    """

    Config = SynthesisConfig
    multiple_of = 2

    def __init__(self, config: SynthesisConfig = SynthesisConfig()) -> None:
        super().__init__()
        self.config = config
        self.halo = 2 * (2 + 2 * config.blocks)
        self.first = nn.Conv2d(37, config.width, 3, padding=1)
        self.blocks = nn.ModuleList(Residual(config.width) for _ in range(config.blocks))
        self.last = nn.Conv2d(config.width, 12, 3, padding=1)
        for name in ("weight", "bias"):
            nn.init.zeros_(self.last.get_parameter(name))

    def forward(self, code: Tensor, base: Tensor, residual: Tensor, step: Tensor) -> Tensor:
        """All signals of the raw in the stabilised domain.

        Args:
            code: JPEG in [0, 1].
            base: stage 0.
            residual: decoded latents brought back to pixels.
            step: (N,) index of the base step, 0...63 (eighths of an octave).

        Returns:
            (N, 3, H, W) base + residual + correction.
        """
        size = torch.exp2(-step / 8).view(-1, 1, 1, 1)  # the correction is of the order of the step
        scaled = residual / size
        level = (step / 16 - 2).view(-1, 1, 1, 1).expand(-1, 1, code.shape[2] // 2, code.shape[3] // 2)
        x = torch.cat([F.pixel_unshuffle(v, 2) for v in (code - 0.5, base - 0.4, scaled)] + [level], 1)
        x = F.leaky_relu(self.first(x), 0.1)
        for block in self.blocks:
            x = block(x)
        return base + residual + F.pixel_shuffle(self.last(F.leaky_relu(x, 0.1)), 2) * size * 0.2
