"""Features of JPEG pixels: what they are, where they begin, and that the map can be what a camera did."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hdrrecon.color import linear_to_srgb
from hdrrecon.rawcodec.global_map import FEATURES, features

pixels = arrays(np.float32, (4, 3), elements=st.floats(0, 1, width=32))


@given(pixels)
def test_all_are_between_0_and_1_and_look_at_one_pixel(values):
    found = features(values)
    assert found.shape == (FEATURES, 4) and found.dtype == np.float32
    assert (found >= 0).all() and (found <= 1 + 1e-6).all()
    assert np.array_equal(features(values[2:3])[:, 0], found[:, 2])


@given(pixels)
def test_the_first_twenty_are_the_cubic_polynomial(values):
    red, green, blue = values.astype(np.float64).T
    found = features(values.astype(np.float64))
    powers = [red**i * green**j * blue**k for i in range(4) for j in range(4 - i) for k in range(4 - i - j)]
    assert np.sort(found[:20], 0) == pytest.approx(np.sort(powers, 0), abs=1e-12)


def test_hinges_are_nothing_between_black_and_white():
    middle = features(np.full((1, 3), 0.5))[:, 0]
    assert not middle[26:36].any()
    assert features(np.ones((1, 3)))[26:33, 0] == pytest.approx(1)
    assert features(np.zeros((1, 3)))[33:36, 0] == pytest.approx(1)


def test_a_matrix_and_the_srgb_curve_are_undone_exactly():
    random = np.random.default_rng(0)
    light = random.uniform(0.01, 0.6, (2000, 3))
    raw = light @ random.uniform(0, 0.4, (3, 3))
    found = features(linear_to_srgb(light)).T
    coefficients = np.linalg.lstsq(found, raw, rcond=None)[0]
    assert found @ coefficients == pytest.approx(raw, abs=1e-7)
