"""What networks at the working resolution are shown of a photo: area means of per-pixel maps.

A photo of bytes is looked up and summed a few rows at a time; where nothing is clipped or crushed, no mask is made.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.networks.restore.features import Seen, seen_maps, stops_below_clip
from hdrrecon.pipeline.area_means import area_means, byte_means, fit_integrals
from hdrrecon.pipeline.prepared import PreparedPhoto
from hdrrecon.pipeline.resample import shrunk


def seen_at(photo: PreparedPhoto, size: tuple[int, int]) -> Seen:
    """What a network at the working resolution sees of a photo, at `size` (h, w), no larger than it."""
    codes = photo.codes
    if codes.even_bytes is not None and not photo.smooth and size != codes.size and fit_integrals(codes.size, size):
        return _seen_of_bytes(photo, size)

    def maps(rows: slice) -> Tensor:
        pair = (image.permute(2, 0, 1)[None].contiguous() for image in (codes.code(rows), photo.linear(rows)))
        return seen_maps(*pair)

    return Seen.split(shrunk(maps, codes.size, size, codes.device))


def _seen_of_bytes(photo: PreparedPhoto, size: tuple[int, int]) -> Seen:
    """The same through lookup tables of 256 entries. Two maps are looked up at once, as the halves of one number."""
    import cv2

    codes, values, table = photo.codes, photo.codes.values, photo.table
    both = torch.stack([table, stops_below_clip(table)], -1).contiguous().numpy().view(np.float64).reshape(1, 256, 3)
    over_table = over_mask(values).contiguous().numpy().reshape(1, 256, 3)
    under_table = under_mask(values, -1).numpy().reshape(1, 256)

    def linear_and_depth(rows: slice) -> np.ndarray:
        stored = codes.three_bytes(rows)
        return cv2.LUT(stored, both).reshape(stored.shape).view(np.float32)

    def over(rows: slice) -> np.ndarray | None:
        stored = codes.three_bytes(rows)
        return cv2.LUT(stored, over_table).reshape(stored.shape) if stored.max() >= codes.first_over else None

    def under(rows: slice) -> np.ndarray | None:
        brightest = codes.brightest_bytes(rows)
        if brightest.min() >= codes.first_lit:
            return None
        return cv2.LUT(brightest, under_table).reshape(*brightest.shape, 1)

    def means(maps, channels: int) -> Tensor:
        return torch.from_numpy(area_means(maps, codes.size, size, channels)).permute(2, 0, 1)[None].contiguous()

    pairs = means(linear_and_depth, 6)
    linear, depth = pairs[:, ::2].contiguous(), pairs[:, 1::2].contiguous()
    code = torch.from_numpy(byte_means(codes.even_bytes, size, 255)).permute(2, 0, 1)[None].expand(1, 3, *size)
    return Seen(code.contiguous(), linear, means(over, 3), means(under, 1), depth)
