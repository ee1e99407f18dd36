"""Looking at a photo at a bounded resolution, and carrying what was seen back to its full size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def working_size(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """Size at which the U-Net sees a photo: the longer side at most `longest_px`, never enlarged."""
    scale = min(1.0, longest_px / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def enlarge_rows(features: Tensor, rows: slice, size: tuple[int, int]) -> Tensor:
    """Rows `rows` of `features` (N, C, h, w) enlarged bilinearly to `size`, without enlarging the others.

    Returns:
        (N, C, rows, size[1]), the same as those rows of `interpolate(features, size, mode="bilinear")`.
    """
    position = (torch.arange(rows.start, rows.stop, device=features.device) + 0.5) * (
        features.shape[-2] / size[0]
    ) - 0.5
    position = position.clamp(0, features.shape[-2] - 1)
    low = position.floor().long()
    high = (low + 1).clamp(max=features.shape[-2] - 1)
    share = (position - low).to(features.dtype)[:, None]
    tall = features[..., low, :] * (1 - share) + features[..., high, :] * share
    return F.interpolate(tall, (tall.shape[-2], size[1]), mode="bilinear", align_corners=False)
