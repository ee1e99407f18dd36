"""OpenEXR files say what they hold, and hold no infinities."""

from __future__ import annotations

import os
import warnings

import numpy as np
import OpenEXR
import pytest

from hdrrecon.color import matrix_between
from hdrrecon.io import ReadError, read, read_photo, write
from hdrrecon.io.exr import as_half
from tests.io.files import light

RGB = ("R", "G", "B")


def opened(path) -> tuple[dict, dict[str, np.ndarray]]:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return dict(file.header()), {name: channel.pixels.copy() for name, channel in file.channels().items()}


def save(path, header, channels):
    with OpenEXR.File(header, {k: np.ascontiguousarray(v) for k, v in channels.items()}) as file:
        file.write(str(path))
    return path


def test_default_file(tmp_path):
    header, channels = opened(write(tmp_path / "x.exr", light()))
    assert set(channels) == set(RGB) and channels["R"].dtype == np.float16
    np.testing.assert_array_equal(np.stack([channels[c] for c in RGB], -1), light().astype(np.float16))
    rec709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
    np.testing.assert_allclose(header["chromaticities"], rec709, atol=1e-6)
    assert header["whiteLuminance"] == 203 and header["compression"] == OpenEXR.PIZ_COMPRESSION
    assert "envmap" not in header


@pytest.mark.parametrize("compression", ["none", "rle", "zips", "zip", "piz"])
def test_lossless_compressions_keep_floats_bit_for_bit(tmp_path, compression):
    path = write(tmp_path / "x.exr", -light(), dtype="float", compression=compression)
    name = {"none": "NO"}.get(compression, compression.upper())
    assert opened(path)[0]["compression"] == getattr(OpenEXR, f"{name}_COMPRESSION")
    np.testing.assert_array_equal(read(path), -light())


@pytest.mark.parametrize("compression", ["pxr24", "b44", "dwaa", "dwab"])
def test_lossy_compressions_are_what_they_say(tmp_path, compression):
    smooth = np.linspace(0.1, 4, 64 * 64 * 3, dtype=np.float32).reshape(64, 64, 3)
    path = write(tmp_path / "x.exr", smooth, compression=compression)
    assert opened(path)[0]["compression"] == getattr(OpenEXR, f"{compression.upper()}_COMPRESSION")
    np.testing.assert_allclose(read(path), smooth, rtol=0.1)


def test_half_has_no_infinities_and_one_warning(tmp_path):
    image = light()
    image[0, 0], image[1, 1] = 1e6, -70000
    with pytest.warns(UserWarning, match=r"x\.exr: 6 values.*65504") as caught:
        got = read(write(tmp_path / "x.exr", image))
    assert len(caught) == 1
    assert got.max() == 65504 and got.min() == -65504


def test_float_keeps_the_sun(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = write(tmp_path / "x.exr", light() * 1e9, dtype="float")
    np.testing.assert_array_equal(read(path), light() * np.float32(1e9))


def test_all_the_extras(tmp_path):
    alpha, confidence = light()[..., 0] % 1, light()[..., 1] % 1
    path = write(
        tmp_path / "x.exr",
        light(),
        alpha=alpha,
        confidence=confidence,
        dtype="float",
        white_nits=100.0,
        envmap="latlong",
        attributes={"hdrrecon:model": "full", "exposure": 1.5, "n": 3},
    )
    header, channels = opened(path)
    np.testing.assert_array_equal(channels["A"], alpha)
    np.testing.assert_array_equal(channels["confidence"], confidence)
    assert header["envmap"] == OpenEXR.ENVMAP_LATLONG and header["whiteLuminance"] == 100
    assert (header["hdrrecon:model"], header["exposure"], header["n"]) == ("full", 1.5, 3)
    np.testing.assert_array_equal(read(path), np.dstack([light(), alpha]))


def test_views_are_not_scrambled(tmp_path):
    """OpenEXR 3.5 ignores strides: it must be handed contiguous planes."""
    for view in (light()[:, ::-1], light().swapaxes(0, 1), light()[::2, ::3], np.asfortranarray(light())):
        np.testing.assert_array_equal(read(write(tmp_path / "x.exr", view, dtype="float")), view)


def test_other_primaries_become_a_matrix(tmp_path):
    p3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290)
    photo = read_photo(save(tmp_path / "x.exr", {"chromaticities": p3}, {"RGB": light()}))
    assert photo.linear and photo.bits == 32
    np.testing.assert_allclose(photo.to_rec709, matrix_between("p3", "rec709"), atol=1e-5)
    np.testing.assert_array_equal(photo.pixels, light())


