"""What the words of shared options mean."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.cli.options import response_of, sun_of


def test_sun_of():
    assert sun_of(None) == "auto" and sun_of("off") == "off" and sun_of("35,-120") == (35, -120)


@given(st.lists(st.floats(-90, 90), min_size=1, max_size=3))
def test_numbers_with_commas_come_back(numbers):
    assert sun_of(",".join(map(repr, numbers))) == tuple(numbers)


def test_what_is_no_sun_is_told_with_an_example():
    with pytest.raises(ValueError, match="'noon'.*for example 35,-120"):
        sun_of("noon")


def test_a_response_is_a_name_or_a_saved_curve(tmp_path):
    assert response_of("srgb") == "srgb"
    saved = ResponseCurve.gamma(2.0).save(tmp_path / "mine.json")
    assert (response_of(str(saved)).inverse == ResponseCurve.gamma(2.0).inverse).all()
    with pytest.raises(ValueError, match="'sgrb'; choose one of"):
        response_of("sgrb")


def test_only_typer_is_imported():
    code = "import sys, hdrrecon.cli.options; print([m for m in ('numpy', 'torch', 'cv2') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
