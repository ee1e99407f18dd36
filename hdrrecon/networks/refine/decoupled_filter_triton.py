"""The decoupled filter of an RGB image as fused Triton kernels: every weight is read once, nothing is written but the
result.

`decoupled_filter.py` has the equation and the shapes. A program owns a run of pixels and keeps their sums in registers.
The image is read K*K times, but from the caches, so the K*K + C*C + 1 weights per pixel and level set the speed: it is
bound by memory.
The backward pass is deterministic: two gathers, no atomics. Importing this file needs Triton, which is no dependency.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from .decoupled_filter_shifts import fold_border, planes

BLOCK = 256  # the quickest of 128 to 1024 on an H200


def filter_by_triton(
    levels: Tensor, spatial: Tensor, channel: Tensor, level: Tensor, dilations: tuple[int, ...]
) -> Tensor:
    """`decoupled_filter` for C = 3 and up to 32 bits per number; sums are float32. Shapes as there, unchecked.

    The weights may have another dtype than the image, which halves their traffic when they are bfloat16.
    """
    return _FilterByTriton.apply(levels, spatial, channel, level, dilations)


class _FilterByTriton(torch.autograd.Function):
    @staticmethod
    def forward(ctx, levels, spatial, channel, level, dilations):
        inputs = [planes(tensor) for tensor in (levels, spatial, channel, level)]
        ctx.save_for_backward(*inputs)
        ctx.dilations = dilations
        return _forward(*inputs, dilations)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return *_backward(*ctx.saved_tensors, ctx.dilations, grad.contiguous(), ctx.needs_input_grad[0]), None


def _forward(levels, spatial, channel, level, dilations) -> Tensor:
    n, _, c, height, width = levels.shape
    result = levels.new_empty(n, c, height, width)
    with torch.cuda.device_of(levels):
        _forward_kernel[triton.cdiv(height * width, BLOCK), n](
            levels,
            spatial,
            channel,
            level,
            result,
            height,
            width,
            height * width,
            *_strides(levels, spatial, channel, level),
            **_constants(levels, spatial, channel, dilations),
        )
    return result


def _backward(
    levels, spatial, channel, level, dilations, grad, want_levels: bool
) -> tuple[Tensor | None, Tensor, Tensor, Tensor]:
    n, l, c, height, width = levels.shape
    blocks = triton.cdiv(height * width, BLOCK)
    constants = _constants(levels, spatial, channel, dilations)
    per_pixel = constants["PER_PIXEL"]
    mixed = torch.empty(levels.shape, dtype=torch.float32, device=levels.device)
    grad_spatial, grad_level = (
        torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device) for tensor in (spatial, level)
    )
    # One matrix for the whole image: each block leaves its own sum here, so that their order, and the result, is always
    # the same.
    grad_channel = torch.empty(
        n,
        l,
        c,
        c,
        height * width if per_pixel else blocks,
        device=levels.device,
        dtype=channel.dtype if per_pixel else torch.float32,
    )
    with torch.cuda.device_of(levels):
        _weights_kernel[blocks, n](
            levels,
            spatial,
            channel,
            level,
            grad,
            grad_spatial,
            grad_channel,
            grad_level,
            mixed,
            height,
            width,
            height * width,
            blocks,
            *_strides(levels, spatial, channel, level),
            **constants,
        )
        grad_levels = _grad_levels(levels, spatial, mixed, dilations) if want_levels else None
    if per_pixel:
        return grad_levels, grad_spatial, grad_channel.view(channel.shape), grad_level
    return grad_levels, grad_spatial, grad_channel.sum(-1).to(channel.dtype)[..., None, None], grad_level


def _grad_levels(levels, spatial, mixed, dilations) -> Tensor:
    n, l, c, height, width = levels.shape
    size = math.isqrt(spatial.shape[2])
    grad_levels = torch.empty(levels.shape, dtype=levels.dtype, device=levels.device)
    for index, dilation in enumerate(dilations):
        border = dilation * (size // 2)
        padded = mixed.new_empty(n, c, height + 2 * border, width + 2 * border)
        _image_kernel[triton.cdiv(padded.stride(1), BLOCK), n](
            spatial[:, index],
            mixed[:, index],
            padded,
            height,
            width,
            padded.stride(1),
            spatial.stride(0),
            spatial.stride(2),
            mixed.stride(0),
            mixed.stride(2),
            K=size,
            DILATION=dilation,
            BLOCK=BLOCK,
        )
        grad_levels[:, index] = fold_border(padded, border)
    return grad_levels


def _strides(levels, spatial, channel, level) -> tuple[int, ...]:
    return *levels.stride()[:3], *spatial.stride()[:3], *channel.stride()[:4], *level.stride()[:2]


def _constants(levels, spatial, channel, dilations) -> dict:
    return {
        "DILATIONS": tuple(dilations),
        "L": len(dilations),
        "K": math.isqrt(spatial.shape[2]),
        "PER_PIXEL": channel.shape[-2:] == levels.shape[-2:],
        "BLOCK": BLOCK,
    }


@triton.jit
def _forward_kernel(
    levels,
    spatial,
    channel,
    level,
    result,
    height,
    width,
    plane,
    levels_n,
    levels_l,
    levels_c,
    spatial_n,
    spatial_l,
    spatial_tap,
    channel_n,
    channel_l,
    channel_r,
    channel_c,
    level_n,
    level_l,
    DILATIONS: tl.constexpr,
    L: tl.constexpr,
    K: tl.constexpr,
    PER_PIXEL: tl.constexpr,
    BLOCK: tl.constexpr,
):
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1).to(tl.int64)
    inside = pixel < plane
    y, x = pixel // width, pixel % width
    # Pointers advance by additions: the offset of a weight in a large photo does not fit 32 bits, a step between planes
    # does.
    image = levels + n * levels_n
    tap = spatial + n * spatial_n + pixel
    matrix = channel + n * channel_n + pixel * PER_PIXEL
    scale = level + n * level_n + pixel
    red = tl.full([BLOCK], 0.0, tl.float32)
    green = tl.full([BLOCK], 0.0, tl.float32)
    blue = tl.full([BLOCK], 0.0, tl.float32)
    for index in tl.static_range(L):
        filtered_red = tl.full([BLOCK], 0.0, tl.float32)
        filtered_green = tl.full([BLOCK], 0.0, tl.float32)
        filtered_blue = tl.full([BLOCK], 0.0, tl.float32)
        here = tap
        for row in range(K):
            line = tl.minimum(tl.maximum(y + (row - K // 2) * DILATIONS[index], 0), height - 1) * width
            for column in tl.static_range(K):
                at = image + line + tl.minimum(tl.maximum(x + (column - K // 2) * DILATIONS[index], 0), width - 1)
                weight = tl.load(here, mask=inside, other=0.0).to(tl.float32)
                seen_red, seen_green, seen_blue = _load_rgb(at, levels_c, inside)
                filtered_red += weight * seen_red
                filtered_green += weight * seen_green
                filtered_blue += weight * seen_blue
                here += spatial_tap
        weight = tl.load(scale, mask=inside, other=0.0).to(tl.float32)
        red += weight * _times(matrix, channel_c, filtered_red, filtered_green, filtered_blue, inside)
        green += weight * _times(matrix + channel_r, channel_c, filtered_red, filtered_green, filtered_blue, inside)
        blue += weight * _times(matrix + 2 * channel_r, channel_c, filtered_red, filtered_green, filtered_blue, inside)
        image += levels_l
        tap += spatial_l
        matrix += channel_l
        scale += level_l
    _store_rgb(result + n * 3 * plane + pixel, plane, red, green, blue, inside)


@triton.jit
def _load_rgb(pointer, step, inside):
    return (
        tl.load(pointer, mask=inside, other=0.0).to(tl.float32),
        tl.load(pointer + step, mask=inside, other=0.0).to(tl.float32),
        tl.load(pointer + 2 * step, mask=inside, other=0.0).to(tl.float32),
    )


@triton.jit
def _store_rgb(pointer, step, red, green, blue, inside):
    tl.store(pointer, red, mask=inside)
    tl.store(pointer + step, green, mask=inside)
    tl.store(pointer + 2 * step, blue, mask=inside)


@triton.jit
def _times(row, step, red, green, blue, inside):
    from_red, from_green, from_blue = _load_rgb(row, step, inside)
    return from_red * red + from_green * green + from_blue * blue


@triton.jit
def _plus(a, b):
    return a + b


@triton.jit
def _weights_kernel(
    levels,
    spatial,
    channel,
    level,
    grad,
    grad_spatial,
    grad_channel,
    grad_level,
    mixed,
    height,
    width,
    plane,
    blocks,
    levels_n,
    levels_l,
    levels_c,
    spatial_n,
    spatial_l,
    spatial_tap,
    channel_n,
    channel_l,
    channel_r,
    channel_c,
    level_n,
    level_l,
    DILATIONS: tl.constexpr,
    L: tl.constexpr,
    K: tl.constexpr,
    PER_PIXEL: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Gradients of all weights, and of each level's filtered image (`mixed`), from which `_image_kernel` goes on."""
    block, n = tl.program_id(0), tl.program_id(1).to(tl.int64)
    pixel = block * BLOCK + tl.arange(0, BLOCK)
    inside = pixel < plane
    y, x = pixel // width, pixel % width
    image = levels + n * levels_n
    tap = spatial + n * spatial_n + pixel
    matrix = channel + n * channel_n + pixel * PER_PIXEL
    scale = level + n * level_n + pixel
    tap_out = grad_spatial + n * L * K * K * plane + pixel
    mixed_out = mixed + n * L * 3 * plane + pixel
    scale_out = grad_level + n * L * plane + pixel
    red, green, blue = _load_rgb(grad + n * 3 * plane + pixel, plane, inside)
    for index in tl.static_range(L):
        # Columns of the matrix: what reached the result from each filtered channel.
        mixed_red = _times(matrix, channel_r, red, green, blue, inside)
        mixed_green = _times(matrix + channel_c, channel_r, red, green, blue, inside)
        mixed_blue = _times(matrix + 2 * channel_c, channel_r, red, green, blue, inside)
        weight = tl.load(scale, mask=inside, other=0.0).to(tl.float32)
        filtered_red = tl.full([BLOCK], 0.0, tl.float32)
        filtered_green = tl.full([BLOCK], 0.0, tl.float32)
        filtered_blue = tl.full([BLOCK], 0.0, tl.float32)
        here = tap
        for row in range(K):
            line = tl.minimum(tl.maximum(y + (row - K // 2) * DILATIONS[index], 0), height - 1) * width
            for column in tl.static_range(K):
                at = image + line + tl.minimum(tl.maximum(x + (column - K // 2) * DILATIONS[index], 0), width - 1)
                seen_red, seen_green, seen_blue = _load_rgb(at, levels_c, inside)
                tap_weight = tl.load(here, mask=inside, other=0.0).to(tl.float32)
                filtered_red += tap_weight * seen_red
                filtered_green += tap_weight * seen_green
                filtered_blue += tap_weight * seen_blue
                tl.store(
                    tap_out,
                    weight * (mixed_red * seen_red + mixed_green * seen_green + mixed_blue * seen_blue),
                    mask=inside,
                )
                here += spatial_tap
                tap_out += plane
        tl.store(
            scale_out, mixed_red * filtered_red + mixed_green * filtered_green + mixed_blue * filtered_blue, mask=inside
        )
        _store_rgb(mixed_out, plane, weight * mixed_red, weight * mixed_green, weight * mixed_blue, inside)
        for r in tl.static_range(3):
            for c in tl.static_range(3):
                outer = weight * (red if r == 0 else green if r == 1 else blue)
                outer = outer * (filtered_red if c == 0 else filtered_green if c == 1 else filtered_blue)
                entry = (n * L + index) * 9 + r * 3 + c
                if PER_PIXEL:
                    tl.store(grad_channel + entry * plane + pixel, outer, mask=inside)
                else:
                    tl.store(grad_channel + entry * blocks + block, tl.reduce(outer, 0, _plus))
        image += levels_l
        tap += spatial_l
        matrix += channel_l
        scale += level_l
        mixed_out += 3 * plane
        scale_out += plane


@triton.jit
def _image_kernel(
    spatial,
    mixed,
    padded,
    height,
    width,
    plane,
    spatial_n,
    spatial_tap,
    mixed_n,
    mixed_c,
    K: tl.constexpr,
    DILATION: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Gradient of one level on its padded domain: each padded pixel gathers from the pixels that had looked at it."""
    border = K // 2 * DILATION
    wide = width + 2 * border
    spot = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1).to(tl.int64)
    y, x = spot // wide - border, spot % wide - border
    tap, source = spatial + n * spatial_n, mixed + n * mixed_n
    red = tl.full([BLOCK], 0.0, tl.float32)
    green = tl.full([BLOCK], 0.0, tl.float32)
    blue = tl.full([BLOCK], 0.0, tl.float32)
    for row in range(K):
        line = y - (row - K // 2) * DILATION
        for column in tl.static_range(K):
            at = x - (column - K // 2) * DILATION
            looked = (line >= 0) & (line < height) & (at >= 0) & (at < width) & (spot < plane)
            pixel = line * width + at
            weight = tl.load(tap + pixel, mask=looked, other=0.0).to(tl.float32)
            mixed_red, mixed_green, mixed_blue = _load_rgb(source + pixel, mixed_c, looked)
            red += weight * mixed_red
            green += weight * mixed_green
            blue += weight * mixed_blue
            tap += spatial_tap
    _store_rgb(padded + n * 3 * plane + spot, plane, red, green, blue, spot < plane)
