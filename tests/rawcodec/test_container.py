"""The photo stays the photo: picture bytes untouched, further pictures found, streams found again."""

import io

import numpy as np
import pytest
from PIL import Image

from hdrrecon import rawcodec
from hdrrecon.io.jpeg import split_jpeg
from hdrrecon.rawcodec import StreamError
from hdrrecon.rawcodec.container import APP15, SIGNATURE, picture_crc


@pytest.mark.parametrize("size", [0, 1, 40_000, 65_600, 300_000])
def test_a_stream_goes_in_and_out(exposure, size):
    jpeg, data = exposure[1], np.random.default_rng(0).bytes(size)
    photo = rawcodec.embed(jpeg, data)
    assert rawcodec.extract(photo) == data
    assert rawcodec.remove(photo) == jpeg
    assert split_jpeg(photo).scans == split_jpeg(jpeg).scans
    assert picture_crc(photo) == picture_crc(jpeg)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(photo))), np.asarray(Image.open(io.BytesIO(jpeg))))


def test_a_new_stream_replaces_the_old_one(exposure):
    once = rawcodec.embed(exposure[1], b"one" * 50_000)
    assert rawcodec.embed(once, b"two") == rawcodec.embed(exposure[1], b"two")


def test_a_plain_jpeg_has_none(exposure):
    assert rawcodec.extract(exposure[1]) is None
    with pytest.raises(StreamError, match="no raw stream"):
        rawcodec.decode(exposure[1])


def test_a_lost_part_is_noticed(exposure):
    photo = rawcodec.embed(exposure[1], b"x" * 200_000)
    picture = split_jpeg(photo)
    ours = [s for s in picture.segments if s.is_(APP15, SIGNATURE)]
    with pytest.raises(StreamError, match="parts"):
        rawcodec.extract(photo.replace(bytes(ours[1]), b""))


def test_recompression_drops_it(exposure, stream):
    out = io.BytesIO()
    Image.open(io.BytesIO(rawcodec.embed(exposure[1], stream))).save(out, "JPEG")
    assert rawcodec.extract(out.getvalue()) is None


def test_decode_finds_it_inside_or_beside(exposure, stream, tmp_path):
    raw, jpeg = exposure
    (tmp_path / "in.jpg").write_bytes(rawcodec.embed(jpeg, stream))
    (tmp_path / "beside.jpg").write_bytes(jpeg)
    rawcodec.side_file(tmp_path / "beside.jpg").write_bytes(stream)
    expected = rawcodec.decode(jpeg, stream)
    for photo in (tmp_path / "in.jpg", str(tmp_path / "beside.jpg"), (tmp_path / "in.jpg").read_bytes()):
        np.testing.assert_array_equal(rawcodec.decode(photo), expected)


def test_ultra_hdr_and_raw_live_together(exposure, stream, tmp_path):
    """Both orders; Google's decoder still finds the gain map, and ours the stream."""
    codecs = pytest.importorskip("imagecodecs")
    from hdrrecon import io as hdr_io

    raw, jpeg = exposure
    light = np.clip(raw * 3, 0.01, 3).astype(np.float32)
    (tmp_path / "plain.jpg").write_bytes(jpeg)
    (tmp_path / "raw.jpg").write_bytes(rawcodec.embed(jpeg, stream))
    expected = rawcodec.decode(jpeg, stream)
    hdr_io.write(tmp_path / "ultra.jpg", light, base=tmp_path / "plain.jpg")
    first = rawcodec.embed((tmp_path / "ultra.jpg").read_bytes(), stream)
    hdr_io.write(tmp_path / "second.jpg", light, base=tmp_path / "raw.jpg")
    second = (tmp_path / "second.jpg").read_bytes()
    alone = codecs.ultrahdr_decode((tmp_path / "ultra.jpg").read_bytes())
    for photo in (first, second):
        np.testing.assert_array_equal(rawcodec.decode(photo), expected)
        np.testing.assert_array_equal(codecs.ultrahdr_decode(photo), alone)
    assert rawcodec.remove(first) == (tmp_path / "ultra.jpg").read_bytes()
