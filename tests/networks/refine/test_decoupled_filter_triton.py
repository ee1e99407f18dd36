"""The Triton kernels against the reference: compiled where there is a CUDA device, else through Triton's interpreter on
the CPU."""

from __future__ import annotations

import importlib
import sys

import pytest
import torch

from hdrrecon.networks.refine.decoupled_filter import DecoupledKernels, decoupled_filter, decoupled_filter_reference
from tests.networks.refine.test_decoupled_filter import close, draw, gradients

pytest.importorskip("triton")

CUDA = torch.cuda.is_available()
SIZES = [
    {},
    {"per_pixel": False},
    {"h": 1, "w": 1},
    {"n": 2, "l": 1, "h": 11, "w": 13},
    {"k": 5, "l": 1, "per_pixel": False},
]


@pytest.fixture(scope="module")
def filtering():
    """`filter_by_triton` with the interface of `decoupled_filter`."""
    name = "hdrrecon.networks.refine.decoupled_filter_triton"
    with pytest.MonkeyPatch.context() as patch:
        if not CUDA:  # read when a kernel is defined, so the module is imported afresh
            patch.setenv("TRITON_INTERPRET", "1")
            patch.delitem(sys.modules, name, raising=False)
        module = importlib.import_module(name)
        yield lambda levels, kernels, dilations: module.filter_by_triton(
            levels, kernels.spatial, kernels.channel, kernels.level, dilations
        )


def placed(levels, kernels):
    """On the GPU where there is one, as leaves of their own."""
    device = "cuda" if CUDA else "cpu"
    moved = [t.detach().to(device).requires_grad_() for t in (levels, kernels.spatial, kernels.channel, kernels.level)]
    return moved[0], DecoupledKernels(*moved[1:])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_fused_kernels_are_the_reference(filtering, size):
    """Values and all gradients; 143 pixels are more than one block of 128, and taps 8 apart leave the smaller images on
    every side."""
    levels, kernels = draw(**size, grad=True)
    dilations = (1, 8)[-levels.shape[1] :]
    wanted = (
        decoupled_filter_reference(levels, kernels, dilations),
        *gradients(decoupled_filter_reference, levels, kernels, dilations),
    )
    levels, kernels = placed(levels, kernels)
    with torch.no_grad():
        close(filtering(levels, kernels, dilations).cpu(), wanted[0])
    for ours, theirs in zip(
        (filtering(levels, kernels, dilations), *gradients(filtering, levels, kernels, dilations)), wanted
    ):
        close(ours.cpu(), theirs)


def test_slices_of_a_wider_tensor(filtering):
    """Only the pixels of a plane must lie together; the strides between planes are taken as they are."""
    levels, kernels = draw(n=2, h=3, w=4)
    wide = torch.cat([kernels.spatial.flatten(1, 2), torch.zeros(2, 5, 3, 4)], 1)
    wanted = decoupled_filter_reference(levels, kernels, (1, 4))
    levels, kernels = placed(levels, kernels)
    sliced = wide.to(levels.device)[:, :18].unflatten(1, (2, 9))
    assert not sliced.is_contiguous()
    with torch.no_grad():
        close(filtering(levels, DecoupledKernels(sliced, kernels.channel, kernels.level), (1, 4)).cpu(), wanted)


@pytest.mark.cuda
@pytest.mark.skipif(not CUDA, reason="needs a CUDA device")
def test_cuda_is_served_by_triton_for_colour_and_by_shifts_for_the_rest(filtering):
    for c, dtype in ((3, torch.float32), (2, torch.float32), (3, torch.float64)):
        levels, kernels = draw(c=c, dtype=dtype, h=40, w=50)
        on_gpu = placed(levels, kernels)
        result = decoupled_filter(*on_gpu, (1, 4))
        assert ("Triton" in result.grad_fn.name()) == ((c, dtype) == (3, torch.float32))
        close(result.detach().cpu(), decoupled_filter_reference(levels, kernels, (1, 4)))
