"""What JPEG does to a photo, in torch: code values in, code values out, in batches and on any device.

It follows libjpeg step by step: Y'CbCr rounded to integers, colour halved in both directions (4:2:0), 8 x 8 cosine
transform, division by the quantisation table, rounding, and back, with colour enlarged by its triangle filter. Nothing
is entropy coded, because that loses nothing. A file coded by libjpeg differs by a code here and there: it calculates in
integers.

Sources: ITU-T T.81 (1992), annexes A.3 and K.1; Independent JPEG Group, libjpeg 6b (scaling of the tables, fancy
upsampling).
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 8  # side of a block of the cosine transform, pixels
UNIT = 2 * BLOCK  # side of what is coded together: four blocks of luma, one of each colour
LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMA_TABLE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *(((99,) * 8,) * 4),
)


def jpeg_coded(code: Tensor, quality: Tensor | int) -> Tensor:
    """Photos after JPEG.

    Args:
        code: (N, 3, H, W) in [0, 1], RGB; rounded to 8 bits first.
        quality: 1 to 100, one for all photos or (N,), as libjpeg counts it.

    Returns:
        (N, 3, H, W) float32, multiples of 1/255.

    Raises:
        ValueError: if `code` is not (N, 3, H, W).
    """
    if code.ndim != 4 or code.shape[1] != 3:
        raise ValueError(f"jpeg_coded needs photos (N, 3, H, W), got {tuple(code.shape)}")
    height, width = code.shape[-2:]
    values = (code.float() * 255).round_()
    values = F.pad(values, (0, -width % UNIT, 0, -height % UNIT), mode="replicate")
    luma, blue, red = _to_ycc(values)
    steps_luma, steps_chroma = quantisation_steps(quality, len(code), code.device)
    luma = _quantised(luma, steps_luma)
    blue, red = (_enlarged(_quantised(_halved(plane), steps_chroma)) for plane in (blue, red))
    return _to_rgb(luma, blue, red).div_(255)[..., :height, :width]


def quantisation_steps(quality: Tensor | int, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Tables for luma and colour at these qualities, (count, 64) each, row by row."""
    quality = torch.as_tensor(quality, device=device).expand(count).float().clamp(1, 100)[:, None]
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    luma, chroma = (((base * scale + 50) / 100).floor().clamp(1, 255) for base in _tables(device))
    return luma, chroma


@lru_cache(maxsize=8)
def _tables(device: torch.device) -> tuple[Tensor, Tensor]:
    luma, chroma = (torch.tensor(x, dtype=torch.float32, device=device).view(1, 64) for x in (LUMA_TABLE, CHROMA_TABLE))
    return luma, chroma


@lru_cache(maxsize=8)
def _cosines(device: torch.device) -> Tensor:
    """The two-dimensional transform of a block as one orthogonal matrix, (64, 64): coefficients = block @ matrix.T."""
    rows = [[cos((2 * x + 1) * u * pi / 16) * (0.5 if u else 8**-0.5) for x in range(BLOCK)] for u in range(BLOCK)]
    one = torch.tensor(rows, dtype=torch.float64)
    return torch.kron(one, one).float().to(device)


def _to_ycc(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(N, 3, H, W) of 0 to 255 -> three planes (N, H, W) of integers; Cb and Cr around 128."""
    r, g, b = values.unbind(1)

    def summed(from_r: float, from_g: float, from_b: float) -> Tensor:
        return (from_r * r).add_(g, alpha=from_g).add_(b, alpha=from_b)

    luma = summed(0.299, 0.587, 0.114).round_()
    blue = summed(-0.168735892, -0.331264108, 0.5).add_(128).round_()
    red = summed(0.5, -0.418687589, -0.081312411).add_(128).round_()
    return luma, blue.clamp_(max=255), red.clamp_(max=255)


def _to_rgb(luma: Tensor, blue: Tensor, red: Tensor) -> Tensor:
    blue, red = blue - 128, red - 128
    planes = (
        (1.402 * red).round_(),
        (-0.344136286 * blue).add_(red, alpha=-0.714136286).round_(),
        (1.772 * blue).round_(),
    )
    return torch.stack(planes, 1).add_(luma[:, None]).clamp_(0, 255)


def _halved(plane: Tensor) -> Tensor:
    """Means of 2 x 2; halves are rounded down and up in turn, so that no drift remains."""
    means = F.avg_pool2d(plane[:, None], 2)[:, 0]
    bias = torch.tensor((0.25, 0.5), device=plane.device).repeat(means.shape[-1] // 2)
    return (means + bias).floor_()


def _enlarged(plane: Tensor) -> Tensor:
    """Twice as large, three parts of the near sample and one of the far one; halves are rounded as libjpeg does."""
    twice = F.interpolate(plane[:, None], scale_factor=2.0, mode="bilinear", align_corners=False)[:, 0]
    bias = torch.tensor((8 / 16, 7 / 16), device=plane.device).repeat(twice.shape[-1] // 2)
    return (twice + bias).floor_()


def _quantised(plane: Tensor, steps: Tensor) -> Tensor:
    """(N, H, W) through the transform and the table (N, 64); integers of 0 to 255 come back."""
    n, height, width = plane.shape
    tall, wide = height // BLOCK, width // BLOCK
    blocks = plane.view(n, tall, BLOCK, wide, BLOCK).transpose(2, 3).reshape(n, tall * wide, 64) - 128
    cosines, steps = _cosines(plane.device), steps[:, None]
    # As libjpeg: coefficients in eighths, halves away from zero. Whole grey levels make ties common.
    eighths = (blocks @ (8 * cosines.T)).round_()
    levels = torch.addcmul(eighths, eighths.sign(), 4 * steps).div_(8 * steps).trunc_()
    blocks = (levels.mul_(steps) @ cosines).add_(128.5).floor_().clamp_(0, 255)
    return blocks.view(n, tall, wide, BLOCK, BLOCK).transpose(2, 3).reshape(n, height, width)
