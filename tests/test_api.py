"""Any image in, the same kind out."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import hdrrecon
from hdrrecon.api import Reconstructor
from hdrrecon.camera.response import ResponseCurve, pick_response
from tests.pipeline.test_pipeline import random_pipeline


@pytest.fixture(scope="module")
def rebuild():
    return Reconstructor(random_pipeline(), device="cpu")


def test_the_same_photo_in_every_dress_gives_the_same_light(rebuild, small_photo):
    want = rebuild(small_photo)
    tensor = torch.from_numpy(small_photo.transpose(2, 0, 1).copy())
    for image in (
        small_photo.astype(np.float64) / 255,
        small_photo.astype(np.uint16) * 257,
        Image.fromarray(small_photo),
    ):
        got = rebuild(image)
        assert isinstance(got, np.ndarray) and got.dtype == np.float32 and got.shape == small_photo.shape
        np.testing.assert_allclose(got, want, rtol=1e-4)
    for image in (tensor, tensor.float() / 255):
        got = rebuild(image)
        assert isinstance(got, torch.Tensor) and got.dtype == torch.float32 and got.shape == tensor.shape
        np.testing.assert_allclose(got.numpy().transpose(1, 2, 0), want, rtol=1e-4)
    batch = rebuild(torch.stack([tensor, tensor.flip(-1)]))
    assert batch.shape == (2, *tensor.shape)
    np.testing.assert_allclose(batch[0].numpy().transpose(1, 2, 0), want, rtol=1e-4)


def test_depth_is_the_dtype_never_the_largest_value(rebuild):
    """A dark 16-bit photo whose values all fit in a byte is dark, not 8-bit: black with a little light filled in, not
    code 200."""
    dark = np.full((8, 8, 3), 200, np.uint16)
    assert rebuild(dark, response="srgb").max() < 0.005


def test_grey_stays_grey_and_alpha_is_untouched(rebuild, small_photo):
    assert rebuild(small_photo[..., 0]).shape == small_photo.shape[:2]
    assert rebuild(small_photo[..., :1]).shape == (*small_photo.shape[:2], 1)
    alpha = np.random.default_rng(0).integers(0, 256, small_photo.shape[:2], dtype=np.uint8)
    out = rebuild(np.dstack([small_photo, alpha]))
    np.testing.assert_array_equal(out[..., 3], alpha / np.float32(255))
    np.testing.assert_array_equal(out[..., :3], rebuild(small_photo))


def test_details(rebuild, small_photo):
    out = rebuild(small_photo, details=True)
    assert out.radiance.shape == out.linear.shape == out.masks["over"].shape == small_photo.shape
    assert out.confidence.shape == out.masks["under"].shape == small_photo.shape[:2]
    assert set(out.response.facts["families"]) == {"camera", "srgb", "dorf"}
    batch = rebuild(torch.from_numpy(small_photo.transpose(2, 0, 1).copy())[None].repeat(2, 1, 1, 1), details=True)
    assert batch.confidence.shape == (2, *small_photo.shape[:2]) and len(batch.response) == 2


def test_details_are_of_the_photo_as_it_was(rebuild, small_photo):
    """They are made when they are asked for; what happens to the array meanwhile must not matter."""
    given = small_photo.copy()
    out, want = rebuild(given, details=True), rebuild(small_photo, details=True)
    given[:] = 0
    np.testing.assert_array_equal(out.linear, want.linear)
    np.testing.assert_array_equal(out.confidence, want.confidence)
    assert out.linear is out.linear and set(out.masks) == {"over", "under"}


def test_memory_is_a_number_or_a_text(rebuild, small_photo):
    want = rebuild(small_photo)
    for memory in ("2GB", 10**9, "800 MiB"):
        np.testing.assert_array_equal(rebuild(small_photo, memory=memory), want)
    with pytest.raises(ValueError, match="least"):
        rebuild(small_photo, memory="1MB")
    with pytest.raises(ValueError, match="2GB"):
        rebuild(small_photo, memory="plenty")


def test_precision_is_checked_at_once():
    with pytest.raises(ValueError, match="float16"):
        Reconstructor(random_pipeline(), device="cpu", precision="float16")


def test_a_user_who_knows_the_camera_is_believed(rebuild, small_photo):
    curve = ResponseCurve.gamma(2.0)
    np.testing.assert_allclose(
        rebuild(small_photo, response=curve, details=True).linear, (small_photo / 255.0) ** 2, atol=1e-5
    )
    assert pick_response("camera").name == "camera" and pick_response("estimate") is None


def test_exif_of_a_file_weighs_in_unless_told_otherwise(rebuild, small_photo, tmp_path):
    path, exif = tmp_path / "photo.png", Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS R6"
    Image.fromarray(small_photo).save(path, exif=exif)
    told, plain = rebuild(path, details=True), rebuild(path, details=True, exif=False)
    assert told.response.facts["prior"]["camera"] == 0.9 and "prior" not in plain.response.facts
    assert not np.array_equal(told.linear, plain.linear)
    np.testing.assert_array_equal(plain.radiance, rebuild(small_photo))
    np.testing.assert_array_equal(rebuild(Image.open(path)), told.radiance)
    assert rebuild(path, response="srgb", details=True).response.facts == {}


def test_dequantisation_is_an_option_for_8_bits(rebuild, small_photo):
    plain = rebuild(small_photo, details=True)
    np.testing.assert_array_equal(rebuild(small_photo, dequantize=False), plain.radiance)
    smooth = rebuild(small_photo, details=True, dequantize=True)
    assert not np.array_equal(smooth.linear, plain.linear)
    np.testing.assert_array_equal(smooth.masks["over"], plain.masks["over"])
    np.testing.assert_array_equal(rebuild(small_photo / np.float32(255), dequantize=True), smooth.radiance)
    deep = small_photo.astype(np.uint16) * 257  # on the 8-bit grid by chance or not: its depth is its dtype's
    np.testing.assert_array_equal(rebuild(deep, dequantize=True), rebuild(deep))


def test_same_input_same_bytes(rebuild, small_photo):
    assert rebuild(small_photo).tobytes() == rebuild(small_photo).tobytes()


def test_calls_from_threads(rebuild, small_photo):
    from concurrent.futures import ThreadPoolExecutor

    images = [np.roll(small_photo, 9 * i, 1) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for got, image in zip(pool.map(rebuild, images), images):
            np.testing.assert_array_equal(got, rebuild(image))


@pytest.mark.parametrize(
    "image, error, words",
    [
        (np.zeros((4, 4, 2), np.uint8), ValueError, "shape"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, "shape"),
        (np.zeros((4, 4, 3), np.int32), TypeError, "int32"),
        (np.full((4, 4, 3), np.nan, np.float32), ValueError, "NaN"),
        (np.full((4, 4, 3), np.inf, np.float32), ValueError, "infinity"),
        (np.full((4, 4, 3), 12.0, np.float32), ValueError, r"\[0, 1\]"),
        (np.full((4, 4, 3), -0.5, np.float32), ValueError, r"\[0, 1\]"),
        (torch.zeros(5, 4, 3), ValueError, "channels last"),
        (torch.full((3, 4, 4), float("nan")), ValueError, "NaN"),
        (42, TypeError, "int"),
        (Image.new("CMYK", (4, 4)), ValueError, "CMYK"),
    ],
)
def test_bad_images_are_refused_with_a_reason(rebuild, image, error, words):
    with pytest.raises(error, match=words):
        rebuild(image)


def test_an_unknown_response_is_refused(rebuild, small_photo):
    with pytest.raises(ValueError, match="camera"):
        rebuild(small_photo, response="kodak")


def test_import_is_quick_and_changes_nothing():
    """No torch before something is computed."""
    script = (
        "import sys, hdrrecon; dir(hdrrecon); hdrrecon.options; bad = {'torch', 'cv2', 'kornia', 'OpenEXR', "
        "'numpy'} & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_raw_file_is_linearised_by_the_curve_it_was_written_with(rebuild, small_photo, tmp_path, monkeypatch):
    """Raw light is linear: no response is guessed, unless the caller says otherwise."""
    from dataclasses import replace

    from hdrrecon import io

    path = tmp_path / "photo.png"
    Image.fromarray(small_photo).save(path)
    plain = io.read_coded(path)
    monkeypatch.setattr(io, "read_coded", lambda _: replace(plain, response="srgb"))
    assert rebuild(path, details=True).response.name == "srgb"
    assert rebuild(path, response="camera", details=True).response.name == "camera"


def test_rooms_are_there_after_the_import():
    script = (
        "import hdrrecon as h; h.view.tonemap, h.metrics.score, h.io.read, h.camera.simulate, h.color, h.zoo, h.video"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="cellar"):
        hdrrecon.cellar


def test_a_reconstructor_tells_the_response_it_would_invert(rebuild, small_photo):
    told = rebuild.estimate_response(small_photo)
    np.testing.assert_array_equal(told.inverse, rebuild(small_photo, details=True).response.inverse)
    assert 0 <= told.facts["confidence"] <= 1
