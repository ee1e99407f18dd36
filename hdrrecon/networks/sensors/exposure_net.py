"""What a re-photographed exposure lacks: one network for all exposures, told which one is wanted.

The physical part is done before: light times 2^EV, clipped, through the response. The network mends that picture: noise
and coarse steps of shadows that are lifted, the colour of highlights, errors of the response.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hdrrecon.networks.sensors.guide_net import stops_of
from hdrrecon.networks.sensors.small_unet import SmallUNet

MOST_EV = 4.0  # in either direction: what it was trained for
_STOPS = 8.0


@dataclass(frozen=True)
class ExposureNetConfig:
    """Shape of `ExposureNet`."""

    widths: tuple[int, ...] = (24, 32, 48, 64)  # channels at /2, /4, /8, /16


class ExposureNet(nn.Module):
    """Photo, its re-photographed exposure, its light and masks -> the exposure, mended."""

    Config = ExposureNetConfig

    def __init__(self, config: ExposureNetConfig = ExposureNetConfig()):
        super().__init__()
        self.config = config
        self.unet = SmallUNet(12, 3, config.widths, condition=3)
        self.multiple_of = self.unet.multiple_of

    def forward(self, code: Tensor, shown: Tensor, lost: Tensor, light: Tensor, ev: Tensor) -> Tensor:
        """Code values (N, 3, H, W) in [0, 1] at the wanted exposure; `shown` itself, if untrained.

        Args:
            code: (N, 3, H, W) the photo, in [0, 1].
            shown: (N, 3, H, W) its light as a camera of the same response would show it at `ev`.
            lost: (N, 3, H, W) soft mask of clipped channels.
            light: (N, 3, H, W) reconstructed, 1.0 = the photo's clip level.
            ev: (N,) stops; +1 doubles the light.
        """
        wanted = (ev / MOST_EV)[:, None].to(code)
        condition = torch.cat([wanted, wanted.square(), wanted.abs()], 1)
        seen = torch.cat([code, shown, lost, stops_of(light) / _STOPS], 1)
        return (shown + self.unet(seen, condition)).clamp(0, 1)
