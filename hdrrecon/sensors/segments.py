"""Moves of whole segments: what a pixel-wise solution of folds gets wrong, it gets wrong for regions at a time.

Pixels whose folds differ as a network is sure they do form segments. Each segment is moved by some folds up or down if
that agrees better with the changes at its borders and with the opinions on its folds: iterated conditional modes on a
region graph (Besag 1986; region merging for unwrapping as in Carballo & Fieguth 2002).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

SURE = 0.7  # probability of a change that ties two pixels together
REACH = 2  # folds up or down, in one go
OWN_WEIGHT = 0.05  # of a pixel's opinion on its folds: neighbours share theirs
LEAST_LOG = -6.0  # log-probability of what was called impossible: one pixel must not decide
_SWEEPS = 6


def move_segments(folds: np.ndarray, changes: tuple[np.ndarray, np.ndarray], unary: np.ndarray) -> np.ndarray:
    """Better folds (C, H, W); arguments as `unwrapping.solve_folds`, `folds` its answer."""
    channels = zip(folds, changes[0], changes[1], unary)
    return np.stack([_moved(now, right, down, own) for now, right, down, own in channels])


def _moved(folds: np.ndarray, right: np.ndarray, down: np.ndarray, unary: np.ndarray) -> np.ndarray:
    """One channel: folds (H, W), log-probabilities (5, H, W - 1), (5, H - 1, W) and (K, H, W)."""
    height, width = folds.shape
    index, flat = np.arange(height * width).reshape(height, width), folds.ravel().astype(int)
    here = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    there = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    table = np.concatenate([right.reshape(len(right), -1), down.reshape(len(down), -1)], 1)
    change = flat[there] - flat[here]
    tied = _likely(table, change) > np.log(SURE)
    graph = coo_matrix((np.ones(tied.sum()), (here[tied], there[tied])), shape=(index.size, index.size))
    count, segment = connected_components(graph, directed=False)
    moves = np.arange(-REACH, REACH + 1)
    own = np.stack([np.bincount(segment, _opinion(unary, flat + move), count) for move in moves])
    border = segment[here] != segment[there]
    a, b, change, table = segment[here][border], segment[there][border], change[border], table[:, border]
    now, random = np.zeros(count, int), np.random.default_rng(0)
    for _ in range(_SWEEPS):
        score = own.copy()
        for i, move in enumerate(moves):
            score[i] += np.bincount(a, _likely(table, change + now[b] - move), count)
            score[i] += np.bincount(b, _likely(table, change + move - now[a]), count)
        # Neighbours that move together gain nothing, so half of them wait.
        now = np.where(random.random(count) < 0.5, moves[score.argmax(0)], now)
    return (flat + now[segment]).reshape(height, width).clip(0, len(unary) - 1).astype(folds.dtype)


def _likely(table: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Log-probability (n,) of changes (n,) in tables (2 h + 1, n)."""
    half = len(table) // 2
    inside = change.clip(-half, half)
    return np.maximum(table[inside + half, np.arange(len(change))], LEAST_LOG) - np.abs(change - inside)


def _opinion(unary: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Weighted log-probability (n,) of folds (n,) of all pixels."""
    inside = folds.clip(0, len(unary) - 1)
    own = np.maximum(unary.reshape(len(unary), -1)[inside, np.arange(len(folds))], LEAST_LOG)
    return OWN_WEIGHT * own - 1e3 * (inside != folds)
