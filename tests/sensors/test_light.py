"""Light is checked once, and goes back as it came."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hdrrecon.sensors.light import light_tensor, like

pictures = array_shapes(min_dims=2, max_dims=2, max_side=6).flatmap(
    lambda size: arrays(np.float32, (*size, 3), elements=st.floats(0, 2.0**20, width=32))
)


@given(pictures)
def test_what_goes_in_comes_back(light):
    tensor = light_tensor(light)
    assert tensor.shape == (1, 3, *light.shape[:2]) and tensor.dtype == torch.float32
    assert np.array_equal(like(tensor, light), light)
    assert torch.equal(like(light_tensor(tensor[0]), tensor[0]), tensor[0])
    assert torch.equal(like(light_tensor(tensor), tensor), tensor)


@pytest.mark.parametrize(
    ("light", "says"),
    [
        (np.zeros((4, 5)), r"\(H, W, 3\), got \(4, 5\)"),
        (np.zeros((4, 5, 4)), "got"),
        (torch.zeros(4, 5, 3), r"\(3, H, W\)"),
        (np.full((4, 5, 3), np.nan), "NaN"),
        (np.full((4, 5, 3), np.inf), "infinity"),
        (np.full((4, 5, 3), -0.5), "down to -0.5"),
    ],
)
def test_what_is_no_light_is_refused_by_its_name(light, says):
    with pytest.raises(ValueError, match=f"the lamp .*{says}"):
        light_tensor(light, "the lamp")


def test_integers_and_doubles_are_light():
    assert light_tensor(np.full((2, 2, 3), 7, np.uint16)).unique().tolist() == [7]
    assert light_tensor(torch.ones(3, 2, 2, dtype=torch.float64)).dtype == torch.float32
