"""Camera raw in: linear, clipping exact, colours through the camera's matrix; with a DNG made here."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hdrrecon.color import XYZ_TO_REC709, srgb_to_linear
from hdrrecon.io import ReadError, read, read_photo
from hdrrecon.io.raw import camera_to_rec709
from tests.io.files import encode, picture

WHITE, BLACK, NEUTRAL = 16383, 512, (0.5, 1.0, 0.625)
MIXED = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.05, 0.25, 0.7]])  # camera from Rec.709; rows add up to 1


def dng(path: Path, camera: np.ndarray, *, saturation: int = WHITE, orientation: int = 1, matrix=None) -> Path:
    """A Bayer DNG of (H, W, 3) balanced camera light, 1 = clipped. `matrix`: camera from Rec.709, identity."""
    tifffile = pytest.importorskip("tifffile")
    mosaic = np.empty(camera.shape[:2])
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = camera[row::2, column::2, channel] * NEUTRAL[channel]
    codes = np.clip(np.rint(BLACK + mosaic * (saturation - BLACK)), 0, saturation).astype(np.uint16)
    matrix = np.eye(3) if matrix is None else matrix
    camera_from_xyz = np.array(NEUTRAL)[:, None] * (matrix @ XYZ_TO_REC709)

    def ratio(values):
        return [n for v in np.ravel(values) for n in (round(float(v) * 10_000), 10_000)]

    tags = [
        (50706, 1, 4, (1, 4, 0, 0)),
        (50707, 1, 4, (1, 1, 0, 0)),
        (33421, 3, 2, (2, 2)),
        (33422, 1, 4, (0, 1, 1, 2)),
        (50708, 2, None, "hdrrecon test"),
        (50721, 10, 9, ratio(camera_from_xyz)),
        (50728, 5, 3, ratio(NEUTRAL)),
        (50717, 3, 1, WHITE),
        (50714, 3, 1, BLACK),
        (50778, 3, 1, 21),
        (274, 3, 1, orientation),
    ]
    tifffile.imwrite(path, codes, photometric=32803, extratags=[(*tag, True) for tag in tags], metadata=None)
    return path


def camera_scene(peak: float = 5.0) -> np.ndarray:
    scene = np.tile(np.array([0.3, 0.5, 0.2]), (64, 96, 1))
    scene[16:40, 32:64] = peak
    scene[48:] = 0.02
    return scene


@pytest.fixture(autouse=True)
def _rawpy():
    pytest.importorskip("rawpy")


def test_light_is_linear_and_clipping_exact(tmp_path):
    light = read(dng(tmp_path / "x.dng", camera_scene()))
    assert light.dtype == np.float32 and light.shape == (64, 96, 3)
    np.testing.assert_allclose(light[4, 4], [0.3, 0.5, 0.2], rtol=2e-3)
    np.testing.assert_allclose(light[60, 50], 0.02, rtol=1e-2)
    np.testing.assert_allclose(light[28, 48], 1, atol=1e-6)


def test_the_pipeline_gets_codes_of_a_known_curve(tmp_path):
    photo = read_photo(dng(tmp_path / "x.dng", camera_scene()))
    assert photo.response == "srgb" and not photo.linear and photo.bits == 16
    np.testing.assert_allclose(srgb_to_linear(photo.pixels[4, 4]), [0.3, 0.5, 0.2], rtol=2e-3)
    assert photo.pixels.max() == 1 and photo.pixels.min() >= 0 and photo.pixels.dtype == np.float32


def test_only_what_clipped_is_restored(tmp_path):
    """The whole way: what the sensor measured comes out as it was, whatever the camera's colours are."""
    import hdrrecon
    from hdrrecon.cli.describe import describe
    from tests.conftest import needs_weights

    needs_weights()
    path = dng(tmp_path / "x.dng", camera_scene() @ MIXED.T, matrix=MIXED)
    result, light = hdrrecon.reconstruct(path, details=True), read(path)
    measured = result.masks["over"].max(axis=-1) == 0
    np.testing.assert_allclose(result.radiance[measured], light[measured], atol=1e-5)
    assert (~measured).mean() == pytest.approx(24 * 32 / (64 * 96), abs=0.05)
    assert (result.radiance[24:32, 44:52] >= light[24:32, 44:52] - 1e-5).all()
    lines = " ".join(describe(path))
    assert "of the raw camera, converted to Rec.709" in lines and "raw light is linear" in lines


def test_a_photo_that_is_not_clipped_is_not_stretched(tmp_path):
    rng = np.random.default_rng(0)
    scene = np.minimum(camera_scene(), 0.9) * (1 - 0.05 * rng.random((64, 96, 1)))
    light = read(dng(tmp_path / "x.dng", scene))
    np.testing.assert_allclose(light[4:12, 4:28].mean((0, 1)), 0.975 * np.array([0.3, 0.5, 0.2]), rtol=0.01)
    assert light.max() < 0.93


def test_sensors_that_clip_below_the_declared_white(tmp_path):
    light = read(dng(tmp_path / "x.dng", camera_scene(), saturation=15000))
    np.testing.assert_allclose(light[28, 48], 1, atol=1e-6)
    np.testing.assert_allclose(light[4, 4], [0.3, 0.5, 0.2], rtol=2e-3)


def test_colours_go_through_the_cameras_matrix(tmp_path):
    rec709 = np.tile(np.array([0.5, 0.3, 0.1]), (32, 32, 1))
    light = read(dng(tmp_path / "x.dng", rec709 @ MIXED.T, matrix=MIXED))
    np.testing.assert_allclose(light[16, 16], [0.5, 0.3, 0.1], rtol=0.01)
    photo = read_photo(tmp_path / "x.dng")
    np.testing.assert_allclose(photo.to_rec709, np.linalg.inv(MIXED), atol=5e-3)
    np.testing.assert_allclose(photo.to_rec709.sum(1), 1, atol=1e-3)


def test_either_matrix_of_libraw_or_none_does():
    from_xyz = np.vstack([np.diag([0.5, 1, 0.6]) @ MIXED @ XYZ_TO_REC709, np.zeros(3)])
    none = np.zeros((4, 3)), np.zeros((3, 4))
    np.testing.assert_allclose(camera_to_rec709(from_xyz, none[1]), np.linalg.inv(MIXED), atol=1e-9)
    np.testing.assert_allclose(camera_to_rec709(none[0], np.hstack([MIXED, np.zeros((3, 1))])), MIXED)
    np.testing.assert_array_equal(camera_to_rec709(*none), np.eye(3))


def test_orientation(tmp_path):
    light = read(dng(tmp_path / "x.dng", camera_scene(), orientation=6))
    assert light.shape == (96, 64, 3)
    np.testing.assert_allclose(light[50, 4], 0.02, rtol=1e-2, err_msg="the dark ground has come to the left")


def test_what_is_no_raw_file_says_so(tmp_path):
    (tmp_path / "x.nef").write_bytes(encode(picture(), "TIFF"))
    (tmp_path / "x.raf").write_bytes(b"FUJIFILMCCD-RAW " + bytes(200))
    dng(tmp_path / "x.dng", camera_scene())
    (tmp_path / "cut.dng").write_bytes((tmp_path / "x.dng").read_bytes()[:4000])
    for name in ("x.nef", "x.raf", "cut.dng"):
        with pytest.raises(ReadError, match=name):
            read(tmp_path / name)


def test_without_the_extra(tmp_path, monkeypatch):
    dng(tmp_path / "x.dng", camera_scene())
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(ReadError, match=r'reading camera raw files needs: pip install "rawpy'):
        read(tmp_path / "x.dng")
