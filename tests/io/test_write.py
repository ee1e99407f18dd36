"""Writing: the same light comes back from every format, and a bad call writes nothing."""

from __future__ import annotations

import numpy as np
import pytest

import hdrrecon
from hdrrecon.io import WRITABLE, read, read_photo, write
from tests.io.files import jpeg, light

EXACT = sorted(WRITABLE - {".jpg", ".jpeg", ".png", ".avif", ".heic", ".jxl"})  # the others have tests of their own
EXTRAS = {".avif": "imagecodecs", ".jxl": "imagecodecs", ".heic": "pillow_heif"}


def fitting(extension: str) -> dict:
    """What `write` needs besides; skips without the extra."""
    if extension in EXTRAS:
        pytest.importorskip(EXTRAS[extension])
    return {"base": "photo.jpg"} if extension in (".jpg", ".jpeg") else {}


@pytest.mark.parametrize("name", ["x.exr", "x.tif", "x.TIFF", "x.npy"])
def test_float_formats_keep_every_bit_and_the_sign(tmp_path, name):
    image = light() * np.float32([1, -1, 1])
    path = hdrrecon.write(tmp_path / name, image, **({"dtype": "float"} if name == "x.exr" else {}))
    np.testing.assert_array_equal(read(path), image)
    assert read_photo(path).linear


@pytest.mark.parametrize("name", ["x.exr", "x.tif", "x.npy"])
def test_alpha_is_carried_either_way(tmp_path, name):
    alpha = (light()[..., 0] % 1).astype(np.float16).astype(np.float32)
    image = light().astype(np.float16).astype(np.float32)
    write(tmp_path / name, image, alpha=alpha)
    first = read(tmp_path / name)
    np.testing.assert_array_equal(first, np.dstack([image, alpha]))
    write(tmp_path / name, first)
    np.testing.assert_array_equal(read(tmp_path / name), first)


def test_npy_is_plain_float32(tmp_path):
    loaded = np.load(write(tmp_path / "x.npy", light().astype(np.float64)))
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, light())


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1)])
@pytest.mark.parametrize("extension", EXACT)
def test_grey_is_repeated(tmp_path, shape, extension):
    got = read(write(tmp_path / f"x{extension}", np.full(shape, 0.5)))
    np.testing.assert_array_equal(got, np.full((5, 7, 3), 0.5, np.float32))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
@pytest.mark.parametrize("extension", sorted(WRITABLE))
def test_odd_sizes(tmp_path, monkeypatch, size, extension):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(jpeg(np.full((*size, 3), 255, np.uint8)))
    assert read(write(tmp_path / f"x{extension}", np.ones((*size, 3)), **fitting(extension))).shape == (*size, 3)


def test_hdr_leaves_alpha_out_with_a_warning(tmp_path):
    with pytest.warns(UserWarning, match="alpha"):
        write(tmp_path / "x.hdr", np.ones((2, 3, 4)))
    assert read(tmp_path / "x.hdr").shape == (2, 3, 3)


@pytest.mark.parametrize("extension", sorted(WRITABLE))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_nan_and_infinity_are_refused_before_anything_is_written(tmp_path, extension, value):
    image = np.ones((4, 5, 3))
    image[2, 1, 0] = value
    path = tmp_path / f"x{extension}"
    path.write_bytes(b"the old file")
    with pytest.raises(ValueError, match=f"x{extension}: 1 of 60 image values are NaN or infinite"):
        write(path, image, **fitting(extension))
    assert path.read_bytes() == b"the old file" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "call, error, message",
    [
        ({"path": "x.gif"}, ValueError, r"'\.gif'.*\.exr, .*\.hdr, .*\.npy, \.png, \.tif, \.tiff"),
        ({"path": "x.jpg"}, ValueError, "base=.*png"),
        ({"path": "x.exr", "base": "photo.jpg"}, ValueError, "holds no base, only .jpg"),
        ({"path": "x.hdr", "white_nits": 100}, ValueError, "white_nits, only .exr, .png"),
        ({"path": "x.exr", "peak_nits": 100}, ValueError, "peak_nits, only .png"),
        ({"path": "x.png", "white_nits": 0}, ValueError, "0 < white_nits"),
        ({"path": "x.png", "peak_nits": 20000}, ValueError, "10000"),
        ({"path": "x.jpg", "base": "p.jpg", "gain_channels": 2}, ValueError, "1 or 3"),
        ({"path": "x.jpg", "base": "p.jpg", "headroom_stops": 0}, ValueError, "above 0"),
        ({"path": "x.jpg", "base": "no/such/photo.jpg"}, FileNotFoundError, "no/such/photo"),
        ({"path": "noextension"}, ValueError, "unknown extension ''"),
        ({"image": np.zeros((4, 5, 3), np.uint8)}, TypeError, "uint8.*srgb_to_linear"),
        ({"image": np.zeros((4, 5, 2))}, ValueError, r"\(4, 5, 2\)"),
        ({"image": np.zeros((1, 3, 4, 5))}, ValueError, r"\(1, 3, 4, 5\)"),
        ({"image": np.zeros((0, 5, 3))}, ValueError, r"\(0, 5, 3\)"),
        ({"alpha": np.ones((5, 4))}, ValueError, r"alpha of shape \(5, 4\)"),
        ({"image": np.ones((4, 5, 4)), "alpha": np.ones((4, 5))}, ValueError, "alpha is given twice"),
        ({"confidence": np.full((4, 5), np.nan)}, ValueError, "confidence"),
        ({"alpha": np.full((4, 5), np.nan)}, ValueError, "alpha values are NaN"),
        ({"path": "x.hdr", "confidence": np.ones((4, 5))}, ValueError, "confidence.*exr"),
        ({"path": "x.npy", "attributes": {"a": 1}}, ValueError, "attributes.*exr"),
        ({"path": "x.tif", "envmap": "latlong"}, ValueError, "envmap.*exr"),
    ],
)
def test_bad_calls_say_what_was_wanted_and_write_nothing(tmp_path, call, error, message):
    call = {"path": "x.exr", "image": np.ones((4, 5, 3)), **call}
    with pytest.raises(error, match=message):
        write(tmp_path / "new" / call.pop("path"), call.pop("image"), **call)
    assert not list(tmp_path.iterdir())


def test_missing_folders_are_made(tmp_path):
    assert read(write(tmp_path / "a" / "b" / "x.exr", light())).shape == light().shape


def test_the_callers_array_is_left_alone(tmp_path):
    image = light()
    for extension in EXACT:
        write(tmp_path / f"x{extension}", image)
    np.testing.assert_array_equal(image, light())
