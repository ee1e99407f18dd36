"""Panoramas: pictures whose left and right edges meet, and whose top and bottom rows are points.

An equirectangular panorama is cut open along a meridian that means nothing. `Sphere` sews it together again for any
network: inside it, every padded convolution and every bilinear enlargement sees over the seam and over the poles.
Nothing is computed twice, and statistics over the picture count each pixel once, so that turning the panorama turns the
answer.

Source: circular padding as in Wang et al., "360SD-Net" 2020 and many since; over a pole, a row continues in the row on
the other side, half a turn away.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from hdrrecon.pipeline.pixels import PixelCodes

LEAST_PX = 512  # narrower pictures of 2:1 are rather banners than panoramas
_SEAM_STEPS = 4  # how many times an ordinary step between columns the step at the seam may be
_SEAM_CODES = 4 / 255
# Measured on 60 panoramas and 85 pictures of 2:1 that are none: correlation over the seam is 0.38 to 0.94 in all but
# three of the former, whose seams show or which have no detail there, and 0.20 at most in the photos among the latter.
_LEAST_DETAIL, _LEAST_GAIN = 0.3, 0.1
_DETAIL_ROWS = 13  # over which a column is smoothed to tell its detail
_SMOOTH_SEAM_CODES, _SMOOTH_CHANGE = 0.6 / 255, 8


def is_panorama(codes: PixelCodes) -> bool:
    """True for exactly 2:1, at least 512 pixels wide, where the right edge goes on at the left.

    That the edges are alike is no evidence: so are those of a product before a plain ground, of a film with bars, of
    the sea. Fine detail must go on over the seam, and not because it is the same all along the margins or mirrored in
    them. In very smooth pictures, what changes on both sides of the seam, and differently, must not change at it.
    """
    height, width = codes.size
    if width != 2 * height or width < LEAST_PX:
        return False
    far = width // 32
    picked = PixelCodes(codes.stored[:, [0, 1, far, -1 - far, -2, -1]], codes.values, codes.device)
    first, second, inner, inner_end, before, last = picked.code(slice(0, height)).unbind(1)

    def step(a: Tensor, b: Tensor) -> float:
        return float((a - b).abs().mean())

    seam, beside = step(first, last), (step(first, second) + step(before, last)) / 2
    if seam > _SEAM_STEPS * beside + _SEAM_CODES:
        return False
    grey = [column.mean(-1) for column in (first, inner, inner_end, last)]
    shared = _shared_detail(grey[0], grey[3])
    anyway = max(_shared_detail(grey[a], grey[b]) for a, b in ((0, 1), (2, 3), (1, 2)))
    if shared >= _LEAST_DETAIL and shared - max(0.0, anyway) >= _LEAST_GAIN:
        return True
    change = min(step(first, inner), step(inner_end, last), step(inner, inner_end))
    return max(seam, beside) <= _SMOOTH_SEAM_CODES and change > _SMOOTH_CHANGE * max(seam, 0.25 / 255)


def _shared_detail(a: Tensor, b: Tensor) -> float:
    """Correlation of what is fine in two columns (H,); single strong edges, such as a horizon, count little."""

    def detail(column: Tensor) -> Tensor:
        padded = F.pad(column[None, None], (_DETAIL_ROWS // 2,) * 2, mode="replicate")
        fine = column - F.avg_pool1d(padded, _DETAIL_ROWS, 1)[0, 0]
        most = 4 * float(fine.abs().median()) + 1e-6
        return fine.clamp(-most, most)

    a, b = detail(a), detail(b)
    return float((a * b).sum() / (a.square().sum() * b.square().sum() + 1e-12).sqrt())


def check_panorama(size: tuple[int, int]) -> None:
    """Raises ValueError: (H, W) is not twice as wide as high, give or take two pixels."""
    if abs(size[1] - 2 * size[0]) > 2 or size[1] < 2:
        raise ValueError(
            f"a panorama is twice as wide as high (equirectangular, all around), this picture is {size[1]} x "
            f"{size[0]}; "
            "leave panorama out"
        )


def working_px(longest_px: int, width: int, multiple_of: int) -> int:
    """Width at which a panorama is seen: one that a network can halve as often as it does, and the height too."""
    width, step = min(longest_px, width), 2 * multiple_of
    return width // step * step or width


def around(x: Tensor, rows: int, columns: int) -> Tensor:
    """Pad a panorama (N, C, h, w) with its own continuation, w even; all around it, more than once if need be."""
    height, width = x.shape[-2:]
    half = width // 2
    if rows > height or columns > width:  # of a very small one, which a network pads by more than it has
        index = torch.arange(-rows, height + rows, device=x.device).remainder(2 * height)
        beyond = index >= height  # over a pole, half a turn away, and back
        tall = torch.where(beyond, 2 * height - 1 - index, index)
        x = torch.where(beyond[:, None], x.roll(half, -1)[..., tall, :], x[..., tall, :])
        return x[..., torch.arange(-columns, width + columns, device=x.device).remainder(width)]
    if rows:
        turned = x.roll(half, -1)
        x = torch.cat([turned[..., :rows, :].flip(-2), x, turned[..., -rows:, :].flip(-2)], -2)
    return torch.cat([x[..., -columns:], x, x[..., :columns]], -1) if columns else x


class Sphere(TorchFunctionMode):
    """Within it, in this thread, pictures are panoramas. See the module's text.

    Example:
        >>> x = torch.rand(1, 1, 8, 16)
        >>> net = torch.nn.Conv2d(1, 1, 3, padding=1)
        >>> with Sphere(), torch.no_grad():
        ...     bool(torch.allclose(net(x.roll(8, -1)), net(x).roll(8, -1), atol=1e-6))
        True
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in (torch.conv2d, F.conv2d):
            return _convolved(*args, **kwargs)
        if function is F.interpolate:
            return _enlarged(*args, **kwargs)
        if function is F.pad:
            return _padded(*args, **kwargs)
        return function(*args, **kwargs)


def _convolved(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if not isinstance(padding, str):
        rows, columns = (padding, padding) if isinstance(padding, int) else (*padding, *padding)[:2]
        x, padding = around(x, rows, columns), 0
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)


def _padded(x, pad, mode="constant", value=None):
    left, right, top, bottom = pad if len(pad) == 4 else (0,) * 4
    rows, columns = max(top, bottom), max(left, right)
    border = mode == "replicate" or mode == "constant" and not value
    if border and x.ndim == 4 and (rows or columns):
        x = around(x, rows, columns)
        return x[..., rows - top : x.shape[-2] - rows + bottom, columns - left : x.shape[-1] - columns + right]
    return F.pad(x, pad, mode, value)


def _enlarged(x, size=None, scale_factor=None, mode="nearest", **options):
    # Enlarging by a whole factor needs one more pixel around.
    if mode != "bilinear" or scale_factor is None or scale_factor != int(scale_factor) or options.get("align_corners"):
        return F.interpolate(x, size, scale_factor, mode, **options)
    factor = int(scale_factor)
    out = F.interpolate(around(x, 1, 1), scale_factor=scale_factor, mode=mode, **options)
    return out[..., factor:-factor, factor:-factor]