def test_aces_white_becomes_rec709_white(tmp_path):
    """ACEScg and ACES 2065-1 (whose blue has a negative y). Published matrix: ACEScg to sRGB, Bradford."""
    white = (0.32168, 0.33767)
    for primaries in ((0.713, 0.293, 0.165, 0.830, 0.128, 0.044), (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077)):
        path = save(tmp_path / "x.exr", {"chromaticities": (*primaries, *white)}, {"RGB": light()})
        matrix = read_photo(path).to_rec709
        np.testing.assert_allclose(matrix @ np.ones(3), 1, atol=1e-6)
        assert matrix[0, 0] > 1.5
        if primaries[0] == 0.713:
            np.testing.assert_allclose(matrix[0], (1.70505, -0.62179, -0.08326), atol=1e-3)


def test_our_own_files_come_back_without_a_matrix(tmp_path):
    np.testing.assert_array_equal(read_photo(write(tmp_path / "x.exr", light())).to_rec709, np.eye(3))


def test_luminance_mixed_types_layers_and_parts(tmp_path):
    r, g, b = np.moveaxis(light(), -1, 0)
    np.testing.assert_array_equal(read(save(tmp_path / "y.exr", {}, {"Y": r})), np.dstack([r, r, r]))
    mixed = read(save(tmp_path / "m.exr", {}, {"R": r, "G": g.astype(np.float16), "B": b}))
    np.testing.assert_array_equal(mixed[..., 1], g.astype(np.float16))
    layer = save(tmp_path / "l.exr", {}, {"beauty.R": r, "beauty.G": g, "beauty.B": b, "Z": r})
    np.testing.assert_array_equal(read(layer), light())
    parts = [OpenEXR.Part({}, {"Z": r.copy()}, "depth"), OpenEXR.Part({}, {"RGB": light()}, "color")]
    OpenEXR.File(parts).write(str(tmp_path / "p.exr"))
    np.testing.assert_array_equal(read(tmp_path / "p.exr"), light())


def test_without_colour_the_channels_are_listed(tmp_path):
    path = save(tmp_path / "x.exr", {}, {"Z": light()[..., 0], "id": light()[..., 1]})
    with pytest.raises(ReadError, match=r"x\.exr.*Z, id"):
        read(path)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"dtype": "double"}, "'half', 'float'"),
        ({"compression": "jpeg"}, "'zip'"),
        ({"envmap": "cube"}, "latlong"),
        ({"white_nits": 0.0}, "white_nits"),
        ({"white_nits": float("nan")}, "white_nits"),
        ({"attributes": {"chromaticities": (1,) * 8}}, "chromaticities"),
        ({"attributes": {"x": object()}}, "attribute"),
        ({"attributes": {"x": None}}, "attribute"),
    ],
)
def test_bad_options_leave_nothing_behind(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "x.exr", light(), **options)
    assert not list(tmp_path.iterdir())


def test_halves_are_rounded_as_numpy_rounds():
    """Every half, every middle between two, and what lies just beside it."""
    halves = np.arange(0x7BFF, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves[1:] + halves[:-1]) / 2
    values = np.stack([middles, -middles, np.nextafter(middles, np.float32(0)), np.nextafter(middles, np.float32(1e5))])
    np.testing.assert_array_equal(as_half(values).view(np.uint16), values.astype(np.float16).view(np.uint16))


def test_names_that_are_no_utf8(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    light = np.random.default_rng(0).random((5, 6, 3)).astype(np.float16).astype(np.float32)
    path = write(folder / os.fsdecode(b"\xff.exr"), light)
    np.testing.assert_array_equal(read(path), light)
    assert [p.name for p in folder.iterdir()] == [path.name]
