"""The size at which a photo is seen, and the way back to its full size."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from hdrrecon.networks.working_resolution import enlarge_rows, working_size

sides = st.integers(1, 5000)


@given(sides, sides, st.integers(1, 1024))
def test_sizes_are_bounded_never_enlarged_and_keep_their_shape(height, width, longest):
    tall, wide = working_size((height, width), longest)
    assert 1 <= tall <= height and 1 <= wide <= width and max(tall, wide) <= longest
    if max(height, width) <= longest:
        assert (tall, wide) == (height, width)
    scale = min(1, longest / max(height, width))
    assert tall == 1 or abs(tall - height * scale) <= 0.5


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 30), st.integers(1, 30), st.data())
def test_some_rows_are_those_of_the_whole(height, width, tall, wide, data):
    features = torch.rand(1, 2, height, width, generator=torch.Generator().manual_seed(height))
    first = data.draw(st.integers(0, tall - 1))
    rows = slice(first, data.draw(st.integers(first + 1, tall)))
    whole = F.interpolate(features, (tall, wide), mode="bilinear", align_corners=False)
    torch.testing.assert_close(enlarge_rows(features, rows, (tall, wide)), whole[..., rows, :], atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(6000, 4000), (4000, 6000)])
def test_24_megapixels_at_512(size):
    assert sorted(working_size(size, 512)) == [341, 512]
