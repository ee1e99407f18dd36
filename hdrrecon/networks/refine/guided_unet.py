"""The encoder-decoder of DKPN: plain 3x3 convolutions (depthwise ones are three times slower on CPUs), guided by soft
masks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.networks.refine.soft_mask_guidance import MASKS, MaskEncoder, Modulation
from hdrrecon.networks.soft_mask_conv import SoftMaskConv2d


class GuidedUNet(nn.Module):
    """Image and masks -> features at half the size, and a summary of the whole.

    Args:
        channels_in: of the image and the masks together.
        widths: channels at /2, /4 ...; multiples of 8.
        guide: channels of the guidance.
        guidance: "sft", "none", or "masked-features": the encoder's strided convolutions forget masked pixels.
    """

    def __init__(self, channels_in: int, widths: tuple[int, ...], guide: int, guidance: str = "sft"):
        super().__init__()
        self.multiple_of = 2 ** len(widths)
        self.masked = guidance == "masked-features"
        self.guidance = MaskEncoder(guide, len(widths)) if guidance == "sft" else None
        guide = guide if guidance == "sft" else 0
        conv = (
            (lambda a, b, k, s: SoftMaskConv2d(a, b, 3, s))
            if self.masked
            else (lambda a, b, k, s: nn.Conv2d(a, b, k, s, (k - 1) // 2))
        )
        self.stem = conv(4 * channels_in, widths[0], 3, 1)
        self.down = nn.ModuleList(conv(a, b, 2, 2) for a, b in zip(widths, widths[1:]))
        self.encode = nn.ModuleList(GuidedBlock(c, guide) for c in widths)
        self.summary = nn.Sequential(
            nn.Linear(2 * widths[-1], widths[-1]), nn.SiLU(), nn.Linear(widths[-1], widths[-1])
        )
        self.after = GuidedBlock(widths[-1], guide)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in zip(widths, widths[1:]))
        self.decode = nn.ModuleList(GuidedBlock(c, guide) for c in widths[:-1])

    def forward(self, image: Tensor, over: Tensor, under: Tensor) -> tuple[Tensor, Tensor]:
        """image (N, C, H, W), C a multiple of 3; over (N, 3, H, W), under (N, 1, H, W) in [0, 1]; sides multiples of
        `multiple_of`.

        Returns:
            Features (N, widths[0], H / 2, W / 2), and a summary (N, widths[-1]).
        """
        guides = self.guidance(over, under) if self.guidance is not None else [None] * len(self.encode)
        x, valid = F.pixel_unshuffle(torch.cat([image, over, under], 1), 2), None
        if self.masked:
            measured = ((1 - over) * (1 - under)).repeat(1, image.shape[1] // 3, 1, 1)
            # Where the holes are is known everywhere; what is in them nowhere.
            valid = F.pixel_unshuffle(
                torch.cat([measured, measured.new_ones(len(x), MASKS, *measured.shape[-2:])], 1), 2
            )
        skips = []
        for layer, block, guide in zip([self.stem, *self.down], self.encode, guides):
            x, valid = layer(x, valid) if self.masked else (layer(x), None)
            x = block(x, guide)
            skips.append(x)
        summary = self.summary(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))
        x = self.after(x + summary[..., None, None], guides[-1])
        skips.pop()
        for up, block, guide in zip(reversed(self.up), reversed(self.decode), reversed(guides[:-1])):
            x = F.interpolate(up(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(x + skips.pop(), guide)
        return x, summary


class GuidedBlock(nn.Module):
    """Residual block: two 3x3 convolutions; the features between are normalised and then modulated by the guidance, if
    any."""

    def __init__(self, channels: int, guide: int):
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, 1, 1) for _ in range(2))
        self.norm = nn.GroupNorm(8, channels)
        self.modulation = Modulation(channels, guide) if guide else None

    def forward(self, x: Tensor, guide: Tensor | None) -> Tensor:
        y = self.norm(self.first(x))
        if self.modulation is not None:
            y = self.modulation(y, guide)
        return x + self.second(F.silu(y))
