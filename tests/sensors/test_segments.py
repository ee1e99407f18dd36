"""Whole segments are moved to where changes and opinions agree; what is right stays."""

import numpy as np

from hdrrecon.sensors.modulo import photograph
from hdrrecon.sensors.segments import move_segments
from tests.sensors.scenes import room
from tests.sensors.test_unwrapping import log_shares


def scene():
    """True folds (3, H, W), and what a network that knows them would say."""
    _, folds = photograph(room(32, peak=1.5))
    folds = folds[0].numpy()
    return folds, *log_shares(folds)


def test_what_is_right_stays():
    folds, changes, unary = scene()
    assert np.array_equal(move_segments(folds, changes, unary), folds)


def test_a_region_that_is_one_fold_off_comes_back():
    folds, changes, unary = scene()
    wrong = folds.copy()
    wrong[:, 8:20, 8:20] += 1
    out = move_segments(wrong, changes, unary)
    # Changes alone leave the offset open, so shapes are compared.
    assert np.mean(out - np.median(out - folds, axis=(1, 2), keepdims=True) == folds) > 0.995


def test_folds_stay_within_what_the_sensor_has():
    random = np.random.default_rng(0)
    folds = random.integers(0, 4, (1, 12, 12)).astype(np.float32)
    changes = tuple(np.log(random.dirichlet(np.ones(5), s).transpose(2, 0, 1)[None]) for s in ((12, 11), (11, 12)))
    unary = np.log(random.dirichlet(np.ones(4), (12, 12)).transpose(2, 0, 1)[None])
    out = move_segments(folds, changes, unary)
    assert move_segments(folds + 9, changes, unary).max() == 3
    assert out.shape == folds.shape and out.dtype == folds.dtype and out.min() >= 0 and out.max() <= 3
