"""Where a modulo sensor folded: networks for `sensors.modulo`.

`UnwrapNet` says of each pair of neighbours how many folds lie between them, and of each neighbourhood how often its
wells were emptied; `sensors.unwrapping` makes one picture of that. `RolloverNet` is the published way for comparison:
binary masks, one round for each fold (Zhou et al., "UnModNet", NeurIPS 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.networks.sensors.small_unet import SmallUNet

FOLDS = 16  # a channel is folded 0 to 15 times: 12 bits through 8
CHANGES = 5  # of folds between neighbours: -2 to 2
_ITOH = 3.0  # logit of the change that makes the smallest step (Itoh 1982): what an untrained network says
_FEATURES = 19


@dataclass(frozen=True)
class UnwrapNetConfig:
    """Shape of `UnwrapNet` and `RolloverNet`."""

    # Channels at /2, /4, ... /64: how often a sky was folded only the whole picture tells.
    widths: tuple[int, ...] = (32, 48, 64, 64, 96, 128)


def wrapped_features(wrapped: Tensor) -> Tensor:
    """What a fold does not change (N, 19, H, W) of a modulo image (N, 3, H, W) in [0, 1): sine, cosine, wrapped
    differences to the right, downwards and between channels; and the image itself."""
    angle = 2 * pi * wrapped
    right = F.pad(wrapped[..., 1:] - wrapped[..., :-1], (0, 1))
    down = F.pad(wrapped[..., 1:, :] - wrapped[..., :-1, :], (0, 0, 0, 1))
    color = wrapped[:, ::2] - wrapped[:, 1:2]
    color = torch.cat([color - color.round(), color], 1)
    return torch.cat([wrapped, angle.sin(), angle.cos(), right - right.round(), down - down.round(), color], 1)


def itoh_changes(wrapped: Tensor) -> Tensor:
    """Change of folds (N, 3, 2, H, W), in -1 to 1, to the right and downwards, if every true step is below half a
    well."""
    right = F.pad(wrapped[..., 1:] - wrapped[..., :-1], (0, 1))
    down = F.pad(wrapped[..., 1:, :] - wrapped[..., :-1, :], (0, 0, 0, 1))
    return -torch.stack([right, down], 2).round()


class UnwrapNet(nn.Module):
    """(N, 3, H, W) modulo image in [0, 1) -> logits of changes and of folds."""

    Config = UnwrapNetConfig

    def __init__(self, config: UnwrapNetConfig = UnwrapNetConfig()):
        super().__init__()
        self.config = config
        self.unet = SmallUNet(_FEATURES, 6 * CHANGES, config.widths, coarse_out=3 * FOLDS)
        self.multiple_of = self.unet.multiple_of

    def forward(self, wrapped: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 3, 2, 5, H, W) of the change of folds -2 to 2 to the right and downwards neighbour, and logits
        (N, 3, 16, h, w) of the folds themselves in squares of 8 pixels (the last ones may reach over the edge)."""
        features = wrapped_features(wrapped).contiguous(memory_format=torch.channels_last)
        out, coarse = self.unet(features)
        n, _, height, width = wrapped.shape
        prior = F.one_hot(itoh_changes(wrapped).long() + CHANGES // 2, CHANGES).movedim(-1, 3)
        changes = out.view(n, 3, 2, CHANGES, height, width) + _ITOH * prior
        return changes, coarse.unflatten(1, (3, FOLDS))


class RolloverNet(nn.Module):
    """One round of the published loop: is there another fold to undo?"""

    Config = UnwrapNetConfig

    def __init__(self, config: UnwrapNetConfig = UnwrapNetConfig()):
        super().__init__()
        self.config = config
        self.unet = SmallUNet(_FEATURES + 4, 3, config.widths)
        self.multiple_of = self.unet.multiple_of

    def forward(self, wrapped: Tensor, current: Tensor, round_number: Tensor) -> Tensor:
        """Logits (N, 3, H, W) of "this pixel was folded at least `round_number` times".

        Args:
            wrapped: (N, 3, H, W) modulo image in [0, 1).
            current: (N, 3, H, W) light so far, in wells.
            round_number: (N,) from 1.
        """
        level = (round_number / FOLDS).view(-1, 1, 1, 1).expand(-1, 1, *wrapped.shape[-2:]).to(wrapped)
        return self.unet(torch.cat([wrapped_features(wrapped), current / FOLDS, level], 1))
