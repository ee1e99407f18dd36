"""Radiance .hdr: as exact as eight bits and a shared exponent allow, by every reader."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hdrrecon.io import ReadError, read, write
from hdrrecon.io.radiance import decode_hdr, encode_hdr
from tests.io.files import light


def largest(image: np.ndarray) -> np.ndarray:
    return image.max(axis=-1, keepdims=True)


@given(st.integers(1, 20), st.integers(1, 5), st.floats(-90, 110), st.integers(0, 2**32 - 1))
@example(width=7, height=5, stops=1.986328125, seed=12043)  # a largest value that takes the next exponent
def test_error_is_at_most_half_a_step_and_not_biased(width, height, stops, seed):
    want = np.exp2(np.random.default_rng(seed).uniform(-8, 8, (height, width, 3)) + stops).astype(np.float32)
    got = decode_hdr(encode_hdr(want)).color
    # Where 255.5 steps are rounded to 256, those are 128 of the next exponent: half of such a step is 1/255.5 of them.
    carried = np.frexp(largest(want))[0] * 256 >= 255.5
    assert (np.abs(got - want) <= largest(want) / np.where(carried, 255.499, 255.9)).all()


def test_not_darker_on_average():
    """OpenCV alone truncates: 0.26 % of light lost."""
    want = light(100, 100)
    assert abs(((read_back(want) - want) / largest(want)).mean()) < 2e-4


def read_back(image: np.ndarray) -> np.ndarray:
    return decode_hdr(encode_hdr(image)).color


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, 255.9, 255.4, 0.998046875, 0.99999, 1e-20, 1e30])
def test_values_at_the_edges_of_an_exponent(value):
    got = read_back(np.full((2, 9, 3), value, np.float32))
    np.testing.assert_allclose(got, value, rtol=1 / 256)


def test_black_negative_and_huge_become_what_the_format_has():
    image = np.array([[[0, 0, 0], [-1, 2, -3], [3e38, 1, 0], [1e-38, 0, 0]]], np.float32)
    got = read_back(image)
    np.testing.assert_array_equal(got[0, 0], 0)
    np.testing.assert_array_equal(got[0, 1], [0, 2, 0])
    assert got[0, 2, 0] > 1e38 and np.isfinite(got).all()
    assert got[0, 3, 0] < 1e-30


def test_an_independent_decoder_reads_it(tmp_path):
    ic = pytest.importorskip("imagecodecs")
    path = write(tmp_path / "x.hdr", light())
    got = ic.rgbe_decode(path.read_bytes())
    assert (np.abs(got - light()) <= largest(light()) / 255.9).all()
    np.testing.assert_array_equal(read(path), got)


@pytest.mark.parametrize(
    "old, new, message",
    [
        (b"32-bit_rle_rgbe", b"32-bit_rle_xyze", "XYZE"),
        (b"-Y 24 +X 40", b"+Y 24 +X 40", "order"),
    ],
)
def test_variants_that_would_be_read_wrongly_are_refused(tmp_path, old, new, message):
    path = write(tmp_path / "x.hdr", light())
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(ReadError, match=message):
        read(path)
