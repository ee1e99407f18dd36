"""What a network at the working resolution sees of a photo: area means of five per-pixel maps.

The maps are made at full size and shrunk afterwards: the mean of the masks is the share of clipped pixels, which the
mask of the mean is not. Whoever makes them row by row (`hdrrecon.pipeline.resample`) never holds a large photo thirteen
channels deep.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.networks.working_resolution import working_size

CHANNELS = (3, 3, 3, 1, 3)


class Seen(NamedTuple):
    """Maps (N, C, h, w): `code`, `linear`, `over` and `depth` of three channels, `under` of one.

    `depth` is linear light on a log scale: 0 at the clip level, 1 ten stops below and darker.
    """

    code: Tensor
    linear: Tensor
    over: Tensor
    under: Tensor
    depth: Tensor

    @classmethod
    def at(cls, code: Tensor, linear: Tensor, working_px: int) -> Seen:
        """Photos (N, 3, H, W) at the working resolution."""
        size = working_size(code.shape[-2:], working_px)

        def shrink(x):
            return x if size == tuple(x.shape[-2:]) else F.interpolate(x, size, mode="area")

        # One map at a time, for the same reason.
        return cls(
            shrink(code),
            shrink(linear),
            shrink(over_mask(code)),
            shrink(under_mask(code)),
            shrink(stops_below_clip(linear)),
        )

    @classmethod
    def split(cls, maps: Tensor) -> Seen:
        """From (N, 13, h, w), the five maps in their order."""
        return cls(*maps.split(CHANNELS, 1))


def seen_maps(code: Tensor, linear: Tensor) -> Tensor:
    """The maps of each pixel, (N, 13, H, W), before they are shrunk; what `Seen.split` takes apart."""
    return torch.cat([code, linear, over_mask(code), under_mask(code), stops_below_clip(linear)], 1)


def stops_below_clip(linear: Tensor) -> Tensor:
    """Linear light on a log scale: 0 at the clip level, 1 ten stops below and darker. Same shape."""
    return -linear.clamp(2**-10, 1).log2() / 10
