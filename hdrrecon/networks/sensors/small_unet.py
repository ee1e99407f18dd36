"""The one U-Net of the special cameras: half a million parameters, plain 3x3 convolutions, no normalisation.

Normalisation is left out on purpose: these networks must know how much light there is, and it would take that away.
Source: Ronneberger et al., "U-Net", MICCAI 2015.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.1  # of the leaky ReLU


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride, 1)


def _zero(layer: nn.Module) -> None:
    """Start as nothing: an untrained network is then the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class Block(nn.Module):
    """Two convolutions around a shortcut, and, if asked for, a gain and an offset per channel from a condition (FiLM).

    Source: Perez et al., "FiLM", AAAI 2018.
    """

    def __init__(self, channels: int, condition: int = 0):
        super().__init__()
        self.first, self.second = _conv(channels, channels), _conv(channels, channels)
        self.film = nn.Linear(condition, 2 * channels) if condition else None
        if self.film is not None:
            _zero(self.film)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        y = self.first(F.leaky_relu(x, SLOPE))
        if self.film is not None:
            gain, offset = self.film(condition)[..., None, None].chunk(2, 1)
            y = y * (1 + gain) + offset
        return x + self.second(F.leaky_relu(y, SLOPE))


class SmallUNet(nn.Module):
    """(N, channels_in, H, W) -> (N, channels_out, H, W); H and W of any size, padded inside.

    Args:
        channels_in, channels_out: of the image.
        widths: channels at /2, /4, ...
        condition: numbers that tell all levels what is wanted, (N, condition); 0 for none.
        coarse_out: channels of a second answer, from the decoder at `coarse_level` (0 is /2, 1 is /4, ...); 0 for none.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        widths: tuple[int, ...] = (32, 48, 64, 96),
        condition: int = 0,
        coarse_out: int = 0,
        coarse_level: int = 2,
    ):
        super().__init__()
        if coarse_out and coarse_level >= len(widths) - 1:
            raise ValueError(
                f"coarse_level {coarse_level} needs more than {coarse_level + 1} widths, got {len(widths)}"
            )
        self.coarse_level = coarse_level
        self.multiple_of = 2 ** len(widths)
        self.stem = _conv(4 * channels_in, widths[0])
        self.down = nn.ModuleList(_conv(a, b, 2) for a, b in pairwise(widths))
        self.encode = nn.ModuleList(Block(c, condition) for c in widths)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.decode = nn.ModuleList(Block(c, condition) for c in widths[:-1])
        self.head = nn.Conv2d(widths[0], 4 * channels_out, 1)
        _zero(self.head)
        self.coarse = nn.Conv2d(widths[coarse_level], coarse_out, 1) if coarse_out else None

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """The image, zeros at first; with `coarse_out` also (N, coarse_out, h, w) of the padded image at that level."""
        height, width = image.shape[-2:]
        x = self.stem(F.pixel_unshuffle(padded(image, self.multiple_of), 2))
        skips, coarse = [], None
        for i, block in enumerate(self.encode):
            x = block(self.down[i - 1](F.leaky_relu(x, SLOPE)) if i else x, condition)
            skips.append(x)
        x = skips.pop()
        for level in reversed(range(len(self.decode))):
            x = skips.pop() + F.interpolate(self.up[level](x), scale_factor=2, mode="bilinear")
            x = self.decode[level](x, condition)
            if self.coarse is not None and level == self.coarse_level:
                coarse = self.coarse(F.leaky_relu(x, SLOPE))
        out = F.pixel_shuffle(self.head(F.leaky_relu(x, SLOPE)), 2)[..., :height, :width]
        return out if coarse is None else (out, coarse)


def padded(image: Tensor, multiple: int) -> Tensor:
    """Down and right to sides that are multiples, by repeating the edge."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="replicate")
