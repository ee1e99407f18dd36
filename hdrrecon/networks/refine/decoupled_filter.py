"""Filtering an image with per-pixel kernels that are decoupled along space and channels.

A full per-pixel kernel between colour images has K*K*C*C weights. Here it is a sum over levels of a spatial kernel
shared by the channels (K*K) times a channel matrix (C*C). A level is the image itself or a blurred copy of it, read
with a wide dilation, so that a kernel reaches across a large region with few weights. One equation is the meaning of
everything in this file:

    Q(p) = sum_l level_l(p) * C_l(p) @ sum_j spatial_l(p, j) * levels_l(p + dilation_l * offset_j)

Images are NCHW, in any unit: the operator is linear in the image. Beyond the border the nearest pixel is repeated.

After Cao et al. 2023, "Decoupled kernel prediction network" (https://doi.org/10.1145/3550277), of which only the
abstract is public; the levels are our own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn import functional as F

from .decoupled_filter_shifts import filter_by_shifts


@dataclass(frozen=True)
class DecoupledKernels:
    """The weights of one decoupled filter; L levels, K odd, taps row by row from the top left.

    Args:
        spatial: (N, L, K*K, H, W), per-pixel spatial kernels, shared by the channels.
        channel: (N, L, C, C, H, W) per pixel or (N, L, C, C, 1, 1) per image; `[:, :, r, c]` is what channel r takes
            from c.
        level: (N, L, H, W), the weight of each level.
    """

    spatial: Tensor
    channel: Tensor
    level: Tensor


def decoupled_filter(levels: Tensor, kernels: DecoupledKernels, dilations: tuple[int, ...]) -> Tensor:
    """Apply decoupled kernels the fastest way this machine has: Triton on CUDA where it is installed, else
    `filter_by_shifts`.

    Args:
        levels: (N, L, C, H, W), the image as each level sees it, see `pooled_levels`. Any floating dtype; the kernels
            follow it.
        kernels: the weights, see `DecoupledKernels`.
        dilations: L distances between taps in pixels.

    Returns:
        (N, C, H, W). Differentiable once with respect to the image and all three kinds of weights.

    Raises:
        ValueError: if the shapes do not fit together, naming the one that does not.

    Example:
        >>> spatial, matrix = normalise_kernels(torch.zeros(1, 1, 9, 4, 6)), torch.eye(3).view(1, 1, 3, 3, 1, 1)
        >>> kernels = DecoupledKernels(spatial, matrix, torch.ones(1, 1, 4, 6))
        >>> image = torch.rand(1, 3, 4, 6)
        >>> torch.equal(decoupled_filter(image[:, None], kernels, (1,)), image)     # zero logits leave the image alone
        True
    """
    _check(levels, kernels, dilations)
    weights = kernels.spatial, kernels.channel, kernels.level
    if _triton_serves(levels):
        from .decoupled_filter_triton import filter_by_triton

        return filter_by_triton(levels, *weights, dilations)
    return filter_by_shifts(levels, *(tensor.to(levels.dtype) for tensor in weights), dilations)


def decoupled_filter_reference(levels: Tensor, kernels: DecoupledKernels, dilations: tuple[int, ...]) -> Tensor:
    """`decoupled_filter` as the equation says it, by unfold and einsum; makes K*K copies of every level."""
    _check(levels, kernels, dilations)
    result = torch.zeros_like(levels[:, 0])
    for index, dilation in enumerate(dilations):
        taps = _taps(levels[:, index], _kernel_size(kernels.spatial.shape[2]), dilation)
        filtered = torch.einsum("njhw,ncjhw->nchw", kernels.spatial[:, index], taps)
        channel = kernels.channel[:, index].expand(-1, -1, -1, *levels.shape[-2:])
        result = result + kernels.level[:, index, None] * torch.einsum("nrchw,nchw->nrhw", channel, filtered)
    return result


def coupled_filter(image: Tensor, kernels: Tensor, dilation: int = 1) -> Tensor:
    """What decoupling replaces, for the ablation: a full kernel between the channels at every pixel.

    Args:
        image: (N, C, H, W).
        kernels: (N, C, C, K*K, H, W); `[:, r, c, j]` is what channel r takes from channel c at tap j.
        dilation: distance between taps in pixels.

    Returns:
        (N, C, H, W). Makes K*K copies of the image.
    """
    return torch.einsum("nrcjhw,ncjhw->nrhw", kernels, _taps(image, _kernel_size(kernels.shape[3]), dilation))


def pooled_levels(image: Tensor, weights: Tensor, factors: tuple[int, ...]) -> Tensor:
    """The image and its weighted averages over ever larger cells, all at full size: the levels a decoupled filter
    reads.

    Args:
        image: (N, C, H, W).
        weights: (N, 1, H, W) in [0, 1], how far a pixel is to be believed. 0.001 is added: where all of a cell is
            clipped, the average is the plain one, else clipped pixels hardly contribute.
        factors: side of the averaging cell in pixels at each level; 1 is the image itself. Need not divide H or W: the
            last cells are cut off at the border and average what they have.

    Returns:
        (N, L, C, H, W); averages are brought to full size bilinearly.
    """
    weights = weights + 1e-3
    return torch.stack([image if factor == 1 else _pooled(image, weights, factor) for factor in factors], dim=1)


def normalise_kernels(logits: Tensor) -> Tensor:
    """Network outputs to spatial kernels that sum to one: signed at level 0, convex at all others.

    Level 0, which sees the sharp image, is the centre tap plus a zero-mean deviation, so it may sharpen; the others are
    a softmax. Zero logits give the centre tap and uniform averages.

    Args:
        logits: (N, L, K*K, H, W), any values.

    Returns:
        Same shape; sums to 1 over dim 2.
    """
    signed, convex = logits[:, :1], logits[:, 1:].softmax(dim=2)
    signed = signed - signed.mean(dim=2, keepdim=True)
    taps = _kernel_size(logits.shape[2]) ** 2
    # Compared, not assigned: a number that is put into a tensor is copied to the device, which CUDA graphs do not
    # record.
    centre = (torch.arange(taps, device=logits.device) == taps // 2).to(logits.dtype)
    return torch.cat([signed + centre[:, None, None], convex], dim=1)


def _triton_serves(levels: Tensor) -> bool:
    # Written for colour images, in float32 at most; Triton itself asks for compute capability 7 (Volta).
    return (
        levels.is_cuda
        and levels.shape[2] == 3
        and levels.dtype != torch.float64
        and find_spec("triton") is not None
        and torch.cuda.get_device_capability(levels.device) >= (7, 0)
    )


def _pooled(image: Tensor, weights: Tensor, factor: int) -> Tensor:
    height, width = image.shape[-2:]
    rows, columns = -(-height // factor), -(-width // factor)
    # Zeros beyond the border weigh nothing, so that a cell cut off there averages only the pixels it has.
    padding = (0, columns * factor - width, 0, rows * factor - height)
    weighted = F.avg_pool2d(F.pad(image * weights, padding), factor) / F.avg_pool2d(F.pad(weights, padding), factor)
    full = F.interpolate(weighted, scale_factor=float(factor), mode="bilinear", align_corners=False)
    return full[..., :height, :width]


def _taps(image: Tensor, size: int, dilation: int) -> Tensor:
    """(N, C, H, W) -> (N, C, K*K, H, W): the image at every tap."""
    padded = F.pad(image, [dilation * (size // 2)] * 4, mode="replicate")
    return F.unfold(padded, size, dilation).unflatten(1, (image.shape[1], size * size)).unflatten(3, image.shape[-2:])


def _kernel_size(taps: int) -> int:
    size = math.isqrt(taps)
    if size * size != taps or size % 2 == 0:
        raise ValueError(f"a spatial kernel has K*K taps with K odd (9, 25, 49), got {taps}")
    return size


def _check(levels: Tensor, kernels: DecoupledKernels, dilations: tuple[int, ...]) -> None:
    if levels.dim() != 5 or not levels.is_floating_point():
        raise ValueError(
            f"levels are floats of shape (N, L, C, H, W), got {levels.dtype} of {tuple(levels.shape)}; see "
            f"pooled_levels"
        )
    n, l, c, h, w = levels.shape
    if len(dilations) != l or any(dilation < 1 for dilation in dilations):
        raise ValueError(f"{l} levels need {l} dilations of at least 1 pixel, got {dilations}")
    wanted = {
        "spatial": [(n, l, _kernel_size(kernels.spatial.shape[2]) ** 2 if kernels.spatial.dim() == 5 else "K*K", h, w)],
        "channel": [(n, l, c, c, h, w), (n, l, c, c, 1, 1)],
        "level": [(n, l, h, w)],
    }
    for name, shapes in wanted.items():
        given = tuple(getattr(kernels, name).shape)
        if given not in shapes:
            raise ValueError(
                f"{name} weights for levels of shape {tuple(levels.shape)} are {' or '.join(map(str, shapes))}, "
                f"got {given}"
            )
