"""The simple module before a kernel prediction: light of each pixel by itself.

A perceptron sees a pixel's code values and linear light and answers, per channel, how many stops above its linearised
value it may have been, and how much light a crushed pixel had. It cannot blur or ring, for it knows no neighbours; what
kind of photo this is, it hears from a thumbnail, which scales and shifts its hidden layers (FiLM, Perez et al. 2018).

It answers as a restoring stage does, so that `HDRPipeline` can run it as one. Untrained it adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.networks.restore.features import Seen
from hdrrecon.networks.restore.restored_light import RestoredLight
from hdrrecon.networks.stages import Restorer

INPUTS = 13
BRIGHTEST_SHADOW = 1 / 8  # of the clip level


@dataclass(frozen=True)
class PreliminaryConfig:
    """`hidden`: width of the perceptron; `thumbnail`: channels of the convolutions; `working_px`: longest side of the
    thumbnail."""

    hidden: int = 32
    thumbnail: tuple[int, ...] = (16, 32, 64)
    working_px: int = 64


class PreliminaryLight(nn.Module, Restorer):
    """(code, linear) -> preliminary radiance. See the module's text."""

    Config = PreliminaryConfig

    def __init__(self, config: PreliminaryConfig = PreliminaryConfig()):
        super().__init__()
        self.config = config
        widths = (INPUTS, *config.thumbnail)
        self.thumbnail = nn.Sequential(
            *(layer for a, b in zip(widths, widths[1:]) for layer in (nn.Conv2d(a, b, 3, 2, 1), nn.SiLU()))
        )
        self.film = nn.Sequential(nn.Linear(2 * widths[-1], 128), nn.SiLU(), nn.Linear(128, 4 * config.hidden))
        self.first, self.second = nn.Conv2d(INPUTS - 3, config.hidden, 1), nn.Conv2d(config.hidden, config.hidden, 1)
        self.last = nn.Conv2d(config.hidden, 6, 1)
        for layer in (self.last, self.film[-1]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, code: Tensor, linear: Tensor) -> Tensor:
        """code, linear (N, 3, H, W) in [0, 1] -> radiance (N, 3, H, W), `linear` itself to the bit where both masks are
        0."""
        light = self.answer(code, linear, self.look_at(Seen.at(code, linear, self.config.working_px)))
        return linear * torch.exp2(over_mask(code) * light.median) + under_mask(code) * light.shadow

    def look_at(self, seen: Seen) -> Tensor:
        """What the thumbnail says: scales and shifts of both hidden layers, (N, 4 * hidden, 1, 1)."""
        x = self.thumbnail(torch.cat([seen.code, seen.linear, seen.over, seen.under, seen.depth], 1))
        return self.film(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))[..., None, None]

    def answer(self, code: Tensor, linear: Tensor, deep: Tensor) -> RestoredLight:
        """Pixel by pixel, in any arrangement; `deep` (N, 4 * hidden, ...) of `look_at` at each. One answer for both
        wishes."""
        scale_1, shift_1, scale_2, shift_2 = deep.chunk(4, 1)
        x = torch.cat([code, linear, over_mask(code), under_mask(code)], 1)
        x = nn.functional.silu(self.first(x) * (1 + scale_1) + shift_1)
        x = nn.functional.silu(self.second(x) * (1 + scale_2) + shift_2)
        # clamp, not relu: its gradient at exactly 0 is 1, so zero weights can learn.
        stops, shadow = self.last(x).float().clamp(min=0).chunk(2, 1)
        unsure = torch.ones_like(stops[:, :1])
        return RestoredLight(stops, stops, unsure, unsure, (shadow * BRIGHTEST_SHADOW).clamp(max=BRIGHTEST_SHADOW))
