"""What the chunks of a PNG say about colour and turn, and which of them goes before which."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from hdrrecon.color import matrix_between, srgb_to_linear
from hdrrecon.io import ReadError, read, read_photo
from hdrrecon.io.orientation import upright
from hdrrecon.io.png import decode_png, inflated
from tests.io.files import deep_picture, encode, exif_with, picture, with_png_chunk
from tests.io.test_facts import P3, smooth


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("gamma, light", [(1.0, 128 / 255), (1 / 2.2, (128 / 255) ** 2.2)])
def test_png_gamma(tmp_path, gamma, light, deep):
    import cv2

    pixels = np.full((4, 4, 3), 128, np.uint8)
    png = cv2.imencode(".png", pixels.astype(np.uint16) * 257)[1].tobytes() if deep else encode(pixels, "PNG")
    path = tmp_path / "x.png"
    path.write_bytes(with_png_chunk(png, b"gAMA", struct.pack(">I", round(gamma * 100_000))))
    assert srgb_to_linear(read_photo(path).pixels).mean() == pytest.approx(light, rel=2e-3)
    # Below iCCP, cICP and sRGB it does not count.
    for above in ((b"sRGB", b"\0"), (b"cICP", bytes([1, 13, 0, 1])), (b"iCCP", b"p\0\0" + zlib.compress(P3))):
        path.write_bytes(with_png_chunk(path.read_bytes(), *above))
        assert read_photo(path).pixels.mean() == pytest.approx(128 / 255, abs=2e-3), above[0]
        path.write_bytes(with_png_chunk(png, b"gAMA", struct.pack(">I", round(gamma * 100_000))))


def test_png_primaries(tmp_path):
    p3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
    body = struct.pack(">8I", *(round(100_000 * v) for v in p3))
    (tmp_path / "x.png").write_bytes(with_png_chunk(encode(picture(), "PNG"), b"cHRM", body))
    np.testing.assert_allclose(read_photo(tmp_path / "x.png").to_rec709, matrix_between("p3", "rec709"), atol=2e-3)
    nonsense = with_png_chunk(encode(picture(), "PNG"), b"cHRM", bytes(32))
    (tmp_path / "x.png").write_bytes(nonsense)
    with pytest.warns(UserWarning, match="sRGB is assumed"):
        np.testing.assert_array_equal(read_photo(tmp_path / "x.png").to_rec709, np.eye(3))


@pytest.mark.parametrize("where", ["tEXt", "zTXt", "XMP"])
def test_png_turned_by_other_chunks(tmp_path, where):
    if where == "XMP":
        chunk = b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b'<x:xmpmeta tiff:Orientation="6"/>'
    else:
        block = exif_with(6)
        text = b"\nexif\n%8d\n%s\n" % (len(block), block.hex().encode())
        keyword = b"Raw profile type exif\0"
        chunk = where.encode(), keyword + (text if where == "tEXt" else b"\0" + zlib.compress(text))
    (tmp_path / "x.png").write_bytes(with_png_chunk(encode(smooth(), "PNG"), *chunk))
    np.testing.assert_array_equal(read(tmp_path / "x.png"), upright(smooth(), 6))


def test_png_with_a_flipped_byte_is_refused(tmp_path):
    data = bytearray(encode(picture(), "PNG"))
    data[len(data) // 2] ^= 0x40
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(ReadError, match="checksum"):
        read(tmp_path / "x.png")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_are_kept(channels):
    import cv2

    stored = deep_picture(channels=channels)
    order = [2, 1, 0, 3][:channels] if channels > 1 else None
    png = cv2.imencode(".png", stored if order is None else stored[..., order])[1].tobytes()
    decoded = decode_png(png, 203.0)
    np.testing.assert_array_equal(decoded.color, stored.reshape(*stored.shape[:2], -1)[..., :3])
    assert (decoded.alpha is None) if channels < 4 else np.array_equal(decoded.alpha, stored[..., 3])


def test_unpacking_stops_at_the_limit():
    packed = zlib.compress(bytes(1000))
    assert inflated(packed, 1000) == bytes(1000)
    with pytest.raises(ValueError, match="more than 999 bytes"):
        inflated(packed, 999)
    with pytest.raises(zlib.error):
        inflated(b"no zlib", 1000)
