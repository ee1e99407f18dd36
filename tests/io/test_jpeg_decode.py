"""Pixels of a JPEG: libjpeg's own, or an error where it would guess."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from hdrrecon.io import ReadError, read
from hdrrecon.io.jpeg_decode import decode_jpeg, decode_map
from tests.io.files import deep_picture, exif_with, jpeg, picture


def test_truncated_jpeg_is_refused_even_when_pillow_was_told_to_accept_it(tmp_path, monkeypatch):
    """Other libraries in the same process switch this global on."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = jpeg(picture())
    for name, content in (("cut.jpg", data[:-200]), ("zeros.jpg", data[:-200] + bytes(200))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ReadError, match=f"{name}.*truncated"):
            read(tmp_path / name)


def test_12_bit_jpeg_is_refused_by_its_depth(tmp_path):
    ic = pytest.importorskip("imagecodecs")
    (tmp_path / "x.jpg").write_bytes(ic.jpeg_encode(deep_picture() >> 4, bitspersample=12))
    with pytest.raises(ReadError, match="12-bit JPEG"):
        read(tmp_path / "x.jpg")


@pytest.mark.parametrize("options", [{}, {"subsampling": 2}, {"progressive": True}, {"quality": 30}])
def test_the_same_pixels_as_pillow(options):
    import io

    data = jpeg(picture(), exif=exif_with(6), **options)
    decoded = decode_jpeg(data)
    np.testing.assert_array_equal(decoded.color, np.asarray(Image.open(io.BytesIO(data))))
    assert decoded.orientation == 6 and decoded.alpha is None and not decoded.notes, "the turn is still to be done"


def test_maps_are_grey_or_colour():
    assert decode_map(jpeg(picture()[..., 0])).shape == (24, 40)
    assert decode_map(jpeg(picture())).shape == (24, 40, 3)


@given(kept=st.floats(0, 0.9))
def test_a_scan_that_ends_early_is_never_a_picture_in_silence(kept):
    """Its end marker is there, so that only libjpeg notices; it would fill the rest with grey."""
    data = jpeg(picture(64, 64))
    start = data.index(b"\xff\xda") + 14
    cut = data[: start + int((len(data) - start) * kept)].rstrip(b"\xff")
    with pytest.raises(ReadError, match="libjpeg had to guess"):
        decode_jpeg(cut + b"\xff\xd9")
