"""Counting: bins, histograms, masks and pixels in a row, each against a count by numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.networks.linearize import histograms
from hdrrecon.networks.linearize.histograms import (
    RELIABLE,
    bin_counts,
    bin_of,
    bin_sums,
    histogram_of,
    masked_index,
    row_histograms,
    shifted_views,
)


@given(st.lists(st.floats(-1, 2, width=32), min_size=1, max_size=50), st.integers(1, 64))
def test_bins_count_what_numpy_counts_and_take_what_lies_outside(values, count):
    index = bin_of(torch.tensor(values), count)
    scaled = np.float32(values) * np.float32(count)
    want = np.bincount(np.clip(np.trunc(scaled), 0, count - 1).astype(int), minlength=count)
    np.testing.assert_array_equal(bin_counts(index, count).numpy(), want)


@given(st.integers(0, 99), st.integers(1, 20))
def test_sums_in_order_are_those_of_the_cpu(seed, size):
    """`_sums_in_order` is the way of CUDA devices."""
    rng = torch.Generator().manual_seed(seed)
    index, values = torch.randint(0, size, (200,), generator=rng), torch.rand(200, generator=rng)
    want = np.bincount(index.numpy(), values.numpy(), size)
    for sums in (bin_sums, histograms._sums_in_order):
        np.testing.assert_allclose(sums(index, values, size).numpy(), want, rtol=1e-5, atol=1e-6)


def test_what_is_masked_is_not_counted():
    index, kept = torch.tensor([0, 1, 1, 3]), torch.tensor([True, True, False, True])
    got = histogram_of([masked_index(kept, index), masked_index(~kept, index)], 4, torch.zeros(1))
    assert got.tolist() == [1, 2, 0, 1]
    assert histogram_of([masked_index(kept, index)], 4, torch.zeros(1)).tolist() == [1, 1, 0, 1]


def test_rows_with_few_counts_are_pulled_towards_nothing():
    counts = torch.tensor([[30.0, 10.0], [3.0, 1.0], [0.0, 0.0]])
    shares, total = row_histograms(counts).split([6, 3])
    torch.testing.assert_close(shares.view(3, 2), 3 * counts / torch.tensor([[40.0], [RELIABLE], [RELIABLE]]))
    torch.testing.assert_close(total, torch.tensor([40.0, 4.0, 0.0]).log1p() / 4)


@pytest.mark.parametrize("size", [(7, 9), (2, 9), (9, 2), (1, 1)])
@pytest.mark.parametrize("block_px", [1, 20, 1 << 14])
def test_every_row_of_pixels_is_seen_once(size, block_px, monkeypatch):
    monkeypatch.setattr(histograms, "BLOCK_PX", block_px)
    height, width = size
    code = torch.arange(height * width).view(1, height, width).float()
    seen = [
        tuple(int(v) for v in pixels)
        for views in shifted_views(code, 2, 2)
        for pixels in zip(*map(torch.flatten, views))
    ]
    along = [(int(i), int(i) + 2) for i in code.flatten() if i % width + 2 < width]
    down = [(int(i), int(i) + 2 * width) for i in code.flatten() if i // width + 2 < height]
    assert sorted(seen) == sorted(along + down)
