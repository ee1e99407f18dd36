"""The stabilised domain: there and back, and shot noise of the same size everywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.rawcodec.domain import LOWEST, light_weight, linearize, stabilize

light = st.floats(0, 1, width=32)


@given(light)
def test_light_comes_back(value):
    assert linearize(stabilize(np.float32(value))) == pytest.approx(value, abs=1e-6)


@given(st.floats(-10, 10, width=32))
def test_whatever_is_stored_becomes_light_between_black_and_clipping(value):
    assert 0 <= linearize(np.float32(value)) <= 1
    assert stabilize(np.float32(value)) >= np.float32(LOWEST)


def test_shot_noise_is_equally_large_in_bright_and_dark():
    """Anscombe 1948: a variance of k times the light becomes one of k / 4, whatever the light."""
    random, gain = np.random.default_rng(0), 1e-4
    for mean in (0.02, 0.1, 0.9):
        seen = gain * random.poisson(mean / gain, 200_000)
        assert stabilize(seen).std() == pytest.approx((gain / 4) ** 0.5, rel=0.03)


def test_weights_are_about_one_on_average_and_grow_with_light():
    levels = np.linspace(0, 1, 101, dtype=np.float32)
    weights = light_weight(levels)
    assert (np.diff(weights) > 0).all()
    assert light_weight(np.float32(0.15)) == pytest.approx(1)
