"""Highlight U-Net: how bright were the clipped pixels?

Two floors. A U-Net sees the whole photo at a bounded working resolution, with a global branch, because
how bright a clipped region is follows from context: sun, lamp, window, sky, wall. A small per-pixel head then
decides at full resolution, from the code values and the upsampled features, how many stops above its
linearised value each channel was, and how sure that is.

The answer is ``radiance = linear * 2 ** (mask * stops)`` with stops >= 0: pixels with mask 0 are untouched to
the bit, and no pixel gets darker.

Sources: the U-Net and the alpha blend after Eilertsen et al. 2017, the positive residual after Liu et al. 2020;
the two resolutions after ExpandNet's local and global branches (Marnerides et al. 2018).
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.camera.exposure import over_mask
from hdrrecon.networks.restored_light import LAPLACE_80, RestoredLight
from hdrrecon.networks.seen import Seen
from hdrrecon.networks.working_resolution import enlarge_rows

INPUTS = 13
FULL_INPUTS = 9


@dataclass(frozen=True)
class HighlightConfig:
    """`widths`: channels at /2, /4 ... of the working resolution; `features`: channels handed to the full-resolution
    head; `working_px`: longest side at which the U-Net sees the photo."""

    widths: tuple[int, ...] = (40, 64, 96, 128, 160)
    features: int = 16
    head: int = 32
    working_px: int = 256


class HighlightUNet(nn.Module):
    """(code, linear) -> stops above the linearised value, and their spread. See the module's text."""

    Config = HighlightConfig
    fills_shadows = False

    def __init__(self, config: HighlightConfig = HighlightConfig()):
        super().__init__()
        self.config = config
        widths = config.widths
        self.multiple_of = 2 ** len(widths)
        self.stem = nn.Conv2d(4 * INPUTS, widths[0], 3, 1, 1)
        self.encode = nn.ModuleList(Block(c) for c in widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in zip(widths, widths[1:]))
        self.context = Context(widths[-1])
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in zip(widths, widths[1:]))
        self.decode = nn.ModuleList(Block(c) for c in widths[:-1])
        self.features = nn.Conv2d(widths[0], config.features, 3, 1, 1)
        self.head = nn.Sequential(nn.Conv2d(config.features + FULL_INPUTS, config.head, 1), nn.SiLU(),
                                  nn.Conv2d(config.head, config.head, 1), nn.SiLU(), nn.Conv2d(config.head, 4, 1))
        nn.init.zeros_(self.head[-1].weight)
        with torch.no_grad():  # untrained: about a tenth of a stop, a spread of one
            self.head[-1].bias.copy_(torch.tensor([-2.0, -2.0, -2.0, 0.5]))

    def forward(self, code: Tensor, linear: Tensor, working_px: int | None = None) -> tuple[Tensor, Tensor]:
        """code, linear (N, 3, H, W) in [0, 1] -> stops (N, 3, H, W) >= 0 and spread (N, 1, H, W) > 0, in stops."""
        deep = self.look(code, linear, working_px or self.config.working_px)
        light = self.answer(code, linear, enlarge_rows(deep, slice(0, code.shape[-2]), code.shape[-2:]))
        return light.median, light.spread

    def look(self, code: Tensor, linear: Tensor, working_px: int) -> Tensor:
        """The U-Net's features at half the working resolution, (N, features, h, w)."""
        return self.look_at(Seen.at(code, linear, working_px))

    def look_at(self, seen: Seen) -> Tensor:
        """The same of a photo that has been brought to the working resolution."""
        x = torch.cat([seen.linear, seen.code, seen.over, seen.under, seen.depth], 1)
        height, width = x.shape[-2:]
        x = F.pad(x, (0, (-width) % self.multiple_of, 0, (-height) % self.multiple_of), mode="replicate")
        x, skips = self.stem(F.pixel_unshuffle(x, 2)), []
        for block, down in zip(self.encode, [*self.down, None]):
            x = block(x)
            if down is not None:
                skips.append(x)
                x = down(x)
        x = self.context(x)
        for up, block in zip(reversed(self.up), reversed(self.decode)):
            x = F.interpolate(up(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(x + skips.pop())
        return self.features(x)[..., : -(-height // 2), : -(-width // 2)]

    def answer(self, code: Tensor, linear: Tensor, deep: Tensor) -> RestoredLight:
        """The per-pixel head, on pixels in any arrangement; `deep` are the features of `look` at each.

        One answer for all three wishes, and none for shadows.
        """
        out = self.head(torch.cat([code, linear, over_mask(code), deep], 1)).float()
        stops, half = F.softplus(out[:, :3]), LAPLACE_80 * (F.softplus(out[:, 3:]) + 0.05)
        return RestoredLight(stops, stops, stops, half, half, torch.zeros_like(stops))


class Block(nn.Module):
    """Residual block: two 3x3 convolutions, group normalisation between."""

    def __init__(self, channels: int):
        super().__init__()
        self.path = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1), nn.GroupNorm(8, channels), nn.SiLU(),
                                  nn.Conv2d(channels, channels, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.path(x)


class Context(nn.Module):
    """Adds a summary of the whole photo (mean and maximum over the deepest features) to every position."""

    def __init__(self, channels: int):
        super().__init__()
        self.block = Block(channels)
        self.path = nn.Sequential(nn.Linear(2 * channels, channels), nn.SiLU(), nn.Linear(channels, channels))
        self.after = Block(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(x)
        summary = self.path(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))
        return self.after(x + summary[..., None, None])


def restore(linear: Tensor, code: Tensor, stops: Tensor) -> Tensor:
    """``linear * 2 ** (mask * stops)``; channels whose mask is 0 keep their bits (2 ** 0 is exactly 1)."""
    return linear * torch.exp2(over_mask(code) * stops)
