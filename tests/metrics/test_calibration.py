import numpy as np
import pytest

from hdrrecon.metrics.calibration import calibration, interval_stops

EVERYWHERE = np.ones((200, 200), bool)


def drawn(rng):
    """Errors of Laplace laws of many scales, and the confidence that goes with each."""
    scale = rng.uniform(0.1, 2, EVERYWHERE.shape)
    return rng.laplace(0, scale), 1 - np.exp(-0.25 / scale)


def test_who_knows_its_own_error_is_calibrated():
    kept = calibration(*drawn(np.random.default_rng(0)), EVERYWHERE, 0.25)
    assert kept["inside"] == pytest.approx(0.8, abs=0.01) and kept["right"] == pytest.approx(kept["sure"], abs=0.01)


def test_boasting_and_modesty_are_told_apart():
    stops, confidence = drawn(np.random.default_rng(1))
    boaster, modest = (calibration(stops * times, confidence, EVERYWHERE, 0.25) for times in (3, 1 / 3))
    assert boaster["inside"] < 0.6 and boaster["right"] < boaster["sure"] - 0.1
    assert modest["inside"] > 0.9 and modest["right"] > modest["sure"] + 0.1


def test_extremes():
    np.testing.assert_allclose(interval_stops(np.array([0.0, 0.8, 1.0]), 0.25), [np.inf, 0.25, 0])
    assert np.isnan(list(calibration(np.ones((2, 2)), np.ones((2, 2)), np.zeros((2, 2), bool), 0.25).values())).all()
