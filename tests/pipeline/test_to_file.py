"""From file to file: the same light as through memory, in every format."""

import warnings

import numpy as np
import pytest
from PIL import Image

import hdrrecon
from hdrrecon.api import Reconstructor
from hdrrecon.io.exr_extras import read_extras
from hdrrecon.pipeline.inputs import ingest
from tests.pipeline.test_pipeline import random_pipeline


@pytest.fixture(scope="module")
def rebuild():
    return Reconstructor(random_pipeline(), device="cpu")


@pytest.fixture
def photo(small_photo, tmp_path):
    alpha = np.random.default_rng(0).integers(0, 256, small_photo.shape[:2], dtype=np.uint8)
    Image.fromarray(np.dstack([small_photo, alpha])).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize("name", ["x.exr", "x.tif", "x.npy", "x.hdr", "x.png"])
def test_the_light_of_the_file_is_the_light(rebuild, photo, tmp_path, name, recwarn):
    light = rebuild(photo)
    made = rebuild.to_file(photo, tmp_path / name)
    if name == "x.exr":
        np.testing.assert_array_equal(hdrrecon.read(made), light.astype(np.float16).astype(np.float32))
    else:
        assert made.read_bytes() == hdrrecon.write(tmp_path / f"whole{made.suffix}", light).read_bytes()


def test_bands_do_not_show_in_the_file(rebuild, photo, tmp_path, monkeypatch):
    whole = rebuild.to_file(photo, tmp_path / "whole.exr", dtype="float", confidence=True).read_bytes()
    monkeypatch.setattr("hdrrecon.pipeline.bands.BAND_PX", 128 * 11)
    assert rebuild.to_file(photo, tmp_path / "bands.exr", dtype="float", confidence=True).read_bytes() == whole


def test_an_exr_says_what_is_known(rebuild, photo, tmp_path):
    details = rebuild(photo, details=True)
    extras = read_extras(rebuild.to_file(photo, tmp_path / "x.exr", confidence=True, attributes={"capturedBy": "me"}))
    np.testing.assert_allclose(extras.confidence, details.confidence, atol=1e-3)
    np.testing.assert_allclose(
        extras.response.linearize(np.linspace(0, 1, 9)), details.response.linearize(np.linspace(0, 1, 9)), atol=1e-3
    )


def test_profiles_and_16_bits(rebuild, small_photo, tmp_path):
    import cv2

    deep = small_photo.astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), deep[..., ::-1])
    np.testing.assert_array_equal(np.load(rebuild.to_file(tmp_path / "deep.png", tmp_path / "deep.npy")), rebuild(deep))
    from tests.io.files import icc, para

    Image.fromarray(small_photo).save(tmp_path / "p3.png", icc_profile=icc(para(1.9)))
    got = np.load(rebuild.to_file(tmp_path / "p3.png", tmp_path / "p3.npy"))
    np.testing.assert_array_equal(got, rebuild(tmp_path / "p3.png"))
    assert not np.allclose(got, rebuild(small_photo))


def test_a_photo_decoded_ahead(rebuild, photo, tmp_path):
    ahead = rebuild.to_file(ingest(photo), tmp_path / "ahead.npy").read_bytes()
    assert ahead == rebuild.to_file(photo, tmp_path / "x.npy").read_bytes()


def test_a_phone_s_photo_keeps_its_base(rebuild, small_photo, tmp_path):
    Image.fromarray(small_photo).save(tmp_path / "photo.jpg")
    made = rebuild.to_file(tmp_path / "photo.jpg", tmp_path / "hdr.jpg")
    np.testing.assert_array_equal(np.asarray(Image.open(made)), np.asarray(Image.open(tmp_path / "photo.jpg")))


def test_a_strip_beside(rebuild, photo, tmp_path):
    rebuild.to_file(photo, tmp_path / "x.exr", preview=tmp_path / "x.png")
    assert Image.open(tmp_path / "x.png").width > 3 * 128


def test_a_panorama_is_marked_as_one(rebuild, tmp_path):
    import OpenEXR

    def header(name: str, **options) -> dict:
        result = rebuild.to_file(tmp_path / name, tmp_path / "pano.exr", response="srgb", **options)
        with OpenEXR.File(str(result)) as file:
            return dict(file.header())

    plain = Image.new("RGB", (512, 256), (255, 255, 255))
    plain.save(tmp_path / "pano.png")
    assert "envmap" not in header("pano.png"), "edges that are plain are no evidence"
    assert header("pano.png", panorama=True)["envmap"] == OpenEXR.ENVMAP_LATLONG

    def declared(**fields) -> bytes:
        text = " ".join(f'GPano:{name}="{value}"' for name, value in fields.items())
        return f'<x:xmpmeta><rdf:Description GPano:ProjectionType="equirectangular" {text}/></x:xmpmeta>'.encode()

    whole = {
        "FullPanoWidthPixels": 512,
        "FullPanoHeightPixels": 256,
        "CroppedAreaImageWidthPixels": 512,
        "CroppedAreaImageHeightPixels": 256,
    }
    plain.save(tmp_path / "pano.jpg", xmp=declared(**whole, PoseHeadingDegrees=90.5))
    with pytest.warns(UserWarning, match="taken for a panorama.*its file says so"):
        found = header("pano.jpg")
    assert found["envmap"] == OpenEXR.ENVMAP_LATLONG and found["poseHeadingDegrees"] == 90.5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "envmap" not in header("pano.jpg", panorama=False)
    plain.save(
        tmp_path / "part.jpg", xmp=declared(**{**whole, "FullPanoWidthPixels": 1024, "FullPanoHeightPixels": 512})
    )
    with pytest.warns(UserWarning, match="a part of a panorama"):
        assert "envmap" not in header("part.jpg")


@pytest.mark.parametrize(
    "options, words",
    [({"memory": "1MB"}, "least"), ({"highlights": "most"}, "'energy'"), ({"peak_nits": 100}, "peak_nits")],
)
def test_wrong_wishes_are_refused_and_leave_nothing(rebuild, photo, tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        rebuild.to_file(photo, tmp_path / "x.exr", **options)
    assert not list(tmp_path.glob("*.exr")) and not list(tmp_path.glob(".hdrrecon*"))


def test_a_result_that_fails_leaves_no_strip_behind(rebuild, photo, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr("hdrrecon.pipeline.to_file.row_writer", fails)
    with pytest.raises(OSError, match="no space"):
        rebuild.to_file(photo, tmp_path / "x.exr", preview=tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
    (tmp_path / "x.png").write_bytes(b"of a run before")
    with pytest.raises(OSError, match="no space"):
        rebuild.to_file(photo, tmp_path / "x.exr", preview=tmp_path / "x.png")
    assert (tmp_path / "x.png").exists()
