"""Light to the signal of a screen: PQ, HLG, the shoulder, light levels."""

import numpy as np
import pytest

from hdrrecon.color import hlg_decode, hlg_encode, matrix_between, pq_decode, pq_encode
from hdrrecon.video.transfer import ToSignal, shoulder_gain


def test_white_is_where_bt2408_puts_it():
    white = np.ones((2, 2, 3), np.float32)
    assert ToSignal("pq")(white) == pytest.approx(0.58, abs=0.002)
    assert ToSignal("hlg")(white) == pytest.approx(0.75, abs=0.002)


def test_pq_by_table_is_pq_to_a_tenth_of_a_code():
    nits = np.geomspace(0.001, 450, 3000, dtype=np.float32)
    light = (nits / 203)[:, None, None] * np.ones(3, np.float32)
    signal = ToSignal("pq", peak_nits=1000)(light)[:, 0, 1]
    assert np.abs(signal - pq_encode(nits)).max() * 876 < 0.1


def test_nothing_passes_the_peak_and_dim_light_is_untouched():
    light = np.geomspace(0.01, 1e4, 500, dtype=np.float32)[:, None, None] * np.ones(3, np.float32)
    signal = ToSignal("pq", 203, 1000)
    assert pq_decode(signal(light).astype(np.float64)).max() <= 1000.5
    assert signal.brightest <= 1000
    assert shoulder_gain(np.array([[1.0, 499.0]], np.float32), 1000).tolist() == [[1, 1]]


def test_levels_are_of_the_strongest_channel_of_rec2020():
    signal = ToSignal("pq")
    light = np.zeros((10, 10, 3), np.float32)
    light[:5] = (1, 0, 0)
    signal(light)
    red = 203 * (matrix_between("rec709", "rec2020") @ (1, 0, 0)).max()
    assert signal.brightest == pytest.approx(red, rel=1e-3) and signal.frame_mean == pytest.approx(red / 2, rel=1e-3)


def test_hlg_has_the_values_of_its_recommendation():
    assert hlg_encode(np.array([0, 1 / 12, 1])) == pytest.approx([0, 0.5, 1], abs=1e-6)
    scene = np.linspace(0, 1, 100)
    assert hlg_decode(hlg_encode(scene)) == pytest.approx(scene, abs=1e-9)
