"""Between full size and working size, a band of rows or a list of pixels at a time.

Down by area means, up by bilinear interpolation. Neither depends on how the photo was cut: a result is the same to the
bit whatever the band.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.pipeline.area_means import area_means, pooled_bytes
from hdrrecon.pipeline.bands import BAND_PX_ELSEWHERE
from hdrrecon.pipeline.pixels import PixelCodes

BAND_PX = 1 << 17  # pixels held at full size while shrinking
CPU = torch.device("cpu")


def band_px(device: torch.device) -> int:
    """So many on `device`."""
    return BAND_PX if device.type == "cpu" else BAND_PX_ELSEWHERE


def shrunk(
    maps: Callable[[slice], Tensor], size: tuple[int, int], to: tuple[int, int], device: torch.device = CPU
) -> Tensor:
    """Area means of maps that are made row by row.

    Args:
        maps: rows of the photo -> (1, C, rows, W) at full size.
        size: (H, W) of the photo; `to`: (h, w), neither larger.
        device: of the maps.

    Returns:
        (1, C, h, w), what `interpolate(all rows, to, mode="area")` gives.
    """
    (height, width), (h, w) = size, to
    most = band_px(device)
    rows = max(1, most // width)
    if to == size:
        return torch.cat([maps(slice(top, min(top + rows, height))) for top in range(0, height, rows)], 2)
    if device.type == "cpu":
        return _shrunk_on_cpu(maps, size, to)

    def start(i):
        return i * height // h

    def stop(i):
        return -(-(i + 1) * height // h)

    group = max(1, most // w * h // height)  # rows of the answer made together
    out = []
    for first in range(0, h, group):
        after, top = min(first + group, h), start(first)
        parts = (maps(slice(at, min(at + rows, stop(after - 1)))) for at in range(top, stop(after - 1), rows))
        # Each row is shrunk alone, and only then the rows together: the same to the bit wherever bands end.
        narrow = torch.cat([_narrowed(part, w) for part in parts], 2)
        bounds = [(start(i) - top, stop(i) - top) for i in range(first, after)]
        out.append(_means_at_once(narrow, bounds))
    return torch.cat(out, 2)


def _shrunk_on_cpu(maps: Callable[[slice], Tensor], size: tuple[int, int], to: tuple[int, int]) -> Tensor:
    def rows(band: slice) -> np.ndarray:
        return maps(band)[0].transpose(0, 1).numpy()

    channels = maps(slice(0, 1)).shape[1]
    means = area_means(rows, size, to, channels, planar=True, most_px=BAND_PX)
    return torch.from_numpy(means).transpose(0, 1).contiguous()[None]


def shrunk_code(codes: PixelCodes, to: tuple[int, int]) -> Tensor:
    """Area means of a photo's code values, (1, 3, h, w); of bytes on a CPU without making floats of all of them."""
    if codes.bytes is not None and to != codes.size:
        table = None if codes.even_bytes is not None else codes.values.numpy()
        means = pooled_bytes(codes.three_bytes, codes.size, table, to)
        return torch.from_numpy(means).permute(2, 0, 1)[None].contiguous()
    return shrunk(lambda rows: codes.code(rows).permute(2, 0, 1)[None].contiguous(), codes.size, to, codes.device)


def _narrowed(part: Tensor, width: int) -> Tensor:
    """Every row by itself, as if it were a channel: on a GPU these are what `adaptive_avg_pool2d` works on at the same
    time."""
    rows = part.reshape(1, -1, 1, part.shape[-1])
    return F.adaptive_avg_pool2d(rows, (1, width)).view(*part.shape[:-1], width)


def _means_at_once(narrow: Tensor, bounds: list[tuple[int, int]]) -> Tensor:
    """Means over rows a to b for all (a, b), in as many launches as the tallest has rows, each summed from its first
    row on."""
    first, after = torch.tensor(bounds, device=narrow.device).T
    total = torch.zeros_like(narrow[:, :, : len(bounds)])
    for step in range(max(b - a for a, b in bounds)):
        at = first + step
        total += narrow.index_select(2, at.clamp(max=narrow.shape[2] - 1)) * (at < after)[:, None]
    return total / (after - first)[:, None]


class Enlarged:
    """Features (1, C, h, w) seen as an image of `size`, one pixel at a time.

    Args:
        pad: adds one pixel on all four sides, (1, C, h, w) -> (1, C, h + 2, w + 2): what lies beyond the edges.
    """

    def __init__(self, features: Tensor, size: tuple[int, int], pad: Callable[[Tensor], Tensor]):
        h, w = features.shape[-2:]
        self.scale = (h / size[0], w / size[1])
        self.stride = w + 2
        self.table = pad(features.float())[0].flatten(1).T.contiguous()

    def at(self, y: Tensor, x: Tensor) -> Tensor:
        """(n, C): the features at rows `y` (n,) and columns `x` (n,) of the image, whole or not, interpolated
        bilinearly."""
        y, x = ((at.float() + 0.5) * scale + 0.5 for at, scale in zip((y, x), self.scale))
        row, column = y.floor(), x.floor()
        down, right = y - row, x - column
        first = row.long() * self.stride + column.long()
        corners = torch.stack([first, first + 1, first + self.stride, first + self.stride + 1], 1)
        up, left = 1 - down, 1 - right
        shares = torch.stack([up * left, up * right, down * left, down * right], 1)
        return F.embedding_bag(corners, self.table, mode="sum", per_sample_weights=shares)


def replicated(features: Tensor) -> Tensor:
    """`Enlarged`'s `pad` for ordinary pictures: beyond the edge is what is at the edge."""
    return F.pad(features, (1, 1, 1, 1), mode="replicate")
