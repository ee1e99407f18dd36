"""AVIF and HEIC boxes: only those count that belong to the primary picture."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hdrrecon.io import read
from hdrrecon.io.boxes import primary_item
from tests.io.files import encode, with_avif_properties
from tests.io.test_facts import exif_of_camera, smooth


def test_exif_of_avif_turns_where_no_box_does(tmp_path):
    data = encode(smooth(), "AVIF", exif=exif_of_camera(6), subsampling="4:4:4")
    item = primary_item(data)
    assert item.turn == 6 and item.exif and item.size == (64, 40) and item.bits == 8
    (tmp_path / "x.avif").write_bytes(data)
    assert read(tmp_path / "x.avif").shape == (64, 40, 3)  # turned once, not twice
    exif = Image.Exif()
    exif[0x0128] = 6  # Pillow makes a box of tag 0x0112, so another one stands in its place until it is written
    unit, turned = (struct.pack(">HHIH", tag, 3, 1, 6) for tag in (0x0128, 0x0112))
    data = encode(smooth(), "AVIF", exif=exif.tobytes(), subsampling="4:4:4").replace(unit, turned)
    assert primary_item(data).turn is None and turned in data
    (tmp_path / "x.avif").write_bytes(data)
    assert read(tmp_path / "x.avif").shape == (64, 40, 3)


def test_boxes_of_another_picture_do_not_count():
    """The first colr and av1C of a file may belong to a thumbnail."""
    ic = pytest.importorskip("imagecodecs")
    data = ic.avif_encode(smooth(top=1023), bitspersample=10, pixelformat="444")
    stray = struct.pack(">I4s", 19, b"colr") + b"nclx" + struct.pack(">HHHB", 9, 16, 9, 128)
    assert primary_item(data).bits == 10
    assert primary_item(data + stray).nclx == primary_item(data).nclx


def test_the_coded_size_is_the_streams_own():
    item = primary_item(encode(smooth(), "AVIF"))
    assert item.coded_size == item.size == (64, 40)
    declared = with_avif_properties(encode(smooth(), "AVIF"), (b"irot", b"\1"))
    assert primary_item(declared).turn == 8 and primary_item(declared).size == (64, 40), "as stored"


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_give_facts_or_none(tail):
    """Damage never raises: the decoder says what is wrong."""
    primary_item(tail)
    assert primary_item(struct.pack(">I4s", 8 + len(tail), b"free") + tail) is None
    primary_item(struct.pack(">I4s", 8 + len(tail), b"meta") + tail)
