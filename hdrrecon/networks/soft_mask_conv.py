"""Masked features: what a clipped pixel says must not speak for its neighbours.

A convolution of clipped values spreads a value that was never measured. So every feature carries a soft mask of how
much of it is measured; features are multiplied by it before each convolution, and the convolution's own weights say how
valid its result is:

    Z_l = X_l * M_l,    X_l+1 = act(W_l conv Z_l),    M_l+1 = (|W_l| / (||W_l||_1 + eps)) conv M_l

Masks are per channel: a pixel whose blue alone clips keeps its red and green.

Source: Santos, Tsang Ing Ren & Kalantari, "Single image HDR reconstruction using a CNN with masked features and
perceptual loss", SIGGRAPH 2020, equations 3 to 5, and the released layer table. On purpose other than released: masks
are continued at image borders, where zero padding would call the edge of every photo invalid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-12  # published: 1e-6, which already takes a millionth from the mask of a small filter


class SoftMaskConv2d(nn.Module):
    """Convolution of masked features, and the mask of its result.

    Args:
        channels_in, channels_out, kernel, stride: as of `Conv2d`; `kernel` is odd, padding keeps the size.
        bias: as of `Conv2d`.
        mask_gradient: let gradients reach the weights through the mask too; the paper does not.
        masked: False makes it a plain convolution that hands the mask on (an ablation).
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        stride: int = 1,
        bias: bool = False,
        mask_gradient: bool = False,
        masked: bool = True,
    ):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=bias)
        nn.init.xavier_uniform_(self.conv.weight, gain=2**0.5)
        self.mask_gradient, self.masked = mask_gradient, masked
        self._kept_shares: tuple[Tensor, int, Tensor] | None = None

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x, mask (N, C, H, W), mask in [0, 1] -> features (N, C', H', W') and their mask in [0, 1]."""
        if not self.masked:
            return self.conv(x), mask.new_ones(1).expand(len(x), self.conv.out_channels, *self.conv_size(x))
        return self.conv(x * mask), self.updated(mask)

    def updated(self, mask: Tensor, valid: int = 0) -> Tensor:
        """The mask of the result: how much of what each filter saw was valid. A fully valid mask stays 1, borders
        included.

        `valid`: so many more channels come after those of `mask`, which are valid everywhere: a constant to add.
        """
        with torch.set_grad_enabled(self.mask_gradient and torch.is_grad_enabled()):
            share = self._shares()
            pad, known = self.conv.padding[0], share.shape[1] - valid
            padded = F.pad(mask, (pad,) * 4, mode="replicate")
            rest = share[:, known:].sum((1, 2, 3)) if valid else None
            return F.conv2d(padded, share[:, :known], rest, stride=self.conv.stride).clamp(0, 1)

    def _shares(self) -> Tensor:
        """|W| / ||W||_1 of each filter; in inference mode kept while the weights stay as they are."""
        weight = self.conv.weight
        if not torch.is_inference_mode_enabled() or weight.is_inference() or torch.compiler.is_compiling():
            return filter_shares(weight)
        if self._kept_shares is not None:
            of, version, shares = self._kept_shares
            # `of` holds on to the memory, so that no other weights can come to lie there.
            if of.data_ptr() == weight.data_ptr() and version == weight._version and shares.dtype == weight.dtype:
                return shares
        shares = filter_shares(weight)
        self._kept_shares = weight.detach(), weight._version, shares
        return shares

    def __getstate__(self) -> dict:
        return {**super().__getstate__(), "_kept_shares": None}

    def conv_size(self, x: Tensor) -> tuple[int, ...]:
        """Height and width of the result for features x."""
        return tuple(-(-n // s) for n, s in zip(x.shape[-2:], self.conv.stride))


def filter_shares(weight: Tensor) -> Tensor:
    """What share each weight of a filter (C', C, K, K) has of its size: they sum to one, or to 0 where all are 0."""
    size = weight.abs()
    return size / (size.sum((1, 2, 3), keepdim=True) + EPSILON)


@dataclass(frozen=True)
class MaskedUNetConfig:
    """Sizes of a `MaskedUNet`. The defaults, `PUBLISHED`, are the released network: 25.8 M parameters."""

    # Channels at /2, /4 ...
    widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512)
    # Sides of the convolutions that go there.
    kernels: tuple[int, ...] = (7, 5, 5, 3, 3, 3, 3)
    # Channels of the input.
    channels_in: int = 3
    # Channels of the result, with `to_full_size`.
    channels_out: int = 3
    # Residual blocks after each step down.
    blocks: int = 0
    # Normalise features in groups of channels.
    norm: bool = False
    # The last step joins the input; False ends at half the size.
    to_full_size: bool = True
    # Features are masked; False: an ordinary U-Net.
    masked: bool = True
    # Masks follow the features through the layers; False: the first layer's mask alone.
    update: bool = True


PUBLISHED = MaskedUNetConfig()


class MaskedUNet(nn.Module):
    """Encoder-decoder of `SoftMaskConv2d` (layer table: supplement of Santos et al. 2020).

    Down: strided convolutions and ReLU. Up: features and masks enlarged (nearest), joined with the skipped features,
        whose
    mask is one, and convolved; leaky ReLU. With `to_full_size` the last step joins the input itself and gives
    `channels_out`; without, the decoder ends at half the size with `widths[0]` channels.
    """

    def __init__(self, config: MaskedUNetConfig = PUBLISHED):
        super().__init__()
        self.config = config
        self.multiple_of = 2 ** len(config.widths)
        widths, kinds = config.widths, {"masked": config.masked}
        self.down = nn.ModuleList(
            SoftMaskConv2d(a, b, k, 2, **kinds)
            for a, b, k in zip((config.channels_in, *widths), widths, config.kernels)
        )
        self.down_norms = nn.ModuleList(_norm(config, w) for w in widths)
        self.blocks = nn.ModuleList(nn.ModuleList(MaskedBlock(w, config) for _ in range(config.blocks)) for w in widths)
        below = list(widths[:-1])
        self.up = nn.ModuleList(SoftMaskConv2d(deep + skip, skip, 3, **kinds) for deep, skip in zip(widths[1:], below))
        self.up_norms = nn.ModuleList(_norm(config, w) for w in below)
        self.last = (
            nn.Conv2d(widths[0] + config.channels_in, config.channels_out, 3, 1, 1) if config.to_full_size else None
        )

    def forward(self, x: Tensor, mask: Tensor, context=None) -> Tensor:
        """x, mask (N, channels_in, H, W), H and W multiples of `multiple_of` -> (N, channels_out, H, W), or features at
        half size.

        `context`: called with the features of each level of the encoder and its index, what it returns goes on from
        there.
        """
        skips, y, m = [x], x, mask
        for i, (down, norm, blocks) in enumerate(zip(self.down, self.down_norms, self.blocks)):
            y, m = down(y, m)
            if not self.config.update:
                m = torch.ones_like(m)
            y = F.relu(norm(y))
            for block in blocks:
                y, m = block(y, m)
            if context is not None:
                y = context(y, i)
            skips.append(y)
        skips.pop()
        for level, up, norm in zip(reversed(range(len(self.up))), reversed(self.up), reversed(self.up_norms)):
            skip = skips.pop()
            y, m = (F.interpolate(deep, scale_factor=2.0, mode="nearest") for deep in (y, m))
            y = torch.cat([y * m if self.config.masked else y, skip], 1)  # what was skipped is valid
            y, valid = up.conv(y), skip.shape[1]
            if level > 0 or self.last is not None:
                m = up.updated(m, valid) if self.config.masked else torch.ones_like(y)
            if not self.config.update:
                m = torch.ones_like(m)
            y = F.leaky_relu(norm(y), 0.2)
        if self.last is None:
            return y
        y, m = (
            torch.cat([F.interpolate(deep, scale_factor=2.0, mode="nearest"), other], 1)
            for deep, other in ((y, x), (m, torch.ones_like(x)))
        )
        return self.last(y * m if self.config.masked else y)


class MaskedBlock(nn.Module):
    """Residual block of two masked convolutions. The sum is as valid as its two parts are on average."""

    def __init__(self, channels: int, config: MaskedUNetConfig):
        super().__init__()
        self.first = SoftMaskConv2d(channels, channels, 3, masked=config.masked)
        self.second = SoftMaskConv2d(channels, channels, 3, masked=config.masked)
        self.norm, self.update = _norm(config, channels), config.update

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        y, m = self.first(x, mask)
        y, m = self.second(F.relu(self.norm(y)), m)
        return x + y, (mask + m) / 2 if self.update else mask


def _norm(config: MaskedUNetConfig, channels: int) -> nn.Module:
    return nn.GroupNorm(8, channels) if config.norm else nn.Identity()
