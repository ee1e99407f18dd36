"""The size that an AV1 stream declares, as a real encoder writes it, and damage that gives none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.io.av1_header import coded_size
from tests.io.files import encode, picture


def stream(width: int, height: int) -> bytes:
    """The AV1 stream of an AVIF: all that its `mdat` box holds."""
    avif = encode(picture(height, width), "AVIF")
    return avif[avif.index(b"mdat") + 4 :]


@pytest.mark.parametrize("size", [(16, 16), (40, 24), (65, 33), (300, 200)])
def test_what_an_encoder_declares(size):
    assert coded_size(stream(*size)) == size


def test_a_reduced_header_by_hand():
    """5.5.1: profile 0, still, reduced; level 0; 4 and 3 bits of size; 10 - 1 wide and 6 - 1 high."""
    bits = "000" + "1" + "1" + "00000" + f"{4 - 1:04b}" + f"{3 - 1:04b}" + f"{10 - 1:04b}" + f"{6 - 1:03b}"
    body = int(bits.ljust(32, "0"), 2).to_bytes(4, "big")
    temporal_delimiter = bytes([2 << 3 | 2, 0])
    assert coded_size(temporal_delimiter + bytes([1 << 3 | 2, 4]) + body) == (10, 6)
    assert coded_size(bytes([1 << 3]) + body) == (10, 6), "without a length, the rest is the header"


@given(st.integers(0, 12))
def test_a_header_that_does_not_end_has_no_size(kept):
    whole = bytes([1 << 3]) + bytes([0b00011000, 0b00111111, 0b11000000, 0, 0, 0, 0])
    assert coded_size(whole) is not None
    assert coded_size(whole[: min(kept, 6)]) is None


@given(st.binary(max_size=64))
def test_any_bytes_give_a_size_or_none(data):
    size = coded_size(data)
    assert size is None or min(size) >= 1
