"""Unwrapping finds the folds again, the offset included."""

from __future__ import annotations

import numpy as np

from hdrrecon.networks.sensors.unwrap_net import FOLDS
from hdrrecon.sensors import unwrapping
from hdrrecon.sensors.modulo import photograph
from tests.sensors.scenes import room


def log_shares(folds: np.ndarray, sure: float = 0.97) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """What a network that knows the folds (C, H, W) would say."""
    one_hot = np.eye(5)
    right, down = (np.diff(folds, axis=axis).astype(int).clip(-2, 2) + 2 for axis in (2, 1))
    changes = tuple(np.log(np.moveaxis(sure * one_hot[d] + (1 - sure) / 5, -1, 1)) for d in (right, down))
    return changes, np.full((len(folds), FOLDS, *folds.shape[1:]), -np.log(FOLDS))


def test_known_changes_give_the_folds_of_steep_light_and_their_offset():
    """Steps of two wells between neighbours: hopeless for smooth unwrapping, exact for who knows the changes."""
    _, folds = photograph(room(48, peak=1.5))
    folds = folds[0].numpy()
    changes, unary = log_shares(folds)
    anchored = unary.copy()
    for channel, fold in enumerate(folds):
        anchored[channel, :, 5, 5] = np.log(np.eye(FOLDS)[int(fold[5, 5])] * 0.9 + 0.1 / FOLDS)
    weak = np.log(np.full(FOLDS, 0.3 / (FOLDS - 1)))
    weak[0] = np.log(0.7)  # most of the wall was never folded: a weak opinion everywhere
    anchored = np.where(folds[:, None] == 0, weak.reshape(1, -1, 1, 1), anchored)
    assert np.mean(unwrapping.solve_folds(changes, anchored) == folds) > 0.995
