"""A plate and its decoder, optimised together through wave optics, sensor and all ("deep optics").

`DeepOptics` is differentiable from the plate's height map to the light that its decoder finds. The decoder knows the
PSF: it first takes away what the PSF brought outside of clipped regions (`streaks.sharpened`), looks where what is left
would have come from (the adjoint of the blur), and a small U-Net corrects light by what it sees there.

Sources: Metzler et al., "Deep optics for single-shot high-dynamic-range imaging", CVPR 2020 (plate and network
together, a free height map); Sun et al., "Learning rank-1 diffractive optics for single-shot high dynamic range
imaging", CVPR 2020 (two factors instead of a map). The decoder is our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from hdrrecon.networks.sensors.small_unet import SmallUNet
from hdrrecon.sensors.optics import sensed
from hdrrecon.sensors.streaks import CLIPPED, Blur, sharpened
from hdrrecon.sensors.wave_optics import SADDLE, Lens, plate_height, psf_of_height, rank_height

TrainedPlate = Literal["none", "star", "rank1", "free"]
DARKEST = 2.0**-10  # of the clip level
MOST_STOPS = 8.0  # that the decoder moves light by, about


@dataclass(frozen=True)
class DeepOpticsConfig:
    """A plate and the size of its decoder."""

    plate: TrainedPlate = "rank1"  # "none" and "star" are not trained, their decoders are
    widths: tuple[int, ...] = (24, 32, 48, 64, 64)  # of the decoder: channels at /2, /4, ... /32
    size_px: int = 128  # side of the PSF, pixels
    rounds: int = 2  # of fixed-point steps before the network

    def __post_init__(self):
        if self.plate not in get_args(TrainedPlate):
            raise ValueError(f"plate must be one of {', '.join(get_args(TrainedPlate))}, got {self.plate!r}")


class DeepOptics(nn.Module):
    """Light (N, 3, H, W), 1.0 = clip level -> what the sensor sees, and what the decoder finds.

    Example:
        >>> seen, found = DeepOptics()(torch.rand(1, 3, 64, 64))
        >>> seen.shape == found.shape == (1, 3, 64, 64)
        True
    """

    def __init__(self, config: DeepOpticsConfig = DeepOpticsConfig()):
        super().__init__()
        self.config = config
        self.lens = Lens(size_px=config.size_px)
        self.unet = SmallUNet(12, 3, config.widths)
        # Every trained plate begins as the saddle, which leaves clear what is clear.
        if config.plate == "rank1":
            ramp = torch.linspace(-1, 1, self.lens.plate_px)[:, None] * SADDLE
            self.left, self.right = nn.Parameter(ramp.clone()), nn.Parameter(ramp.clone())
        elif config.plate == "free":
            self.height = nn.Parameter(plate_height("rank1", self.lens))
        else:
            self.register_buffer("height", plate_height(config.plate, self.lens))

    def psf(self) -> Tensor:
        """Of the plate as it is now, (3, S, S)."""
        height = rank_height(self.left, self.right) if self.config.plate == "rank1" else self.height
        return psf_of_height(height, self.lens)

    def forward(self, light: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """See the class; noise is drawn from `generator`."""
        blur = Blur(self.psf(), light.shape[-2:])
        seen = sensed(blur(light), generator=generator)
        return seen, self.decoded(seen, blur)

    def decoded(self, seen: Tensor, blur: Blur) -> Tensor:
        """Light (N, 3, H, W) from what a sensor saw, (N, 3, H, W) in [0, 1]."""
        clipped = seen >= CLIPPED
        start = torch.where(clipped, torch.ones_like(seen), seen).clamp(min=DARKEST)
        light = sharpened(seen, start, blur, clipped, self.config.rounds).clamp(min=DARKEST)
        left = torch.where(clipped, torch.zeros_like(seen), seen - blur(light))
        told = [light.log2() / MOST_STOPS, clipped.float(), amplified(left), amplified(blur.adjoint(left))]
        stops = MOST_STOPS * self.unet(torch.cat(told, 1)).float()
        found = light * torch.exp2(stops.clamp(-MOST_STOPS, 2 * MOST_STOPS))
        return torch.where(clipped, found.clamp(min=1), found)


def amplified(faint: Tensor) -> Tensor:
    """Streaks are some thousandths of the clip level: a signed logarithm, about -2 to 2."""
    return faint.sign() * (faint.abs() * 300).log1p() / 3
