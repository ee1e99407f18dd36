"""Region merging: from likely changes of folds between neighbours to one picture.

Every pixel begins as a region of its own. Two regions meet along a border; the logarithms of the probabilities of all
changes across it are added, for each number of folds that one region may lie above the other. The surest borders are
merged first, many at a time, and what was merged votes as one. So a few wrong changes do not move a region, as they do
on a path, nor bend it, as they do in least squares.

Sources: Boruvka 1926 (each region takes its best border); Keuper et al., "Efficient decomposition of image and mesh
graphs by lifted multicuts", ICCV 2015 (greedy joining of the surest borders); Carballo & Fieguth, "Hierarchical network
flow phase unwrapping", TGRS 2002 (regions, for phases).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_LOG = -9.0  # log-probability of what was called impossible: one pixel must not decide
MOST_APART = 15  # folds between two regions
SURE_FIRST = 8.0  # margins, in log-probability, of pixels that are tied before borders are added up
MARGINS = (4.0, 3.0, 2.0, 1.0, 0.5, 0.2, 0.0)  # a border waits until no surer one is left
_SLOW = 0.9  # rounds of one margin end when more of the regions than this are left


@dataclass
class _Borders:
    """Pairs of regions `a` and `b` (n,), and log-probabilities (n, 2 MOST_APART + 1) of how much `b` lies above `a`."""

    a: np.ndarray
    b: np.ndarray
    evidence: np.ndarray


def merged(right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Folds (H, W) of one channel, up to an offset; integers, the smallest is 0.

    Args:
        right, down: log-probabilities of a change by -h to h folds, (2 h + 1, H, W - 1) and (2 h + 1, H - 1, W).
    """
    half, (height, width) = len(right) // 2, (right.shape[1], down.shape[2])
    index = np.arange(height * width).reshape(height, width)
    a = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    b = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    table = np.concatenate([right.reshape(2 * half + 1, -1), down.reshape(2 * half + 1, -1)], 1).T
    table = np.maximum(table, LEAST_LOG).astype(np.float32)
    region, folds = _tied(a, b, table, index.size)
    borders = _between(region, folds, a, b, table)
    level = 0
    while len(borders.a):
        count = int(region.max()) + 1
        margin, above = _margins(borders.evidence)
        threshold = MARGINS[level]
        parent, step = _joined(borders, margin, above, count, threshold)
        roots, new = np.unique(parent, return_inverse=True)
        folds, region = folds + step[region], new[region]
        borders = _renumbered(borders, new, step)
        if len(roots) > _SLOW * count and level < len(MARGINS) - 1:
            level += 1
    return (folds - folds.min()).reshape(height, width)


def _tied(a: np.ndarray, b: np.ndarray, table: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Regions (count,) of pixels tied by single changes that are sure, and folds (count,) within them."""
    first, above = table.max(1), table.argmax(1)
    table[np.arange(len(table)), above] = -np.inf
    margin = first - table.max(1)
    table[np.arange(len(table)), above] = first
    sure = np.flatnonzero(margin > SURE_FIRST)
    sure = sure[np.argsort(margin[sure], kind="stable")]
    a, b, change = a[sure], b[sure], above[sure] - table.shape[1] // 2
    region, folds = np.arange(count), np.zeros(count, int)
    while len(a):
        parent, step = _towards_best(a, b, change, int(region.max()) + 1)
        _, new = np.unique(parent, return_inverse=True)
        folds, region = folds + step[region], new[region]
        change = change - step[b] + step[a]
        a, b = new[a], new[b]
        apart = a != b
        a, b, change = a[apart], b[apart], change[apart]
    return region, folds


def _towards_best(a: np.ndarray, b: np.ndarray, above: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Each region follows its best border, the last one in which it is named, to the root of its tree.

    Returns:
        Roots (count,), and how much to add to the folds of a region (count,) so that they fit its root's.
    """
    best = np.full(count, -1)
    best[a] = np.arange(len(a))
    of_b = np.full(count, -1)
    of_b[b] = np.arange(len(b))
    best = np.maximum(best, of_b)
    own = np.arange(count)
    bound = best >= 0
    is_b = b[best] == own
    parent = np.where(bound, np.where(is_b, a[best], b[best]), own)
    step = np.where(bound, np.where(is_b, above[best], -above[best]), 0)
    root = (parent[parent] == own) & (own <= parent)  # two that chose each other: one of them stays
    parent, step = np.where(root, own, parent), np.where(root, 0, step)
    while True:
        farther = parent[parent]
        if np.array_equal(farther, parent):
            return parent, step
        parent, step = farther, step + step[parent]


def _joined(
    borders: _Borders, margin: np.ndarray, above: np.ndarray, count: int, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """As `_towards_best`, by borders with at least this margin."""
    chosen = np.flatnonzero(margin >= threshold)
    chosen = chosen[np.argsort(margin[chosen], kind="stable")]
    if not len(chosen):
        return np.arange(count), np.zeros(count, int)
    return _towards_best(borders.a[chosen], borders.b[chosen], above[chosen], count)


def _margins(evidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much likelier the likeliest height is than the next (n,), and which it is (n,)."""
    two = np.partition(evidence, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0], evidence.argmax(1) - MOST_APART


def _between(region: np.ndarray, folds: np.ndarray, a: np.ndarray, b: np.ndarray, table: np.ndarray) -> _Borders:
    """Borders of regions, from changes between pixels."""
    half = table.shape[1] // 2
    apart = np.flatnonzero(region[a] != region[b])
    a, b, table = a[apart], b[apart], table[apart]
    beyond = np.arange(1, MOST_APART - half + 1, dtype=np.float32)  # the last classes stand for larger changes too
    parts = [table[:, :1] - beyond[::-1], table, table[:, -1:] - beyond]
    evidence = np.maximum(np.concatenate(parts, 1), LEAST_LOG - 1)
    return _added(_Borders(region[a], region[b], evidence), folds[a] - folds[b])


def _renumbered(borders: _Borders, new: np.ndarray, step: np.ndarray) -> _Borders:
    """Borders after regions got the numbers `new` and `step` was added to their folds."""
    a, b = new[borders.a], new[borders.b]
    apart = np.flatnonzero(a != b)
    moved = step[borders.a[apart]] - step[borders.b[apart]]
    return _added(_Borders(a[apart], b[apart], borders.evidence[apart]), moved)


def _added(borders: _Borders, moved: np.ndarray) -> _Borders:
    """Each pair once, with the sum of its evidence; `moved` (n,) is added to how much b lies above a first."""
    a, b, evidence = borders.a, borders.b, borders.evidence
    if not len(a):
        return borders
    width = evidence.shape[1]
    rows = np.flatnonzero(moved)
    column = np.arange(width) - moved[rows, None]
    there = np.take_along_axis(evidence[rows], column.clip(0, width - 1), 1)
    evidence[rows] = np.where((column >= 0) & (column < width), there, evidence[rows].min(1, keepdims=True))
    turned = np.flatnonzero(a > b)
    evidence[turned] = evidence[turned, ::-1]
    low, high = np.minimum(a, b), np.maximum(a, b)
    key = low * (int(high.max()) + 1) + high
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    return _Borders(low[order][first], high[order][first], np.add.reduceat(evidence[order], first, 0))
