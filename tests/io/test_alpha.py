"""Colour multiplied by alpha is divided again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.io.alpha import divided


def test_by_hand():
    color = np.array([[[64, 0, 128], [10, 20, 30], [200, 200, 200]]], np.uint8)
    alpha = np.array([[128, 0, 100]], np.uint8)
    want = [[[128, 0, 255], [0, 0, 0], [255, 255, 255]]]  # 64 * 255 / 128 = 127.5; 200 of 100 is cut
    np.testing.assert_array_equal(divided(color, alpha), want)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@given(seed=st.integers(0, 2**32 - 1))
def test_integers_come_back_within_what_the_product_lost(dtype, seed):
    rng, top = np.random.default_rng(seed), np.iinfo(dtype).max
    straight = rng.integers(0, top, (4, 5, 3), dtype, endpoint=True)
    alpha = rng.integers(top // 2, top, (4, 5), dtype, endpoint=True)
    associated = np.rint(straight * (alpha[..., None] / top)).astype(dtype)
    off = divided(associated, alpha).astype(int) - straight
    assert divided(associated, alpha).dtype == dtype and np.abs(off).max() <= 2
    np.testing.assert_array_equal(divided(straight, np.full((4, 5), top, dtype)), straight)


def test_light_may_exceed_one():
    color, alpha = np.float32([[[4.0, 0.5, 0.0], [1.0, 1.0, 1.0]]]), np.float32([[0.5, 0.0]])
    np.testing.assert_array_equal(divided(color, alpha), [[[8.0, 1.0, 0.0], [0.0, 0.0, 0.0]]])
