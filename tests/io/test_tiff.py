"""TIFF against tifffile: what it writes we read, what we write it reads."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.io import ReadError, read, read_photo, write
from hdrrecon.io.tiff import decode_tiff, encode_float_tiff
from tests.io.files import deep_picture, light, picture

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("imagecodecs")


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"compression": "lzw"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zstd"},
        {"tile": (16, 16)},
        {"rowsperstrip": 5},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"byteorder": ">", "bigtiff": True},
        {"planarconfig": "separate"},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_layout_gives_the_stored_numbers(tmp_path, layout, dtype, channels):
    dtype = np.dtype(dtype)
    shift = {"uint8": 8, "float16": 2}.get(dtype.name, 0)  # to stay below their largest values
    want = (deep_picture(channels=4) >> shift).astype(dtype)
    want = want[..., 0] if channels == 1 else want[..., :channels]
    stored = np.moveaxis(want, -1, 0) if "planarconfig" in layout and channels > 1 else want
    options = dict(photometric="rgb" if channels > 1 else "minisblack", **layout)
    if channels == 4:
        options["extrasamples"] = ["unassalpha"]
    if channels == 1:
        options.pop("planarconfig", None)
    tifffile.imwrite(tmp_path / "x.tif", stored, **options)
    got = read(tmp_path / "x.tif")
    assert got.dtype == (np.float32 if dtype.kind == "f" else dtype)
    np.testing.assert_array_equal(got, np.repeat(want[..., None], 3, axis=2) if channels == 1 else want)
    photo = read_photo(tmp_path / "x.tif")
    assert photo.linear == (dtype.kind == "f")
    assert photo.bits == (32 if photo.linear else 8 * dtype.itemsize)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "x.tif", picture()[..., 0].astype(dtype), photometric="miniswhite")
    want = np.iinfo(dtype).max - picture()[..., 0].astype(dtype)
    np.testing.assert_array_equal(read(tmp_path / "x.tif")[..., 0], want)


def test_grey_with_alpha_keeps_its_alpha(tmp_path):
    want = deep_picture(channels=2)
    tifffile.imwrite(
        tmp_path / "x.tif", want, photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"]
    )
    np.testing.assert_array_equal(read(tmp_path / "x.tif")[..., 2:], want)


@pytest.mark.parametrize("dtype", [np.uint32, np.int16, np.int8])
def test_depths_that_mean_no_photo_are_refused_by_name(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "x.tif", picture().astype(dtype), photometric="rgb")
    with pytest.raises(ReadError, match=f"{8 * np.dtype(dtype).itemsize}.*per channel is not supported"):
        read(tmp_path / "x.tif")


def test_a_rare_kind_whose_codec_is_missing_says_what_to_install(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "x.tif", light().astype(np.float16), photometric="rgb")
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)  # as if a codec of it were missing
    with pytest.raises(ReadError, match="some kinds need: pip install"):
        read(tmp_path / "x.tif")


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4]), st.integers(0, 2**32 - 1))
def test_written_floats_are_read_bit_for_bit_by_tifffile_and_us(height, width, channels, seed):
    want = np.random.default_rng(seed).normal(0, 1e5, (height, width, channels)).astype(np.float32)
    data = encode_float_tiff(want)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        np.testing.assert_array_equal(page.asarray().reshape(want.shape), want)
        assert page.photometric.name == "RGB" and len(page.extrasamples) == channels - 3
    decoded = decode_tiff(data)
    np.testing.assert_array_equal(decoded.color, want[..., :3])
    if channels == 4:
        np.testing.assert_array_equal(decoded.alpha, want[..., 3])


def test_opencv_reads_what_we_write(tmp_path):
    cv2 = pytest.importorskip("cv2")
    write(tmp_path / "x.tiff", -light())
    got = cv2.imread(str(tmp_path / "x.tiff"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    np.testing.assert_array_equal(got, -light())
