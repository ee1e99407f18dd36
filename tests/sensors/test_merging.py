"""Regions that are merged by their borders give the folds again, whatever single changes say."""

import numpy as np

from hdrrecon.sensors.merging import merged
from hdrrecon.sensors.modulo import photograph
from tests.sensors.scenes import room
from tests.sensors.test_unwrapping import log_shares


def scene(side: int = 40):
    """True folds (3, H, W), and what a network that knows them would say."""
    _, folds = photograph(room(side, peak=1.5))
    folds = folds[0].numpy()
    return folds, log_shares(folds)[0]


def test_known_changes_give_the_folds_up_to_an_offset():
    folds, (right, down) = scene()
    for channel, fold in enumerate(folds):
        assert np.array_equal(merged(right[channel], down[channel]), fold - fold.min())


def test_a_few_wrong_changes_move_no_region():
    folds, (right, down) = scene()
    wrong = np.log(np.array([0.01, 0.01, 0.01, 0.95, 0.02]))[:, None]
    random = np.random.default_rng(0)
    for table in (right, down):
        flat = table[1].reshape(5, -1)
        flat[:, random.random(flat.shape[1]) < 0.02] = wrong
    out = merged(right[1], down[1])
    assert np.mean(out - np.median(out - folds[1]) == folds[1]) > 0.995


def test_nothing_said_is_an_answer_too():
    nothing = np.full((5, 6, 6), -np.log(5))
    out = merged(nothing[:, :, :-1], nothing[:, :-1])
    assert out.shape == (6, 6) and out.min() == 0


def test_more_folds_than_regions_may_lie_apart_do_not_break_it():
    folds = np.repeat(2 * np.arange(24)[None], 4, 0)[None]
    right, down = log_shares(folds)[0]
    out = merged(right[0], down[0])
    assert out.shape == (4, 24) and out.min() == 0
