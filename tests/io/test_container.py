"""Which kind of file it is, and whether all of it is there, before anything is decoded."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.io import ReadError
from hdrrecon.io.container import check_bmp, check_jpeg, check_webp, kind_of, png_chunks
from tests.io.files import encode, jpeg, picture, with_png_chunk


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "AVIF"])
def test_kinds_by_their_first_bytes(kind):
    assert kind_of(encode(picture(), kind)[:32]) == kind.lower()


@pytest.mark.parametrize("data, says", [(b"", "empty"), (b"GIF89a", "a GIF"), (b"hello", "not an image.*b'hello'")])
def test_other_kinds_are_named(data, says):
    with pytest.raises(ReadError, match=says):
        kind_of(data)


def test_the_frame_of_a_jpeg():
    frame = check_jpeg(jpeg(picture()))
    assert (frame.width, frame.height, frame.scans) == (40, 24, 1)
    assert check_jpeg(jpeg(picture(), progressive=True)).scans > 1


WHOLE = {
    "JPEG": (jpeg(picture()), check_jpeg),
    "PNG": (encode(picture(), "PNG"), png_chunks),
    "WEBP": (encode(picture(), "WEBP"), check_webp),
    "BMP": (encode(picture(), "BMP"), check_bmp),
}


@pytest.mark.parametrize("kind", sorted(WHOLE))
@given(missing=st.floats(0.1, 0.95))
def test_a_cut_file_is_refused_wherever_it_is_cut(kind, missing):
    data, check = WHOLE[kind]
    check(data)
    with pytest.raises(ReadError, match="truncated|damaged"):
        check(data[: 2 + int((len(data) - 2) * (1 - missing))])


def test_chunks_that_are_no_picture_are_left_out_of_it():
    plain = encode(picture(), "PNG")
    more = with_png_chunk(with_png_chunk(plain, b"gAMA", struct.pack(">I", 45455)), b"tEXt", b"Author\0me")
    chunks = png_chunks(more)
    assert chunks[b"gAMA"] == struct.pack(">I", 45455) and chunks.texts == [(b"tEXt", b"Author\0me")]
    assert chunks.only_picture() == plain
