"""The example runs, and writes a picture of what was seen, recovered and true."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sensors.py"


@pytest.mark.parametrize("camera", ["bracket", "modulo"])
def test_the_example_shows_a_camera(camera, tmp_path, capsys):
    from PIL import Image

    runpy.run_path(str(EXAMPLE))["main"]([camera, "-o", str(tmp_path / "shown.png")])
    assert "stops off" in capsys.readouterr().out
    shown = np.asarray(Image.open(tmp_path / "shown.png"))
    panels = 4 if camera == "modulo" else 3  # where folds are wrong, too
    assert shown.shape == (224, panels * 224, 3) and shown.std() > 5
