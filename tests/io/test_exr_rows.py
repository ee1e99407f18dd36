"""An EXR written a band at a time is, to the byte, the EXR written whole."""

import numpy as np
import OpenEXR
import pytest

from hdrrecon.io import read, write
from hdrrecon.io.exr_rows import LINES
from tests.io.test_rows import by_rows, image


@pytest.mark.parametrize("compression", sorted(LINES))
@pytest.mark.parametrize("dtype", ["half", "float"])
def test_every_compression_of_exr(tmp_path, compression, dtype, monkeypatch):
    monkeypatch.setattr("hdrrecon.io.exr_rows._PIECE_PX", 70 * 40)  # several pieces
    light, alpha, sure = image(700), image(700)[..., 0], image(700)[..., 1] / 100
    options = {
        "compression": compression,
        "dtype": dtype,
        "white_nits": 100.0,
        "envmap": "latlong",
        "attributes": {"software": "me", "list": [1.0, 2.0]},
    }
    whole = write(tmp_path / "whole.exr", light, alpha=alpha, confidence=sure, **options)
    rows = by_rows(tmp_path / "rows.exr", light, 33, alpha, sure, **options)
    assert rows.read_bytes() == whole.read_bytes()
    with OpenEXR.File(str(rows), separate_channels=True) as file:
        assert set(file.channels()) == {"R", "G", "B", "A", "confidence"}
    np.testing.assert_array_equal(read(rows), read(whole))
