"""Simulated pairs of raw and JPEG are what a camera could have made."""

import numpy as np

from hdrrecon.train.data.raw_pairs import random_matrix, simulate_pair
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
