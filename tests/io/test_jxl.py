"""JPEG XL: what its header declares, and that libjxl hands out light accordingly. Round trips: see test_heif."""

from __future__ import annotations

import numpy as np
import pytest

from hdrrecon.color import matrix_between, pq_encode
from hdrrecon.io import ReadError, read, read_photo, write
from hdrrecon.io.jxl_header import LINEAR, declared_pq, read_header
from tests.io.files import picture
from tests.io.test_pq import glow

imagecodecs = pytest.importorskip("imagecodecs")


@pytest.mark.parametrize("alpha", [None, 0.25])
@pytest.mark.parametrize("size", [(64, 64), (40, 50), (270, 480), (1, 3), (300, 301)])
def test_libjxl_hands_out_pq_of_rec2020(tmp_path, size, alpha):
    """Whatever of its size the header spells out. White of 203 cd/m2 is 58 % of the signal (ITU-R BT.2408 table 1)."""
    light = np.full((*size, 3), np.float32([1, 0, 0]))
    light[: size[0] // 2 + 1] = 1
    file = write(tmp_path / "x.jxl", light, alpha=None if alpha is None else np.full(size, alpha))
    codes = imagecodecs.jpegxl_decode(file.read_bytes())
    assert codes.shape == (*size, 3 if alpha is None else 4)
    np.testing.assert_allclose(codes[0, 0, :3], 0.58, atol=0.003)
    if size[0] > 1:
        np.testing.assert_allclose(codes[-1, -1, :3], pq_encode(203 * np.array([0.6274, 0.0691, 0.0164])), atol=0.01)
    if alpha is not None:
        np.testing.assert_allclose(codes[..., 3], alpha, atol=1e-3)


def test_colours_between_rec709_and_rec2020_survive(tmp_path):
    green = np.full((16, 16, 3), np.float32([0, 1, 0])) @ matrix_between("rec2020", "rec709").T.astype(np.float32)
    assert green.min() < -0.1
    np.testing.assert_allclose(read(write(tmp_path / "x.jxl", green)), green, atol=0.03)


def test_pq_of_integers_is_read(tmp_path):
    """Floats of 1.0 and codes of 65535 alike are 255 cd/m2 to an encoder that is told nothing."""
    data = imagecodecs.jpegxl_encode(np.full((16, 16, 3), 65535, np.uint16), distance=0.5)
    assert read_header(data).transfer == LINEAR
    (tmp_path / "x.jxl").write_bytes(declared_pq(data, 1000))
    assert imagecodecs.jpegxl_decode(declared_pq(data, 1000)).dtype == np.uint16
    np.testing.assert_allclose(read(tmp_path / "x.jxl", white_nits=100), 2.55, rtol=0.01)


def test_linear_floats_are_read_as_stored(tmp_path):
    """As hdrrecon wrote them until it could declare colours, and as other programs do."""
    (tmp_path / "x.jxl").write_bytes(imagecodecs.jpegxl_encode(glow(), lossless=True))
    np.testing.assert_array_equal(read(tmp_path / "x.jxl"), glow())
    assert read_photo(tmp_path / "x.jxl").linear


def test_other_integers_are_refused(tmp_path):
    (tmp_path / "x.jxl").write_bytes(imagecodecs.jpegxl_encode(picture()))
    with pytest.raises(ReadError, match="x.jxl: a JPEG XL of uint8"):
        read(tmp_path / "x.jxl")
