"""The filter by shifted views: padding and its transpose, and the same result with and without gradients."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from hdrrecon.networks.refine.decoupled_filter_shifts import filter_by_shifts, fold_border, planes

sides = st.integers(1, 7)


@given(sides, sides, st.integers(0, 4))
def test_folding_is_the_transpose_of_padding(height, width, border):
    """<pad(x), y> = <x, fold(y)> for all x and y."""
    rng = torch.Generator().manual_seed(border)
    x = torch.randn(1, 2, height, width, generator=rng, dtype=torch.float64)
    padded = F.pad(x, [border] * 4, mode="replicate")
    y = torch.randn(padded.shape, generator=rng, dtype=torch.float64)
    torch.testing.assert_close((padded * y).sum(), (x * fold_border(y.clone(), border)).sum())


@given(sides, sides, st.sampled_from([1, 3, 5]), st.integers(0, 9))
def test_what_is_kept_for_the_backward_pass_changes_nothing(height, width, size, seed):
    rng = torch.Generator().manual_seed(seed)
    levels = torch.randn(1, 2, 3, height, width, generator=rng)
    spatial = torch.randn(1, 2, size**2, height, width, generator=rng)
    channel = torch.randn(1, 2, 3, 3, 1, 1, generator=rng)
    level = torch.randn(1, 2, height, width, generator=rng)
    plain = filter_by_shifts(levels, spatial, channel, level, (1, 4))
    trained = filter_by_shifts(levels.clone().requires_grad_(), spatial, channel, level, (1, 4))
    assert trained.requires_grad and torch.equal(plain, trained)


def test_slices_are_not_copied_and_channels_last_are():
    image = torch.rand(1, 3, 4, 5)
    assert planes(image[:, 1:]).data_ptr() == image[:, 1:].data_ptr()
    moved = image.contiguous(memory_format=torch.channels_last)
    assert torch.equal(planes(moved), image) and planes(moved).is_contiguous()
