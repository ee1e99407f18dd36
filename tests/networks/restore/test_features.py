"""What a network sees of a photo: masks are averaged after they are made, and depth counts stops."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.networks.restore.features import CHANNELS, Seen, seen_maps, stops_below_clip


@given(st.integers(0, 10))
def test_depth_is_a_tenth_per_stop(stops):
    assert stops_below_clip(torch.tensor(2.0**-stops)).item() == pytest.approx(stops / 10, abs=1e-6)


def test_depth_ends_at_the_clip_level_and_ten_stops_below():
    assert stops_below_clip(torch.tensor([8.0, 1.0, 2**-10, 2**-14, 0.0])).tolist() == pytest.approx([0, 0, 1, 1, 1])


def test_a_mask_is_the_share_of_clipped_pixels_and_not_the_mask_of_the_mean():
    code = torch.full((1, 3, 32, 32), 0.5)
    code[..., :8, :] = 1.0
    seen = Seen.at(code, code, 1)
    assert seen.over.flatten().tolist() == [0.25] * 3 and seen.code.flatten().tolist() == [0.625] * 3


def test_maps_made_first_and_shrunk_later_are_the_same():
    code = torch.rand(2, 3, 24, 40)
    whole = Seen.at(code, code**2, 500)
    assert tuple(part.shape[1] for part in whole) == CHANNELS
    for a, b in zip(Seen.split(seen_maps(code, code**2)), whole):
        assert torch.equal(a, b)
    shrunk = torch.nn.functional.interpolate(seen_maps(code, code**2), (12, 20), mode="area")
    for a, b in zip(Seen.split(shrunk), Seen.at(code, code**2, 20)):
        torch.testing.assert_close(a, b)
