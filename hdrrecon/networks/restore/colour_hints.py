"""Two guesses of the colour of clipped light, made by hand for the restoring network to weigh.

* The colour of the **rim**: mean log chromaticity of the well-exposed pixels around. Light that is lost altogether
  often has the colour of its glow, of the wall beside the window, of the sky around the sun.
* The **opposed channels**: where one channel clips, the mean of the cube roots of the other two, cubed, times what it
  was off by at the border of the clipped region.

Chromaticity is kept as stops of each channel above the luminance, (N, 3, ...). All is differentiable and works in
batches.

Source of the second: the "opposed" inpainting of raw developers (darktable, 2022); here its offset is a factor.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.color import luminance

RIM_WIDTHS = (2, 6)  # sigma of the two rims in percent of the longer side
ENOUGH_LIGHT = 0.15  # sum of the channels from which a pixel's colour is believed; 1.0 = clip level
LEAST_SEEN = 1e-3  # weight of the photo's mean colour against what is seen around
BORDER_PX = 3  # how far from a clipped channel its factor is learnt, pixels at the working resolution
DARKEST = 2.0**-10  # light below which stops are not counted
MOST_STOPS = 8.0  # no guess is further above the measured value
MAPS = 4 * len(RIM_WIDTHS) + 3  # channels of `colour_maps`
HINTS = 4 * len(RIM_WIDTHS) + 6  # channels of `colour_hints`


class ColourHints(NamedTuple):
    """Of pixels in any arrangement (N, C, ...): `measured`, `rim` and `opposed`, of 3 channels each, are log2 of light,
    1.0 = clip level; `inputs`, HINTS channels in several tensors, are what a network is told of them."""

    measured: Tensor
    rim: Tensor
    opposed: Tensor
    inputs: list[Tensor]


def colour_maps(linear: Tensor, over: Tensor, under: Tensor) -> Tensor:
    """What the photo says about colour, at half the working resolution.

    Args:
        linear, over: (N, 3, h, w), h and w even; `under`: (N, 1, h, w).

    Returns:
        (N, MAPS, h / 2, w / 2): for each rim its chromaticity (3) and how much was seen of it (1); factors of the
        opposed channels in stops (3), the same everywhere.
    """
    factor = opposed_factor(linear, over, under)
    clipped = over.amax(1, keepdim=True)
    bright = (linear.sum(1, keepdim=True) / ENOUGH_LIGHT).clamp(max=1).square()
    weight = (1 - 20 * clipped).clamp(min=0) * (1 - under) * bright
    seen = F.avg_pool2d(torch.cat([weight * chromaticity(linear), weight], 1).float(), 2)
    mean = seen.mean((2, 3), keepdim=True)
    fallback = LEAST_SEEN * mean[:, :3] / mean[:, 3:].clamp(min=1e-4)
    maps = []
    for width in RIM_WIDTHS:
        around = blurred(seen, width)
        maps += [(around[:, :3] + fallback) / (around[:, 3:] + LEAST_SEEN), around[:, 3:].clamp(max=1)]
    return torch.cat([*maps, factor.expand(-1, -1, *seen.shape[-2:])], 1)


def colour_hints(linear: Tensor, maps: Tensor) -> ColourHints:
    """The two guesses at pixels: `linear` (N, 3, ...) and `colour_maps` enlarged to them, (N, MAPS, ...)."""
    light = linear.clamp(min=DARKEST).float()
    measured = light.log2()
    rim, factor = maps[:, :3].float(), maps[:, -3:].float()
    # The least light of the rim's colour that has every channel at its measured value or above.
    rim = rim + (measured - rim).amax(1, keepdim=True)
    opposed = torch.maximum(opposed_light(light).log2() + factor, measured)
    above = ((x - measured).clamp(max=MOST_STOPS) for x in (rim, opposed))
    return ColourHints(measured, rim, opposed, [maps[:, :-3].float(), *above])


def chromaticity(light: Tensor) -> Tensor:
    """Stops of each channel above the luminance, (N, 3, ...)."""
    light = light.clamp(min=DARKEST)
    return light.log2() - luminance(light, 1)[:, None].log2()


def opposed_light(light: Tensor) -> Tensor:
    """For each channel of (N, 3, ...) the light that the other two suggest."""
    root = light.clamp(min=DARKEST) ** (1 / 3)
    return ((root.sum(1, keepdim=True) - root) / 2) ** 3


def opposed_factor(linear: Tensor, over: Tensor, under: Tensor) -> Tensor:
    """Stops by which channels exceed `opposed_light` on average at the borders of where they clip, (N, 3, 1, 1)."""
    # A convolution, not a pooling: those see over the seam of panoramas (`pipeline.panorama.Sphere`).
    box = linear.new_ones(3, 1, 2 * BORDER_PX + 1, 2 * BORDER_PX + 1)
    near = (F.conv2d((over > 0).to(linear), box, padding=BORDER_PX, groups=3) > 0.5).to(linear)
    weight = near * (1 - 20 * over.amax(1, keepdim=True)).clamp(min=0) * (1 - under)
    off = (linear.clamp(min=DARKEST) / opposed_light(linear)).log2()
    return (weight * off).sum((2, 3), keepdim=True) / (weight.sum((2, 3), keepdim=True) + 20)


def blurred(images: Tensor, percent: int) -> Tensor:
    """Images (N, C, h, w) blurred by a Gaussian whose sigma is so many percent of the longer side; beyond the edges is
    nothing."""
    longer = max(images.shape[-2:])
    # Whole numbers, and edges filled up apart from the convolutions: ONNX can neither round a size nor pad by one.
    radius = max(1, (3 * percent * longer + 50) // 100)
    at = torch.arange(-radius, radius + 1, device=images.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (at / max(percent * longer / 100, 0.3)) ** 2)
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, 1, -1)
    x = F.conv2d(F.pad(images, (radius, radius, 0, 0)), kernel, groups=images.shape[1])
    return F.conv2d(F.pad(x, (0, 0, radius, radius)), kernel.transpose(2, 3), groups=images.shape[1])
