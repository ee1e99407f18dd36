"""What an EXR of ours holds beside its light comes back; nonsense of others is passed over."""

from __future__ import annotations

import numpy as np
import OpenEXR
import pytest

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.io import write
from hdrrecon.io.exr_extras import Extras, light_attribute, read_extras, response_attribute
from tests.io.files import encode, light, picture


@pytest.mark.parametrize("white", [float("nan"), float("inf"), -1.0])
def test_a_white_luminance_that_is_none_is_passed_over(tmp_path, white):
    with OpenEXR.File({"whiteLuminance": white}, {"RGB": np.ones((4, 5, 3), np.float32)}) as file:
        file.write(str(tmp_path / "x.exr"))
    assert read_extras(tmp_path / "x.exr").white_nits is None


def test_everything_comes_back(tmp_path):
    curve = ResponseCurve.from_inverse(np.linspace(0, 1, 256) ** 2.2, "power")
    estimate = {"sun_illuminance": 3.5, "sun": [0.0, 1.0, 0.0]}
    sure = np.linspace(0, 1, 24 * 40, dtype=np.float32).reshape(24, 40)
    attributes = {**response_attribute(curve), **light_attribute(estimate)}
    path = write(tmp_path / "x.exr", light(), confidence=sure, white_nits=203.0, dtype="float", attributes=attributes)
    extras = read_extras(path)
    np.testing.assert_allclose(extras.confidence, sure, atol=1e-3)
    assert extras.white_nits == 203.0 and extras.light == estimate and extras.response.name == "power"
    np.testing.assert_allclose(extras.response.inverse, curve.inverse, atol=2e-5)


@pytest.mark.parametrize("text", ["", "no json", "[1]", "{}", '{"name": "x", "inverse": "y"}'])
def test_attributes_of_others_are_passed_over(tmp_path, text):
    path = write(tmp_path / "x.exr", light(), attributes={"hdrreconResponse": text, "hdrreconLight": text})
    extras = read_extras(path)
    assert extras.response is None and extras.light is None


def test_other_kinds_hold_nothing(tmp_path):
    (tmp_path / "x.exr").write_bytes(encode(picture(), "PNG"))  # by its bytes, not its name
    assert read_extras(tmp_path / "x.exr") == Extras()
