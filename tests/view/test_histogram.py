"""Shares of pixels by brightness, and where the picture draws them."""

import numpy as np
import pytest

from hdrrecon.view import histogram
from hdrrecon.view.falsecolor import colors_of
from hdrrecon.view.histogram import stop_shares


def test_shares_are_those_of_the_pixels():
    light = np.full((10, 10, 3), 0.5, np.float32)
    light[:3], light[9, 9] = 8, 2.0**20
    edges, shares = stop_shares(light)
    found = {float(edge): float(share) for edge, share in zip(edges, shares) if share}
    assert found == pytest.approx({-1.0: 0.69, 3.0: 0.3, 9.75: 0.01}) and np.ptp(np.diff(edges)) < 1e-9


def test_agrees_with_numpy_on_any_light():
    light = np.exp(np.random.default_rng(0).normal(0, 2, (40, 50, 3)))
    edges, shares = stop_shares(light)
    expected, _ = np.histogram(np.log2(light @ [0.2126, 0.7152, 0.0722]), edges)
    assert np.abs(shares * 2000 - expected).max() <= 1 and shares.sum() == pytest.approx(1)


def test_what_has_no_stops_is_left_out():
    light = np.ones((2, 5, 3))
    light[0, :4] = [[0, 0, 0], [np.nan, 1, 1], [np.inf, 1, 1], [-1, -1, -1]]
    assert stop_shares(light)[1].sum() == pytest.approx(0.6)
    assert histogram(np.zeros((4, 4, 3))).shape == histogram(light).shape


def test_bars_are_drawn_where_their_stops_are_and_as_high_as_their_shares():
    light = np.full((100, 100, 3), 2.0**-3.9)
    light[:1, :10] = 2.0**3.1  # a thousandth, and warm
    picture = histogram(light)

    def bar(stop):
        return np.argwhere((picture == colors_of(np.array(stop))).all(axis=2))

    many, few = bar(-3.875), bar(3.125)
    assert few[:, 1].mean() - many[:, 1].mean() == pytest.approx(7 * 4 * 8, abs=2)
    assert len(few) / len(many) == pytest.approx(2 / 5, abs=0.02), "a thousandth is two of five decades high"


def test_only_light(small_photo):
    with pytest.raises(ValueError, match="linear light"):
        histogram(small_photo)
