"""What `hdrrecon info` says about a photo: its facts, its clipping, and what is not estimated."""

import numpy as np
import pytest
from PIL import Image

from hdrrecon.cli.describe import clipping_lines, describe


def test_shares_of_clipped_and_black_pixels():
    code = np.full((10, 10, 3), 0.5)
    code[:2, :, 0] = 1.0  # red in 20 %
    code[:1, :, 1:] = 1.0  # all three in 10 %
    code[9:, :] = 0.01
    clipped, black = clipping_lines(code)
    assert "R 20.00 %  G 10.00 %  B 10.00 %  any 20.00 %  all three 10.00 %" in clipped and "code 250 of 255" in clipped
    assert "10.00 % of the pixels below code 13" in black


def test_linear_light_has_no_camera_to_invert(tmp_path):
    np.save(tmp_path / "light.npy", np.full((4, 6, 3), 8, np.float32))
    lines = list(describe(tmp_path / "light.npy"))
    assert lines[0].endswith("light.npy") and "6 x 4" in lines[1] and "float per channel" in lines[1]
    assert "brightest 8 (+3.0 stops)" in lines[-1] and "no camera to invert" in lines[-1]


@pytest.mark.parametrize("turned", [1, 6])
def test_the_orientation_that_was_applied_is_told(tmp_path, turned, monkeypatch):
    monkeypatch.setattr("hdrrecon.zoo.list_models", lambda *_: [])
    exif = Image.Exif()
    exif[0x0112] = turned
    Image.new("RGB", (8, 4), (90, 90, 90)).save(tmp_path / "p.jpg", exif=exif)
    lines = list(describe(tmp_path / "p.jpg"))
    assert ("8 x 4" if turned == 1 else "4 x 8") in lines[1] and "8 bits" in lines[1]
    assert f"EXIF orientation {turned}" in lines[3] and ("(applied)" in lines[3]) == (turned != 1)
    assert lines[-1] == "response  not estimated: no weights are installed"
