"""The decoupled filter: its equation, its fast path and gradients, what it keeps unchanged, and what it needs in
memory."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrrecon.networks.refine.decoupled_filter import (
    DecoupledKernels,
    coupled_filter,
    decoupled_filter,
    decoupled_filter_reference,
    normalise_kernels,
    pooled_levels,
)
from tests.examples.test_scripts import load

BENCHMARK = load("filter_cost.py")
sizes = st.fixed_dictionaries(
    {
        "n": st.integers(1, 2),
        "l": st.integers(1, 3),
        "c": st.integers(1, 4),
        "k": st.sampled_from([1, 3, 5]),
        "h": st.integers(1, 9),
        "w": st.integers(1, 9),
        "per_pixel": st.booleans(),
    }
)
dilations_of = {1: (2,), 2: (1, 5), 3: (1, 4, 16)}  # wider than the images, so that the border is met on every side


def draw(n=1, l=2, c=3, k=3, h=6, w=7, per_pixel=True, dtype=torch.float32, seed=0, grad=False):
    """Levels and kernels of random numbers."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (n, l, c, h, w), (n, l, k * k, h, w), (n, l, c, c, *((h, w) if per_pixel else (1, 1))), (n, l, h, w)
    levels, *weights = (torch.randn(shape, generator=generator, dtype=dtype).requires_grad_(grad) for shape in shapes)
    return levels, DecoupledKernels(*weights)


def gradients(filtering, levels, kernels, dilations):
    result = filtering(levels, kernels, dilations)
    towards = torch.randn(result.shape, generator=torch.Generator().manual_seed(9), dtype=result.dtype).to(
        result.device
    )
    return torch.autograd.grad(result, (levels, kernels.spatial, kernels.channel, kernels.level), towards)


def close(given, wanted, tolerance=1e-5):
    """Within `tolerance` of the largest value, as sums of many terms differ by their order."""
    assert given.shape == wanted.shape and given.dtype == wanted.dtype
    assert (given - wanted).abs().max() <= tolerance * max(1, wanted.abs().max())


@pytest.mark.parametrize("filtering", [decoupled_filter, decoupled_filter_reference])
def test_the_equation_literally(filtering):
    """Pixel by pixel, as the module's text says it, in numpy."""
    levels, kernels = draw(h=4, w=5)
    a, spatial, channel, level = (t[0].numpy() for t in (levels, kernels.spatial, kernels.channel, kernels.level))
    wanted = np.zeros((3, 4, 5))
    for l, y, x in itertools.product(range(2), range(4), range(5)):
        seen = np.zeros(3)
        for j, (dy, dx) in enumerate(itertools.product((-1, 0, 1), repeat=2)):
            step = (1, 5)[l]
            seen += spatial[l, j, y, x] * a[l, :, np.clip(y + step * dy, 0, 3), np.clip(x + step * dx, 0, 4)]
        wanted[:, y, x] += level[l, y, x] * channel[l, :, :, y, x] @ seen
    close(filtering(levels, kernels, (1, 5))[0], torch.tensor(wanted, dtype=torch.float32))


