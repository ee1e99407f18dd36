"""Simulated pairs of raw and JPEG are what a camera could have made."""

import numpy as np

from hdrrecon.color import linear_to_srgb
from hdrrecon.train.data.raw_pairs import random_matrix, s_curve, simulate_pair
from tests.rawcodec.conftest import scene


def test_simulated_pairs():
    rng = np.random.default_rng(0)
    for _ in range(4):
        pair = simulate_pair(scene(64, 96).astype(float), rng)
        assert pair.raw.shape == (64, 96, 3) and pair.raw.min() >= 0 and pair.raw.max() <= 1
        assert pair.jpeg[:2] == b"\xff\xd8"
        matrix = random_matrix(rng)
        np.testing.assert_allclose(matrix.sum(1), 1)
        assert np.linalg.cond(matrix) < 8


def test_pairs_repeat_with_their_seed_and_only_then():
    light = scene(40, 56).astype(float)
    one, again, other = (simulate_pair(light, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert one.jpeg == again.jpeg and np.array_equal(one.raw, again.raw)
    assert one.jpeg != other.jpeg and not np.array_equal(one.raw, other.raw)


def test_an_s_curve_of_no_strength_is_srgb_and_others_keep_the_ends():
    light = np.linspace(0, 1, 200)
    assert np.allclose(s_curve(0.0)(light), linear_to_srgb(light), atol=1e-6)
    bent = s_curve(0.09)(light)
    assert np.allclose(bent[[0, -1]], [0, 1], atol=1e-6) and (np.diff(bent) > 0).all()
