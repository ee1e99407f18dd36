"""The decoupled filter without K*K copies of the image: shifted views of one padded copy are summed tap by tap.

`decoupled_filter.py` has the equation and the shapes; this file and `decoupled_filter_triton.py` are ways to compute
it. The channel matrix does not depend on the tap, so it is applied once to the filtered image and not to every tap.
Beside its inputs the forward pass holds three images, whatever K and L, or in training those and the L filtered levels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def filter_by_shifts(
    levels: Tensor, spatial: Tensor, channel: Tensor, level: Tensor, dilations: tuple[int, ...]
) -> Tensor:
    """`decoupled_filter` in plain torch, on any device. Shapes as there, one dtype for all, unchecked."""
    inputs = [planes(tensor) for tensor in (levels, spatial, channel, level)]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs):
        return _FilterByShifts.apply(*inputs, dilations)
    return _forward(*inputs, dilations, keep=None)


class _FilterByShifts(torch.autograd.Function):
    @staticmethod
    def forward(ctx, levels, spatial, channel, level, dilations):
        filtered = torch.empty_like(levels)
        ctx.save_for_backward(levels, spatial, channel, level, filtered)
        ctx.dilations = dilations
        return _forward(levels, spatial, channel, level, dilations, keep=filtered)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return *_backward(*ctx.saved_tensors, ctx.dilations, grad, ctx.needs_input_grad), None


def _forward(levels, spatial, channel, level, dilations, keep: Tensor | None) -> Tensor:
    result = torch.zeros_like(levels[:, 0])
    buffer = torch.empty_like(result) if keep is None else None
    for index, dilation in enumerate(dilations):
        filtered = _filter(
            levels[:, index], spatial[:, index], dilation, out=buffer if keep is None else keep[:, index]
        )
        weighted = filtered.mul_(level[:, index, None]) if keep is None else filtered * level[:, index, None]
        for r in range(result.shape[1]):
            for c in range(result.shape[1]):
                result[:, r].addcmul_(channel[:, index, r, c], weighted[:, c])
    return result


def _backward(levels, spatial, channel, level, filtered, dilations, grad, needed) -> list[Tensor | None]:
    inputs = levels, spatial, channel, level
    grads = [torch.empty_like(tensor) if wanted else None for tensor, wanted in zip(inputs, needed)]
    grad_levels, grad_spatial, grad_channel, grad_level = grads
    for index, dilation in enumerate(dilations):
        if grad_channel is not None:
            _matrix_gradient(filtered[:, index] * level[:, index, None], grad, out=grad_channel[:, index])
        mixed = torch.zeros_like(filtered[:, index])
        for r in range(grad.shape[1]):
            mixed.addcmul_(grad[:, r, None], channel[:, index, r])
        if grad_level is not None:
            grad_level[:, index] = (mixed * filtered[:, index]).sum(1)
        mixed.mul_(level[:, index, None])
        if grad_spatial is not None:
            _filter_spatial_gradient(levels[:, index], mixed, dilation, out=grad_spatial[:, index])
        if grad_levels is not None:
            grad_levels[:, index] = _filter_image_gradient(spatial[:, index], mixed, dilation)
    return grads


def _matrix_gradient(weighted: Tensor, grad: Tensor, out: Tensor) -> None:
    for r in range(grad.shape[1]):
        out[:, r] = (grad[:, r, None] * weighted).sum_to_size(out[:, r].shape)


def _filter(image: Tensor, spatial: Tensor, dilation: int, out: Tensor) -> Tensor:
    """image (N, C, H, W), spatial (N, K*K, H, W) -> `out` (N, C, H, W), which is overwritten."""
    size = math.isqrt(spatial.shape[1])
    out.zero_()
    for tap, view in enumerate(_views(F.pad(image, [dilation * (size // 2)] * 4, mode="replicate"), size, dilation)):
        out.addcmul_(view, spatial[:, tap, None])
    return out


def _filter_spatial_gradient(image: Tensor, grad: Tensor, dilation: int, out: Tensor) -> None:
    """Of `_filter` with respect to its kernels: at each tap the product of what was seen there with the gradient."""
    size = math.isqrt(out.shape[1])
    for tap, view in enumerate(_views(F.pad(image, [dilation * (size // 2)] * 4, mode="replicate"), size, dilation)):
        out[:, tap] = grad[:, 0] * view[:, 0]
        for c in range(1, grad.shape[1]):
            out[:, tap].addcmul_(grad[:, c], view[:, c])


def _filter_image_gradient(spatial: Tensor, grad: Tensor, dilation: int) -> Tensor:
    """Of `_filter` with respect to its image: what was read through a shifted view is added through the same view."""
    size = math.isqrt(spatial.shape[1])
    border = dilation * (size // 2)
    padded = grad.new_zeros(*grad.shape[:2], *(side + 2 * border for side in grad.shape[2:]))
    for tap, view in enumerate(_views(padded, size, dilation)):
        view.addcmul_(grad, spatial[:, tap, None])
    return fold_border(padded, border)


def _views(padded: Tensor, size: int, dilation: int) -> Iterator[Tensor]:
    """The image as each of the K*K taps sees it, in the order of the taps."""
    height, width = (side - dilation * (size - 1) for side in padded.shape[-2:])
    for row in range(0, size * dilation, dilation):
        for column in range(0, size * dilation, dilation):
            yield padded[..., row : row + height, column : column + width]


def planes(tensor: Tensor) -> Tensor:
    """Rows of pixels next to each other, as the sums run over them: copies a channels_last tensor, but not a slice of a
    wider one."""
    return tensor if tensor.stride()[-2:] == (tensor.shape[-1], 1) else tensor.contiguous()


def fold_border(padded: Tensor, border: int) -> Tensor:
    """Transpose of padding by repetition: add what arrived beyond the border to the nearest pixel. Overwrites
    `padded`."""
    if border:
        for dim in (2, 3):
            last = padded.shape[dim] - 1 - border
            padded.select(dim, border).add_(padded.narrow(dim, 0, border).sum(dim))
            padded.select(dim, last).add_(padded.narrow(dim, last + 1, border).sum(dim))
    end = [size - border for size in padded.shape[-2:]]
    return padded[..., border : end[0], border : end[1]]
