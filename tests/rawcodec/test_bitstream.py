"""Headers and chunks survive their bytes; what is cut off or changed is noticed."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.rawcodec.bitstream import Chunk, Header, chunk_crc, read_chunk, read_header, write_chunk, write_header
from hdrrecon.rawcodec.errors import StreamError

u32, u8 = st.integers(0, 2**32 - 1), st.integers(0, 255)
grids = st.one_of(
    st.fixed_dictionaries({}),
    st.fixed_dictionaries({"grid_exponent": u8, "grid_bases": st.tuples(*[st.integers(0, 15)] * 7)}),
)
headers = st.builds(
    lambda grid, *rest: Header(*rest[:8], description=rest[8], **grid),
    grids, u32, st.integers(1, 65535), st.integers(1, 65535), u32, u32, u8, u8, u8,
    st.binary(max_size=200),
)  # fmt: skip
HEADER = Header(1, 480, 640, 2, 3, 100, 8, 9, 5, (1, 2, 3, 4, 5, 6, 15), b"facts")


@given(headers, st.binary(max_size=300), st.binary(max_size=20))
def test_a_header_survives_whatever_follows_it(header, base, rest):
    written = write_header(header, base)
    assert read_header(written + rest) == (header, base, len(written))


@given(st.integers(0, 8 * len(write_header(HEADER, b"base")) - 1))
def test_one_flipped_bit_of_a_header_is_noticed(bit):
    written = bytearray(write_header(HEADER, b"base"))
    written[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StreamError):
        read_header(bytes(written))


@given(st.integers(0, len(write_header(HEADER, b"base")) - 1))
def test_a_header_cut_off_anywhere_is_refused(length):
    with pytest.raises(StreamError):
        read_header(write_header(HEADER, b"base")[:length])


@given(st.integers(0, 15), st.integers(0, 15), st.integers(0, 8), st.binary(max_size=300), u32)
def test_a_chunk_survives_and_none_comes_of_a_part_of_it(first, last, lanes, data, crc):
    chunk = Chunk(first, last, 1 << lanes, data, crc)
    written = write_chunk(chunk)
    assert len(chunk) == len(written)
    assert read_chunk(b"before" + written + b"after", 6) == (chunk, 6 + len(written))
    assert read_chunk(written[:-1], 0) is None


def test_the_check_sum_is_crc_32_of_data_and_symbols():
    assert chunk_crc(b"123456789", []) == 0xCBF43926  # the check value of CRC-32 (ISO 3309)
    assert chunk_crc(b"1", [np.frombuffer(b"2345", "<i2"), np.frombuffer(b"6789", "<i2")]) == 0xCBF43926


@pytest.mark.parametrize("place, value", [(4, 2), (5, 8)])
def test_a_newer_version_and_flags_nobody_knows_are_refused(place, value):
    """Such a stream is whole: its check sum is right."""
    written = bytearray(write_header(Header(1, 8, 8, 2, 3, 100, 8, 9), b"base")[:-4])
    written[place] = value
    with pytest.raises(StreamError, match="update hdrrecon"):
        read_header(bytes(written) + struct.pack("<I", zlib.crc32(written)))
