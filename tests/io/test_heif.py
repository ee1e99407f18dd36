"""AVIF, HEIC and JPEG XL, each behind its extra: HDR out and in, photos in, and a sentence without the extra."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hdrrecon.color import luminance, matrix_between
from hdrrecon.io import ReadError, read, read_photo, write
from tests.io.files import SRGB_PARA, exif_with, icc, para, picture
from tests.io.test_pq import glow

EXTRAS = {".avif": ("imagecodecs", "hdrfiles"), ".heic": ("pillow_heif", "phone"), ".jxl": ("imagecodecs", "hdrfiles")}


@pytest.mark.parametrize("extension", [".avif", ".heic", ".jxl"])
def test_round_trip(tmp_path, extension):
    """They are lossy: luminance within 6 % everywhere and 1.5 % on average, colours a little more."""
    pytest.importorskip(EXTRAS[extension][0])
    path = write(tmp_path / f"x{extension}", glow())
    got = read(path)
    assert got.dtype == np.float32 and read_photo(path).linear
    off = np.abs(luminance(got) - luminance(glow())) / (luminance(glow()) + 0.02)
    assert off.max() < 0.06 and off.mean() < 0.015
    np.testing.assert_allclose(got, glow(), rtol=0.1, atol=0.06)


@pytest.mark.parametrize("extension", [".avif", ".heic", ".jxl"])
def test_alpha(tmp_path, extension):
    pytest.importorskip(EXTRAS[extension][0])
    alpha = np.linspace(0, 1, 2000, dtype=np.float32).reshape(40, 50)
    got = read(write(tmp_path / f"x{extension}", glow(), alpha=alpha))
    np.testing.assert_allclose(got[..., 3], alpha, atol=0.02)


@pytest.mark.parametrize("extension", [".avif", ".heic"])
def test_the_tags_are_in_the_bytes(tmp_path, extension):
    """nclx: Rec.2020 (9), PQ (16), Rec.2020 matrix (9), full range."""
    pytest.importorskip(EXTRAS[extension][0])
    data = write(tmp_path / f"x{extension}", glow()).read_bytes()
    assert b"colrnclx\x00\x09\x00\x10\x00\x09\x80" in data


@pytest.mark.parametrize("extension", [".avif", ".heic", ".jxl"])
def test_white_and_peak(tmp_path, extension):
    pytest.importorskip(EXTRAS[extension][0])
    got = read(
        write(tmp_path / f"x{extension}", np.full((16, 16, 3), 30.0), white_nits=100, peak_nits=600), white_nits=100
    )
    assert 5.5 < got.mean() < 6.1


def photo_bytes(extension: str, pixels: np.ndarray, **options) -> bytes:
    if extension == ".heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, extension[1:].upper().replace("HEIC", "HEIF"), quality=95, **options)
    return file.getvalue()


@pytest.mark.parametrize("extension", [".avif", ".heic"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_photos_are_read_upright_in_their_colours(tmp_path, extension, orientation):
    data = photo_bytes(extension, picture(48, 80), icc_profile=icc(para(*SRGB_PARA)), exif=exif_with(orientation))
    (tmp_path / "x").write_bytes(data)
    got = read(tmp_path / "x")
    want = picture(48, 80) if orientation == 1 else np.rot90(picture(48, 80), -1)
    assert got.dtype == np.uint8 and got.shape == want.shape
    assert np.abs(got.astype(int) - want).mean() < 6
    photo = read_photo(tmp_path / "x")
    assert not photo.linear and photo.icc_name == "test profile" and photo.response is None
    np.testing.assert_allclose(photo.to_rec709, matrix_between("p3", "rec709"), atol=2e-3)


def test_deep_avif_is_scaled_by_its_depth(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    codes = np.tile(np.linspace(0, 1023, 64).astype(np.uint16)[:, None, None], (1, 64, 3))
    data = imagecodecs.avif_encode(codes, 100, bitspersample=10, pixelformat="444", primaries=12, transfer=13, matrix=0)
    (tmp_path / "x.avif").write_bytes(data)
    got = read(tmp_path / "x.avif")
    assert got.dtype == np.uint16 and got.max() == 65535
    np.testing.assert_allclose(got / 65535, codes / 1023, atol=1e-4)
    np.testing.assert_allclose(read_photo(tmp_path / "x.avif").to_rec709, matrix_between("p3", "rec709"))


def test_hlg_of_another_encoder_is_the_light_of_its_display(tmp_path):
    """75 % of HLG is 203 cd/m2 on a display of 1000 (ITU-R BT.2408 table 1)."""
    imagecodecs = pytest.importorskip("imagecodecs")
    deep = np.full((16, 16, 3), round(0.75 * 1023), np.uint16)
    (tmp_path / "x.avif").write_bytes(
        imagecodecs.avif_encode(deep, bitspersample=10, primaries=9, transfer=18, matrix=9)
    )
    got = read(tmp_path / "x.avif")
    assert got.dtype == np.float32 and read_photo(tmp_path / "x.avif").linear
    np.testing.assert_allclose(got, 1, rtol=0.02)


@pytest.mark.parametrize("extension", [".avif", ".heic", ".jxl"])
def test_cut_and_damaged_files_are_a_read_error_or_a_picture(tmp_path, extension):
    pytest.importorskip(EXTRAS[extension][0])
    path = write(tmp_path / f"x{extension}", glow())
    data, rng = path.read_bytes(), np.random.default_rng(1)
    for cut in (13, 40, len(data) // 2):
        path.write_bytes(data[:cut])
        with pytest.raises(ReadError, match=path.name):
            read(path)
    for _ in range(25):
        damaged = bytearray(data)
        for place in rng.integers(12, min(400, len(data)), 2):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            assert read(path).ndim == 3
        except ReadError as error:
            assert path.name in str(error)