@given(sizes, st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_fast_is_the_reference(size, seed):
    dilations = dilations_of[size["l"]]
    levels, kernels = draw(**size, seed=seed, grad=True)
    wanted = decoupled_filter_reference(levels, kernels, dilations)
    close(decoupled_filter(levels, kernels, dilations), wanted)
    with torch.inference_mode():
        close(decoupled_filter(levels, kernels, dilations), wanted)
    for ours, theirs in zip(
        gradients(decoupled_filter, levels, kernels, dilations),
        gradients(decoupled_filter_reference, levels, kernels, dilations),
    ):
        close(ours, theirs)


@pytest.mark.parametrize("per_pixel", [True, False])
def test_gradients_are_those_of_finite_differences(per_pixel):
    levels, kernels = draw(n=2, h=3, w=4, c=2, per_pixel=per_pixel, dtype=torch.float64, grad=True)

    def filtering(levels, *weights):
        return decoupled_filter(levels, DecoupledKernels(*weights), (1, 3))

    assert torch.autograd.gradcheck(filtering, (levels, kernels.spatial, kernels.channel, kernels.level))


def test_a_gradient_for_those_that_ask():
    """With the image fixed, as in training of the kernels alone, the rest get the gradients they would get anyway."""
    levels, kernels = draw(grad=True)
    wanted = gradients(decoupled_filter, levels, kernels, (1, 4))[1]
    fixed = DecoupledKernels(kernels.spatial, kernels.channel.detach(), kernels.level.detach())
    result = decoupled_filter(levels.detach(), fixed, (1, 4))
    towards = torch.randn(result.shape, generator=torch.Generator().manual_seed(9))
    assert torch.equal(torch.autograd.grad(result, kernels.spatial, towards)[0], wanted)


@given(sizes, st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_kernels_that_say_nothing_leave_the_image_to_the_bit(size, seed):
    """Centre taps, unit matrices, all weight on level 0."""
    image = draw(**size, seed=seed)[0][:, 0] * 1000
    n, l, c, k, h, w = (size[name] for name in "nlckhw")
    spatial = normalise_kernels(torch.zeros(n, l, k * k, h, w))
    level = torch.zeros(n, l, h, w)
    level[:, 0] = 1
    levels = pooled_levels(image, torch.ones(n, 1, h, w), (1, 2, 4)[:l])
    kernels = DecoupledKernels(spatial, torch.eye(c).expand(n, l, c, c)[..., None, None], level)
    assert torch.equal(decoupled_filter(levels, kernels, dilations_of[l]), image)


@given(sizes, st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_flat_image_stays_flat(size, seed):
    """Under kernels and level weights that sum to one and unit matrices, borders included."""
    _, kernels = draw(**size, seed=seed)
    n, l, c, h, w = (size[name] for name in "nlchw")
    colour = torch.rand(n, c, 1, 1) + 0.1
    levels = pooled_levels(colour.expand(n, c, h, w), torch.rand(n, 1, h, w), (1, 3, 4)[:l])
    unit = torch.eye(c).expand(n, l, c, c)[..., None, None]
    kernels = DecoupledKernels(normalise_kernels(kernels.spatial), unit, kernels.level.softmax(1))
    close(decoupled_filter(levels, kernels, dilations_of[l]), colour.expand(n, c, h, w))


@given(sizes, st.floats(-9, 9), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_linear_in_the_image(size, factor, seed):
    (one, kernels), (other, _) = draw(**size, seed=seed), draw(**size, seed=seed + 1)
    dilations = dilations_of[size["l"]]
    wanted = factor * decoupled_filter(one, kernels, dilations) + decoupled_filter(other, kernels, dilations)
    close(decoupled_filter(factor * one + other, kernels, dilations), wanted)


def test_kernels_are_taken_as_a_network_gives_them():
    """Slices of a wider tensor, channels_last, one matrix for all pixels expanded: same answer, and nothing given is
    written to."""
    levels, kernels = draw(n=2, per_pixel=False)
    wanted = decoupled_filter_reference(levels, kernels, (1, 4))
    wide = torch.cat([kernels.spatial.flatten(1, 2), torch.zeros(2, 5, 6, 7)], 1).to(memory_format=torch.channels_last)
    given = DecoupledKernels(
        wide[:, :18].unflatten(1, (2, 9)), kernels.channel.expand(-1, -1, -1, -1, 6, 7), kernels.level
    )
    with torch.inference_mode():
        close(decoupled_filter(levels, given, (1, 4)), wanted)
    again, untouched = draw(n=2, per_pixel=False)
    assert (
        torch.equal(levels, again)
        and torch.equal(kernels.level, untouched.level)
        and torch.equal(kernels.spatial, untouched.spatial)
    )


def test_half_precision_kernels_follow_the_image():
    levels, kernels = draw(grad=True)
    half = DecoupledKernels(
        *(t.detach().bfloat16().requires_grad_() for t in (kernels.spatial, kernels.channel, kernels.level))
    )
    rounded = DecoupledKernels(*(t.detach().float() for t in (half.spatial, half.channel, half.level)))
    close(decoupled_filter(levels, half, (1, 4)), decoupled_filter_reference(levels, rounded, (1, 4)))
    assert [g.dtype for g in gradients(decoupled_filter, levels, half, (1, 4))] == [torch.float32] + 3 * [
        torch.bfloat16
    ]


@pytest.mark.parametrize("k", [3, 7])
def test_memory_does_not_grow_with_the_kernel(k):
    """At inference three images beside the inputs; in training also the filtered levels, a few images and the
    gradients."""
    levels, kernels = draw(l=3, k=k, h=96, w=96, per_pixel=False)
    image = 3 * 96 * 96 * 4
    with torch.inference_mode(), BENCHMARK.PeakMemory() as fast:
        decoupled_filter(levels, kernels, (1, 1, 1))
    assert fast.peak < 3.4 * image
    with torch.inference_mode(), BENCHMARK.PeakMemory() as reference:
        decoupled_filter_reference(levels, kernels, (1, 1, 1))
    assert reference.peak > k * k * image
    inputs = levels, kernels.spatial, kernels.channel, kernels.level
    for tensor in inputs:
        tensor.requires_grad_()
    with BENCHMARK.PeakMemory() as training:
        gradients(decoupled_filter, levels, kernels, (1, 1, 1))
    assert training.peak < sum(tensor.nbytes for tensor in inputs) + 8.5 * image


def test_coupled_kernels_that_factor_are_decoupled_ones():
    levels, kernels = draw(l=1, k=5)
    full = torch.einsum("njhw,nrchw,nhw->nrcjhw", kernels.spatial[:, 0], kernels.channel[:, 0], kernels.level[:, 0])
    close(coupled_filter(levels[:, 0], full, 3), decoupled_filter(levels, kernels, (3,)))


def test_normalised_kernels():
    """All sum to one; level 0 may sharpen, the others only average."""
    spatial = normalise_kernels(draw(l=3, k=5)[1].spatial * 3)
    close(spatial.sum(2), torch.ones(1, 3, 6, 7))
    assert spatial[:, 0].min() < 0 and spatial[:, 1:].min() >= 0
    neutral = normalise_kernels(torch.zeros(1, 2, 9, 1, 1))
    assert neutral[0, 0, :, 0, 0].tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    close(neutral[:, 1], torch.full((1, 9, 1, 1), 1 / 9))


@pytest.mark.parametrize("height, width", [(12, 16), (11, 18), (1, 3)])
def test_pooled_levels_are_weighted_averages_made_large(height, width):
    """Cells averaged one by one in numpy, enlarged by OpenCV; the last cells are smaller where 4 does not divide the
    size."""
    image, weights = torch.rand(2, 3, height, width), torch.rand(2, 1, height, width)
    levels = pooled_levels(image, weights, (1, 4))
    assert torch.equal(levels[:, 0], image)
    for n in range(2):
        rows, columns = -(-height // 4), -(-width // 4)
        cells = np.zeros((rows, columns, 3), np.float32)
        for r, c in itertools.product(range(rows), range(columns)):
            cell = np.s_[4 * r : 4 * r + 4, 4 * c : 4 * c + 4]
            cells[r, c] = [
                np.average(plane[cell], weights=weights[n, 0].numpy()[cell] + 1e-3) for plane in image[n].numpy()
            ]
        large = cv2.resize(cells, (4 * columns, 4 * rows), interpolation=cv2.INTER_LINEAR)[:height, :width]
        close(levels[n, 1], torch.from_numpy(large).movedim(2, 0).contiguous())


def test_clipped_pixels_hardly_enter_the_pooled_levels():
    """A window of light 1 amid 0.2, of weight 0: its cell says 0.2, but a cell that is all window says 1."""
    image, weights = torch.full((1, 1, 16, 16), 0.2), torch.ones(1, 1, 16, 16)
    image[..., 5:16, 5:16], weights[..., 5:16, 5:16] = 1, 0
    pooled = pooled_levels(image, weights, (4,))[0, 0, 0]
    assert pooled[5, 5] < 0.21 and pooled[-1, -1] == pytest.approx(1)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"dilations": (1,)}, "2 levels need 2 dilations"),
        ({"dilations": (0, 1)}, "at least 1 pixel"),
        ({"spatial": torch.zeros(1, 2, 8, 6, 7)}, "K odd"),
        ({"spatial": torch.zeros(1, 2, 16, 6, 7)}, "K odd"),
        ({"spatial": torch.zeros(1, 2, 9, 6, 6)}, "spatial weights"),
        ({"spatial": torch.zeros(9)}, "spatial weights"),
        ({"channel": torch.zeros(1, 2, 3, 3)}, "channel weights"),
        ({"level": torch.zeros(1, 1, 6, 7)}, "level weights"),
        ({"levels": torch.zeros(1, 3, 6, 7)}, "(N, L, C, H, W)"),
        ({"levels": torch.zeros(1, 2, 3, 6, 7, dtype=torch.uint8)}, "floats"),
    ],
)
def test_shapes_that_do_not_fit_are_named(change, message):
    levels, kernels = draw()
    weights = {name: change.get(name, getattr(kernels, name)) for name in ("spatial", "channel", "level")}
    with pytest.raises(ValueError) as error:
        decoupled_filter(change.get("levels", levels), DecoupledKernels(**weights), change.get("dilations", (1, 4)))
    assert message in str(error.value)


def test_the_benchmark_compares_like_with_like(capsys):
    """Its rivals compute the same filter, and it prints one row for each."""
    levels, kernels = draw(l=3, k=5)
    wanted = decoupled_filter_reference(levels, kernels, BENCHMARK.DILATIONS)
    for way in (BENCHMARK.unfold_and_multiply, BENCHMARK.shifted_views):
        close(way(levels, kernels, BENCHMARK.DILATIONS), wanted)
    BENCHMARK.main("16", "3")
    rows = capsys.readouterr().out.splitlines()
    assert [row.split("  ")[0] for row in rows[2:5]] == ["unfold and einsum", "unfold and multiply", "shifted views"]
