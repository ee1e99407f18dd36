"""Pictures are written whole, read back the same, and only where asked for."""

import numpy as np
import pytest
from PIL import Image

from hdrrecon.view import write_picture


def test_png_round_trip_and_jpeg(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(write_picture(tmp_path / "new" / "x.png", picture))), picture)
    flat = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    assert np.abs(np.asarray(Image.open(write_picture(tmp_path / "x.JPG", flat))).astype(int) - flat).max() <= 3


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="hdrrecon.write"):
        write_picture(tmp_path / "x.exr", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(ValueError, match="float32"):
        write_picture(tmp_path / "x.png", np.zeros((2, 2, 3), np.float32))
    assert not list(tmp_path.iterdir())
