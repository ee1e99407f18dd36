"""DKPN: a network that predicts, per pixel, the kernels that turn a preliminary result into the final one.

A preliminary result is right where the photo is well exposed. An encoder-decoder, guided by the soft masks of over- and
under-exposed pixels, sees it beside the photo and predicts kernels for every pixel: spatial ones shared by the channels
and channel matrices, on the image and on two ever more blurred copies of it, in which clipped pixels hardly count.
Filtering carries light and colour of the surroundings into what was lost; what no neighbour has, a sun above
everything, is a residual.

All happens in z = log2(1 + H / knee): stops in highlights, where a mean of light would be that of its brightest pixel,
and linear light below the knee. The network sees a photo at a bounded working resolution, kernels are applied at half
of that, and the answer is a correction in stops, which the full-resolution masks bring to bear:

    light = max(radiance * 2 ** (mask * correction), linear),    mask = max(over per channel, under)

so pixels with mask 0 keep their light to the bit. Untrained the correction is 0.

After Cao et al. 2023, "A decoupled kernel prediction network guided by soft mask for single image HDR reconstruction"
(https://doi.org/10.1145/3550277), of which only the abstract is public: the five things it says (preliminary module,
soft-mask guidance, kernels convolved with the preliminary result, decoupled along space and channels, over- and
under-exposed regions) are here, everything else is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.networks.refine.guided_unet import GuidedUNet
from hdrrecon.networks.refine.kernel_heads import CoupledHeads, DecoupledHeads
from hdrrecon.networks.refine.preliminary_light import PreliminaryConfig, PreliminaryLight
from hdrrecon.networks.stages import Refiner
from hdrrecon.networks.working_resolution import enlarge_rows, working_size

INPUTS = 10
LARGEST_STOPS = 16.0  # a correction saturates there: light stays finite whatever the weights
DEEPEST_Z = 10.0  # z of the networks' input is divided by it


@dataclass(frozen=True)
class DKPNConfig:
    """`widths`: channels at /2, /4 ... of `working_px`, the longest side at which the photo is seen.

    Args:
        guidance: "sft" modulates features by the soft masks; "masked-features" forgets masked features instead; "none".
        kernel: K of the K x K spatial kernels.
        levels: how many of (sharp, averages of 4 x 4, of 16 x 16 pixels) are filtered.
        kernels: "decoupled", or "coupled": a full K x K x 3 x 3 kernel on the sharp level alone.
        mixing: a channel matrix for every "pixel" or one for the whole "image".
        knee: light below which z is linear, 1.0 = clip level.
        alone: has a preliminary module of its own; a refining stage needs none.
    """

    widths: tuple[int, ...] = (32, 56, 96, 128)
    guide: int = 16
    guidance: Literal["sft", "masked-features", "none"] = "sft"
    kernel: int = 5
    levels: int = 3
    kernels: Literal["decoupled", "coupled"] = "decoupled"
    mixing: Literal["pixel", "image"] = "pixel"
    knee: float = 0.1
    working_px: int = 256
    alone: bool = False


class DKPN(nn.Module, Refiner):
    """(code, linear) -> radiance by itself; (code, linear, radiance) -> correction as a stage. See the module's text.

    Raises:
        ValueError: for a config that is not one.
    """

    Config = DKPNConfig

    def __init__(self, config: DKPNConfig = DKPNConfig()):
        super().__init__()
        check(config)
        self.config = config
        self.preliminary = PreliminaryLight(PreliminaryConfig()) if config.alone else None
        self.unet = GuidedUNet(INPUTS, config.widths, config.guide, config.guidance)
        self.multiple_of = self.unet.multiple_of
        if config.kernels == "coupled":
            self.heads = CoupledHeads(config.widths[0], config.kernel)
        else:
            self.heads = DecoupledHeads(
                config.widths[0], config.widths[-1], config.kernel, config.levels, config.mixing == "image"
            )
        self.gate = nn.Conv2d(config.widths[0], 1, 1)
        self.residual = nn.Conv2d(config.widths[0], 12, 1)  # three channels of the four pixels under each
        for layer in (self.gate, self.residual):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.gate.bias, -2.0)

    def own_restorer(self) -> PreliminaryLight | None:
        """Its preliminary module, if it stands alone."""
        return self.preliminary

    def forward(self, code: Tensor, linear: Tensor, working_px: int | None = None) -> Tensor:
        """code, linear (N, 3, H, W) in [0, 1] -> radiance (N, 3, H, W), at least `linear`; needs `config.alone`."""
        if self.preliminary is None:
            raise ValueError(
                "this DKPN refines what other stages restored: call correct(code, linear, radiance), "
                "or build it with DKPNConfig(alone=True)"
            )
        radiance = self.preliminary(code, linear)
        correction = self.correction(code, linear, radiance, working_px)
        return torch.maximum(corrected(code, radiance, correction), linear)

    def correction(self, code: Tensor, linear: Tensor, radiance: Tensor, working_px: int | None = None) -> Tensor:
        """Photos of any size, looked at in the working resolution -> correction in stops, (N, 3, H, W)."""
        full = code.shape[-2:]
        size = working_size(full, working_px or self.config.working_px)
        if size == tuple(full):
            return self.correct(code, linear, radiance)
        seen = (F.interpolate(x, size, mode="area") for x in (code, linear, radiance))
        return enlarge_rows(self.correct(*seen), slice(0, full[0]), full)

    def correct(self, code: Tensor, linear: Tensor, radiance: Tensor) -> Tensor:
        """Photos at the working resolution -> correction in stops, same shape, float32; 0 where nothing was lost.

        Args:
            code, linear: (N, 3, h, w) in [0, 1].
            radiance: (N, 3, h, w), the preliminary result. What differs from `linear` counts as lost, however little of
                a pixel that is, and so do pixels beside lost ones, because corrections are enlarged bilinearly.
        """
        height, width = code.shape[-2:]

        def fill(x):
            return F.pad(x, (0, (-width) % self.multiple_of, 0, (-height) % self.multiple_of), mode="replicate")

        code, linear, radiance = fill(code), fill(linear), fill(radiance)
        over, under = over_mask(code), under_mask(code)
        z = to_stops(radiance, self.config.knee)
        deep, summary = self.unet(torch.cat([code, z / DEEPEST_Z], 1), over, under)

        lost = torch.cat([over, under, (radiance != linear).to(over)], 1).amax(1, keepdim=True)
        half = F.avg_pool2d(torch.cat([z, over.amax(1, keepdim=True), under], 1).float(), 2)
        image, measured = half[:, :3], (1 - half[:, 3:4]) * (1 - half[:, 4:])
        filtered = self.heads(deep, summary, image, measured)
        gate = (1 - measured + torch.sigmoid(self.gate(deep).float())).clamp(max=1)
        moved = F.interpolate(gate * (filtered - image), scale_factor=2.0, mode="bilinear", align_corners=False)
        stops = moved + F.pixel_shuffle(self.residual(deep).float(), 2)
        stops = LARGEST_STOPS * torch.tanh(stops / LARGEST_STOPS) * (F.max_pool2d(lost, 3, 1, 1) > 0)
        return stops[..., :height, :width]


def corrected(code: Tensor, radiance: Tensor, correction: Tensor) -> Tensor:
    """``radiance * 2 ** (mask * correction)``, all (N, 3, H, W); where the masks of `code` are 0, `radiance` to the
    bit."""
    return radiance * torch.exp2(torch.maximum(over_mask(code), under_mask(code)) * correction)


def to_stops(light: Tensor, knee: float) -> Tensor:
    """z = log2(1 + light / knee): 0 in the dark, one more for every doubling well above the knee. Same shape."""
    return torch.log2(1 + light / knee)


def check(config: DKPNConfig) -> None:
    """Raises ValueError: an option of `config` is none of those there are."""
    wanted = {
        "guidance": ("sft", "masked-features", "none"),
        "kernel": (3, 5, 7),
        "levels": (1, 2, 3),
        "kernels": ("decoupled", "coupled"),
        "mixing": ("pixel", "image"),
    }
    for name, choices in wanted.items():
        if (given := getattr(config, name)) not in choices:
            raise ValueError(f"DKPNConfig.{name} is one of {', '.join(map(repr, choices))}, got {given!r}")
    if config.knee <= 0:
        raise ValueError(f"DKPNConfig.knee is light above 0, 1.0 = clip level, got {config.knee}")
