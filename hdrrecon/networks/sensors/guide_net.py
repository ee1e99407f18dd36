"""What a guide cannot say: light within one of its pixels. Corrects `sensors.guide`'s classical answer.

One network works with a guide, without one, and where the guide is clipped: it is told so, and trained with guides left
out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hdrrecon.networks.sensors.small_unet import SmallUNet

DARKEST_STOPS = -10.0
_STOPS = 8.0  # about the range of log light, so that inputs are near 1


@dataclass(frozen=True)
class GuideNetConfig:
    """Shape of `GuideNet`."""

    widths: tuple[int, ...] = (32, 48, 64)  # channels at /2, /4, /8
    longest_px: int = 1024  # it is shown photos of at most this longer side; its answer is enlarged beyond


class GuideNet(nn.Module):
    """Light, guided light, guide and masks (each (N, C, H, W)) -> a correction in stops (N, 3, H, W), zeros at
    first."""

    Config = GuideNetConfig

    def __init__(self, config: GuideNetConfig = GuideNetConfig()):
        super().__init__()
        self.config = config
        self.unet = SmallUNet(14, 3, config.widths)
        self.multiple_of = self.unet.multiple_of

    def forward(
        self, light: Tensor, guided: Tensor, lost: Tensor, guide: Tensor, present: Tensor, code: Tensor
    ) -> Tensor:
        """Correction of `guided` in stops.

        Args:
            light: (N, 3, H, W) reconstructed without a guide, 1.0 = clip level.
            guided: (N, 3, H, W) with it; `light` where there is none.
            lost: (N, 3, H, W) soft mask of clipped channels, in [0, 1].
            guide: (N, 1, H, W) luminance of the guide in the photo's scale, enlarged.
            present: (N, 1, H, W) in [0, 1]: there is a guide, and it is not clipped.
            code: (N, 3, H, W) code values in [0, 1].
        """
        stops = [stops_of(x) / _STOPS for x in (light, guided)]
        seen = torch.cat([*stops, lost, present * stops_of(guide) / _STOPS, present, code], 1)
        return self.unet(seen)


def stops_of(light: Tensor) -> Tensor:
    """log2 of light, limited below."""
    return light.clamp(min=2.0**DARKEST_STOPS).log2()
