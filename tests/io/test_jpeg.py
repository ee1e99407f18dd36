"""JPEG files apart and together: nothing of the picture changes, and every cut is noticed."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, MpoImagePlugin

from hdrrecon.io import ReadError
from hdrrecon.io.jpeg import (
    APP1,
    APP2,
    MPF,
    Segment,
    index_types,
    picture_alone,
    pictures_behind,
    split_jpeg,
    with_picture_behind,
)
from hdrrecon.io.orientation import orientation_of
from tests.io.files import exif_with, icc, jpeg, para, picture


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 2, "restart_marker_blocks": 1}])
def test_apart_and_together_is_the_same_file(options):
    data = jpeg(picture(), exif=exif_with(6), icc_profile=icc(para(2.2)), **options)
    photo = split_jpeg(data)
    assert bytes(photo) == data and photo.end == len(data)
    assert photo.body(APP1, b"Exif\0\0") == exif_with(6)[6:] and photo.body(APP2, MPF) is None


def test_every_cut_is_noticed():
    data = jpeg(picture(8, 8))
    for cut in range(len(data)):
        with pytest.raises(ReadError, match="JPEG"):
            split_jpeg(data[:cut])


def test_fill_bytes_and_noise_behind_the_picture():
    data = jpeg(picture())
    filled = data[:2] + b"\xff\xff" + data[2:]
    assert bytes(split_jpeg(filled)) == data
    film = b"\0\0\0\x18ftypmp42" + b"\xff\xd8\xff\xe0junk" + jpeg(picture(8, 8))
    behind = list(pictures_behind(data + film, len(data)))
    assert [bytes(p) for p in behind] == [jpeg(picture(8, 8))]
    with pytest.raises(ReadError, match="truncated"):
        list(pictures_behind(data + data[:-9], len(data)))


def test_the_index_is_what_an_independent_reader_expects():
    first, second = split_jpeg(jpeg(picture(), exif=exif_with(1))), jpeg(picture(8, 9))
    data = with_picture_behind(first.segments, first.scans, second)
    image = MpoImagePlugin.MpoImageFile(io.BytesIO(data))
    assert image.n_frames == 2 and image.mpinfo[0xB002][1]["Size"] == len(second)
    image.seek(1)
    assert image.size == (9, 8)
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), np.asarray(Image.open(io.BytesIO(second))))
    assert index_types(split_jpeg(data).body(APP2, MPF)) == [0]
    assert index_types(b"") == index_types(b"MM\0*junk") == []


def test_a_segment_has_a_limit():
    assert len(Segment(APP1, bytes(65533))) == len(bytes(Segment(APP1, bytes(65533)))) == 65537
    with pytest.raises(ValueError, match="65533"):
        bytes(Segment(APP1, bytes(65534)))


def test_a_picture_alone_says_nothing_of_its_maker():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8825)[2] = (48.0, 12.0, 30.0)  # where it was taken
    data = jpeg(picture(), exif=exif.tobytes(), icc_profile=icc(para(2.2)), comment=b"at home", xmp=b"<x:xmpmeta/>")
    alone = picture_alone(data, 6)
    assert split_jpeg(alone).scans == split_jpeg(data).scans
    image = Image.open(io.BytesIO(alone))
    assert orientation_of(image.info["exif"]) == 6 and image.info["icc_profile"] == icc(para(2.2))
    assert not dict(image.getexif().get_ifd(0x8825)) and 0x010F not in image.getexif()
    for private in (b"Maker", b"at home", b"xmpmeta"):
        assert private in data and private not in alone
    np.testing.assert_array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(data))))
    assert b"Exif" not in picture_alone(data)


@pytest.mark.parametrize("junk", [b"\xff\xd8\xff", b"\xff", b"\xff\xd8\xff\xe0\0\2", b"\xff\xe0\0\2"])
def test_a_megabyte_of_false_starts_takes_a_moment(junk):
    """Counted, not timed: each start may look through the whole rest, so few are followed."""
    data = jpeg(picture(8, 8))
    behind = data + b"\0" + junk * (1_000_000 // len(junk))
    looked = []
    import hdrrecon.io.jpeg as module

    real = module.split_jpeg
    module.split_jpeg = lambda *where: looked.append(where) or real(*where)
    try:
        assert list(pictures_behind(behind, len(data))) == []
    finally:
        module.split_jpeg = real
    assert len(looked) <= 16
