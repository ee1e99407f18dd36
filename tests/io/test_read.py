"""What is in the file is what comes out: every kind, every depth, checked against files that others wrote."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import hdrrecon
from hdrrecon.io import READABLE, ReadError, read, read_photo
from tests.io.files import deep_picture, encode, exif_with, jpeg, light, picture


def save(tmp_path, name: str, data: bytes):
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


@pytest.mark.parametrize(
    "kind, options",
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_8_bit_rgb(tmp_path, kind, options):
    path = save(tmp_path, "x", encode(picture(), kind, **options))
    got = hdrrecon.read(path)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, picture())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_8_bit_equals_pillow(tmp_path, kind):
    path = save(tmp_path, "x.jpg", encode(picture(), kind, quality=80))
    np.testing.assert_array_equal(read(path), np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize(
    "mode, channels",
    [
        ("1", 3),
        ("L", 3),
        ("P", 3),
        ("LA", 4),
        ("RGBA", 4),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_palette_alpha_and_1_bit(tmp_path, kind, mode, channels):
    source = Image.fromarray(np.dstack([picture(), picture()[..., 0]]))
    source = (source if mode in ("LA", "RGBA") else source.convert("RGB")).convert(mode)
    path = save(tmp_path, "x", encode(source, kind))
    got, want = read(path), np.asarray(source.convert("RGBA"))
    assert got.dtype == np.uint8 and got.shape[2] == channels
    np.testing.assert_array_equal(got, want[..., :channels])
    photo = read_photo(path)
    assert photo.bits == 8 and not photo.linear and (photo.alpha is None) == (channels == 3)
    np.testing.assert_allclose(photo.pixels, want[..., :3] / 255, atol=1e-6)


def test_palette_with_a_transparent_entry(tmp_path):
    source = Image.fromarray(picture()).convert("P")
    path = save(tmp_path, "x.png", encode(source, "PNG", transparency=3))
    got = read(path)
    np.testing.assert_array_equal(got[..., 3] == 0, np.asarray(source) == 3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_keeps_every_bit(tmp_path, channels):
    ic = pytest.importorskip("imagecodecs")
    want = deep_picture(channels=channels)
    path = save(tmp_path, "x.png", ic.png_encode(want))
    got = read(path)
    assert got.dtype == np.uint16
    want = want.reshape(24, 40, channels)
    want_rgb = want[..., :3] if channels > 2 else np.repeat(want[..., :1], 3, axis=2)
    np.testing.assert_array_equal(got[..., :3], want_rgb)
    if channels in (2, 4):
        np.testing.assert_array_equal(got[..., 3], want[..., -1])
    photo = read_photo(path)
    assert photo.bits == 16
    np.testing.assert_allclose(photo.pixels, want_rgb / 65535, atol=1e-7)


def test_grey_jpeg_and_exif_are_kept(tmp_path):
    photo = read_photo(save(tmp_path, "x.jpg", jpeg(picture()[..., 0], exif=exif_with(3))))
    assert photo.pixels.shape == (24, 40, 3) and (photo.pixels[..., 0] == photo.pixels[..., 2]).all()
    assert photo.exif.startswith(b"Exif") and photo.icc_name is None
    np.testing.assert_array_equal(photo.to_rec709, np.eye(3))


def test_depth_is_the_files_never_the_largest_value(tmp_path):
    """A dark 16-bit photo with no value above 255 is dark, not an 8-bit photo."""
    np.save(tmp_path / "dark.npy", np.full((4, 5, 3), 200, np.uint16))
    np.save(tmp_path / "dim.npy", np.full((4, 5, 3), 0.5, np.float64))
    dark, dim = read_photo(tmp_path / "dark.npy"), read_photo(tmp_path / "dim.npy")
    assert dark.bits == 16 and dark.pixels.max() == pytest.approx(200 / 65535)
    assert dim.linear and dim.bits == 32 and dim.pixels.max() == 0.5


def test_content_decides_not_the_name(tmp_path):
    np.testing.assert_array_equal(read(save(tmp_path, "x.jpg", encode(picture(), "PNG"))), picture())


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (7, 13)])
def test_odd_sizes(tmp_path, size):
    assert read_photo(save(tmp_path, "x.jpg", jpeg(picture(*size)))).pixels.shape == (*size, 3)


def test_images_above_pillows_limit_are_read_without_touching_it(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    monkeypatch.setattr(
        "hdrrecon.io.pillow._ROWS_PX", 80
    )  # as it is, far below the limit: Pillow 12 checks pieces, too
    for kind in ("PNG", "JPEG", "TIFF", "BMP"):
        assert read(save(tmp_path, "x", encode(picture(), kind))).shape == (24, 40, 3)
    try:
        assert read(save(tmp_path, "x", encode(picture(), "WEBP"))).shape == (24, 40, 3)
    except ReadError as error:  # Pillow 13 refuses
        assert "WEBP is too large for Pillow" in str(error) and "save it as PNG" in str(error)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_pfm_of_both_byte_orders(tmp_path):
    want = light()
    for order, scale in (("<f4", b"-1.0"), (">f4", b"1.0")):
        path = save(tmp_path, "x.pfm", b"PF\n40 24\n" + scale + b"\n" + want[::-1].astype(order).tobytes())
        np.testing.assert_array_equal(read(path), want)
    grey = save(tmp_path, "g.pfm", b"Pf\n40 24\n-1\n" + want[::-1, :, 0].astype("<f4").tobytes())
    np.testing.assert_array_equal(read(grey), np.repeat(want[..., :1], 3, axis=2))


def test_pfm_of_opencv(tmp_path):
    cv2 = pytest.importorskip("cv2")
    path = save(tmp_path, "x.pfm", cv2.imencode(".pfm", light()[..., ::-1].copy())[1].tobytes())
    np.testing.assert_array_equal(read(path), light())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4", np.uint8, ">u2"])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 2), (4, 5, 3), (4, 5, 4)])
def test_npy(tmp_path, dtype, shape):
    want = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    np.save(tmp_path / "x.npy", want)
    got = read(tmp_path / "x.npy")
    assert got.dtype == (np.float32 if want.dtype.kind == "f" else want.dtype.newbyteorder("="))
    assert got.shape == (4, 5, 4 if shape[2:] in ((2,), (4,)) else 3)
    np.testing.assert_array_equal(got[..., 0], want.reshape(4, 5, -1)[..., 0])


def test_readable_lists_what_the_issue_asks_for():
    asked = ".jpg .jpeg .png .tif .tiff .webp .bmp .exr .hdr .pfm .npy"
    assert set(asked.split()) <= READABLE
