"""A photo is upright, however the camera was held and whichever decoder read it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from hdrrecon.io import read, read_photo
from hdrrecon.io.orientation import is_adobe_rgb, orientation_of, upright
from tests.io.files import encode, exif_with, jpeg, picture

EIGHT = range(1, 9)


def stored_for(picture_upright: np.ndarray, orientation: int) -> np.ndarray:
    """What a camera held that way stores, so that reading must give `picture_upright` again."""
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    return np.ascontiguousarray(upright(picture_upright, inverse))


@pytest.mark.parametrize("orientation", EIGHT)
def test_table_agrees_with_pillow(orientation):
    """Oracle: Pillow's own exif_transpose of the same file."""
    file = Image.open(io.BytesIO(encode(picture(), "PNG", exif=exif_with(orientation))))
    np.testing.assert_array_equal(upright(picture(), orientation), ImageOps.exif_transpose(file))


@pytest.mark.parametrize("orientation", EIGHT)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_lossless_files_come_out_upright(tmp_path, kind, orientation):
    want = picture()
    path = tmp_path / f"x.{kind.lower()}"
    options = {"lossless": True} if kind == "WEBP" else {}
    path.write_bytes(encode(stored_for(want, orientation), kind, exif=exif_with(orientation), **options))
    np.testing.assert_array_equal(read(path), want)


@pytest.mark.parametrize("orientation", EIGHT)
def test_jpeg_comes_out_upright(tmp_path, orientation):
    want = picture()
    (tmp_path / "x.jpg").write_bytes(jpeg(stored_for(want, orientation), exif=exif_with(orientation)))
    got = read(tmp_path / "x.jpg")
    assert got.shape == want.shape
    assert np.abs(got.astype(int) - want).mean() < 3


@pytest.mark.parametrize("orientation", EIGHT)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("byteorder", "<>")
def test_every_depth_of_tiff_comes_out_upright(tmp_path, orientation, dtype, byteorder):
    """Pillow and OpenCV obey the TIFF tag unasked: done twice, it would be wrong."""
    tifffile = pytest.importorskip("tifffile")
    want = picture().astype(dtype)
    stored = stored_for(want, orientation)
    tifffile.imwrite(
        tmp_path / "x.tif",
        stored,
        photometric="rgb",
        byteorder=byteorder,
        bigtiff=orientation % 2 == 0,
        extratags=[(274, 3, 1, orientation, True)],
    )
    np.testing.assert_array_equal(read(tmp_path / "x.tif"), want)


def test_alpha_and_16_bits_are_turned_too(tmp_path):
    ic = pytest.importorskip("imagecodecs")
    from tests.io.files import deep_picture, with_png_chunk

    want = deep_picture(channels=4)
    exif = exif_with(6)[6:]  # an eXIf chunk goes without the "Exif" prefix
    (tmp_path / "x.png").write_bytes(with_png_chunk(ic.png_encode(stored_for(want, 6)), b"eXIf", exif))
    np.testing.assert_array_equal(read(tmp_path / "x.png"), want)
    photo = read_photo(tmp_path / "x.png")
    assert (photo.height, photo.width) == want.shape[:2]
    np.testing.assert_allclose(photo.alpha, want[..., 3] / 65535, atol=1e-7)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize(
    "exif",
    [
        None,
        b"",
        b"nonsense",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01",
        exif_with(0),
        exif_with(9),
    ],
)
def test_damaged_or_odd_exif_means_as_stored(exif):
    assert orientation_of(exif) == 1
    assert not is_adobe_rgb(exif)
