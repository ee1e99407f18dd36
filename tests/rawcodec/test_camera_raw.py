"""Camera raw files are read as the sensor saw them, and developed as a camera would."""

import io

import numpy as np
import pytest
from PIL import Image

from hdrrecon.color import linear_to_srgb
from hdrrecon.io.photo import ReadError
from hdrrecon.rawcodec.camera_raw import CameraRaw, develop, read_camera_raw
from hdrrecon.rawcodec.description import Description

FACTS = Description(0, 65535, (2.0, 1.0, 1.6), np.eye(3), 6)


def grey(level):
    """Light that is neutral once it is balanced."""
    return CameraRaw(np.full((16, 24, 3), level / np.array(FACTS.gains), np.float32), FACTS)


def pixels(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def test_a_grey_card_is_grey_by_the_srgb_curve_and_keeps_its_orientation():
    jpeg = develop(grey(0.25), quality=98)
    assert pixels(jpeg).astype(float) == pytest.approx(255 * linear_to_srgb(0.25), abs=2)
    assert Image.open(io.BytesIO(jpeg)).getexif()[0x0112] == 6


def test_a_stop_of_exposure_is_twice_the_light_and_white_is_where_the_first_channel_clips():
    assert pixels(develop(grey(0.2), 1.0)) == pytest.approx(pixels(develop(grey(0.4))), abs=1)
    assert (pixels(develop(grey(1.0))) == 255).all() and pixels(develop(grey(0.9))).max() < 250


def test_what_is_no_camera_raw_is_refused_by_name(tmp_path):
    pytest.importorskip("rawpy")
    (tmp_path / "text.dng").write_text("no picture at all")
    with pytest.raises(ReadError, match="text.dng"):
        read_camera_raw(tmp_path / "text.dng")


def test_a_dng_of_ours_is_read_as_it_was_written(tmp_path):
    pytest.importorskip("rawpy")
    pytest.importorskip("tifffile")
    from hdrrecon.rawcodec.dng import encode_dng

    raw = np.random.default_rng(0).random((40, 56, 3)).astype(np.float32)
    (tmp_path / "a.dng").write_bytes(encode_dng(raw, FACTS))
    found = read_camera_raw(tmp_path / "a.dng")
    np.testing.assert_allclose(found.light, raw, atol=3e-5)
    assert found.description.gains == pytest.approx(FACTS.gains, rel=1e-4) and found.description.orientation == 6
