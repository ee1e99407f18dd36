"""Pictures for the report: one file per prediction, in colours that mean stops."""

import base64
import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.evaluation.case import Case
from hdrrecon.evaluation.methods import Prediction
from hdrrecon.evaluation.panels import EXPOSURES_STOPS, TRUTH, error_colours, panel_path, save_panel


def decoded(url):
    data = base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(float)


@given(st.floats(0.1, 100))
def test_too_dark_is_blue_too_bright_red_and_right_is_white(stops):
    low, right, high = error_colours(np.array([-stops, 0.0, stops]))
    assert low[2] > low[0] and high[0] > high[2] and (right == 245).all()
    np.testing.assert_array_equal(error_colours(np.array(4.0 + stops)), error_colours(np.array(4.0)))


def test_names_that_a_file_cannot_have_stay_apart(tmp_path):
    one, other = (panel_path(tmp_path, "c", name, "m") for name in ("a/b", "a:b"))
    assert one != other and one.parent == other.parent == tmp_path
    assert len(panel_path(tmp_path, "c", "x" * 500, "m").name) < 120


def test_a_perfect_prediction_has_the_exposures_of_the_truth_and_a_white_error(tmp_path, small_hdr, small_photo):
    srgb = ResponseCurve.srgb()
    case = Case("a", "c", small_photo, small_hdr, srgb)
    save_panel(tmp_path, case, "mine", Prediction(small_hdr, srgb))
    truth, mine = (json.loads(panel_path(tmp_path, "c", "a", who).read_text()) for who in (TRUTH, "mine"))
    assert len(mine["exposures"]) == len(EXPOSURES_STOPS) and mine["curve"] == truth["curve"]
    for a, b in zip(mine["exposures"], truth["exposures"]):
        assert np.abs(decoded(a) - decoded(b)).mean() < 1
    assert decoded(mine["error"]).min() > 235 and np.abs(decoded(truth["input"]) - small_photo).mean() < 6
    assert truth["curve"][0][0] == 0 and truth["curve"][0][-1] == pytest.approx(1)
    assert not list(tmp_path.glob("*.part"))
