"""The photo under a gain map: a JPEG byte for byte, other photos as a new one."""

import io

import numpy as np
import pytest
from PIL import Image

from hdrrecon.color import srgb_to_linear
from hdrrecon.io import write
from hdrrecon.io.ultrahdr_base import check_gain, lay_on, open_base
from tests.io.files import encode, exif_with, jpeg, picture


def test_a_jpeg_stays_as_it_is(tmp_path):
    data = jpeg(picture(), exif=exif_with(6))
    (tmp_path / "x.jpg").write_bytes(data)
    base = open_base(tmp_path / "x.jpg")
    assert base.jpeg == data and base.orientation == 6 and base.size == (40, 24), "upright"
    stored = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_allclose(base.displayed(), srgb_to_linear(np.rot90(stored, -1) / 255), atol=1e-5)


def test_another_photo_becomes_an_upright_jpeg(tmp_path):
    (tmp_path / "x.png").write_bytes(encode(picture(), "PNG", exif=exif_with(6)))
    base = open_base(tmp_path / "x.png")
    made = Image.open(io.BytesIO(base.jpeg))
    assert made.format == "JPEG" and made.size == (24, 40) and base.orientation == 1
    assert made.getexif().get(0x0112) == 1, "the turn is not done twice"
    assert np.abs(np.asarray(made).astype(int) - np.rot90(picture(), -1)).mean() < 2


def test_light_is_no_photo_and_sizes_must_agree(tmp_path):
    write(tmp_path / "x.exr", np.ones((4, 5, 3), np.float32))
    with pytest.raises(ValueError, match="linear light; wanted the photo"):
        open_base(tmp_path / "x.exr")
    (tmp_path / "x.jpg").write_bytes(jpeg(picture()))
    with pytest.raises(ValueError, match="the light has 24 x 40 pixels, the base .* 40 x 24"):
        lay_on(tmp_path / "x.jpg", np.ones((40, 24, 3), np.float32))


@pytest.mark.parametrize("channels, stops", [(2, None), (0, None), (3, 0.0), (1, -1.0), (3, 16.5), (3, float("nan"))])
def test_useless_options(channels, stops):
    with pytest.raises(ValueError, match="gain_channels|headroom_stops"):
        check_gain(channels, stops)
    check_gain(1, 16.0), check_gain(3, None)
