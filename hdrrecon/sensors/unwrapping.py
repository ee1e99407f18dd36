"""Phase unwrapping of modulo images: from differences between neighbours to one picture.

A modulo image m in [0, 1) and its folds K (integers >= 0) give light m + K. All methods here find K:

* `poisson`: least squares on wrapped differences, by the discrete cosine transform (Ghiglia & Romero 1994);
* `reliability`: sorting by reliability (Herraez et al. 2002, as scikit-image has it);
* `solve_folds`: changes with weights, and a weak opinion on K itself: conjugate gradients with the Poisson solution as
  preconditioner (Ghiglia & Romero 1994), reweighted towards least absolute deviations, rounded; then
  whole segments are moved (`segments`), and pixels mended by iterated conditional modes (Besag 1986).

Arrays are numpy (C, H, W), each channel for itself.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn, idctn

from hdrrecon.sensors.segments import LEAST_LOG, move_segments

_WEIGHTLESS = 1e-3  # edges nobody vouches for still hold the picture together
OFFSETS = 4  # in either direction, tried at the end
OWN_WEIGHT = 0.002  # of the opinion on folds themselves, beside 0.64 of a sure change: it is for the offset


def poisson(wrapped: np.ndarray, offset: np.ndarray | None = None) -> np.ndarray:
    """Folds (C, H, W) by least squares on wrapped differences.

    Args:
        wrapped: (C, H, W) in [0, 1).
        offset: (C,) what to add to the solution, whose mean nobody knows; None makes the first percentile of the folds
            0.
    """
    right, down = (np.diff(wrapped, axis=axis) for axis in (2, 1))
    smooth = _solve_poisson(_divergence(right - np.rint(right), down - np.rint(down)))
    real = smooth - wrapped
    if offset is None:
        offset = -np.percentile(np.rint(real), 1, axis=(1, 2))
    return np.maximum(np.rint(real + np.reshape(offset, (-1, 1, 1))), 0)


def reliability(wrapped: np.ndarray) -> np.ndarray:
    """Folds (C, H, W) by reliability sorting; the first percentile is 0. Needs scikit-image: pip install
    "hdrrecon[sensors]"."""
    from hdrrecon.io.optional import need

    restoration = need("skimage.restoration", "sensors", "reliability sorting")
    phase = [restoration.unwrap_phase(2 * np.pi * (channel - 0.5)) / (2 * np.pi) + 0.5 for channel in wrapped]
    folds = np.rint(np.stack(phase) - wrapped)
    return np.maximum(folds - np.percentile(folds, 1, axis=(1, 2), keepdims=True), 0)


def solve_folds(
    changes: tuple[np.ndarray, np.ndarray],
    folds: np.ndarray,
    *,
    reweightings: int = 3,
    iterations: int = 25,
) -> np.ndarray:
    """Folds from log-probabilities.

    Args:
        changes: log-probabilities of a change by -h to h folds to the right (C, 2 h + 1, H, W - 1) and downwards
            (C, 2 h + 1, H - 1, W).
        folds: log-probabilities of 0 to K - 1 folds, (C, K, H, W).
        reweightings, iterations: of the solver.

    Returns:
        (C, H, W) integers as floats.
    """
    half = changes[0].shape[1] // 2
    best = [c.argmax(1) - half for c in changes]
    # Chance is 1 / (2 h + 1): a change that is no more likely weighs nothing.
    sure = [np.maximum(np.exp(c.max(1)) - 1 / c.shape[1], 0) ** 2 + _WEIGHTLESS for c in changes]
    likely, count = np.exp(folds), folds.shape[1]
    level = np.arange(count).reshape(1, -1, 1, 1)
    mean = (likely * level).sum(1)
    own = OWN_WEIGHT / (0.1 + (likely * (level - mean[:, None]) ** 2).sum(1))
    now, weights, own_now = mean, sure, own
    for _ in range(reweightings):
        now = _conjugate_gradients(weights, best, own_now, mean, now, iterations)
        left = [np.abs(np.diff(now, axis=axis) - d) for axis, d in zip((2, 1), best)]
        weights = [w / np.maximum(e, 0.05) for w, e in zip(sure, left)]
        own_now = own / np.maximum(np.abs(now - mean), 0.25)
    return _mended(move_segments(_offset(np.rint(now), folds), changes, folds), changes, folds)


def _offset(folds: np.ndarray, unary: np.ndarray) -> np.ndarray:
    """Folds with the offset per channel that log-probabilities of folds like best: a mean, as in the solver, is no
    mode."""
    count = unary.shape[1]
    offsets = np.arange(-OFFSETS, OFFSETS + 1)
    moved = [(folds + offset).clip(0, count - 1) for offset in offsets]
    scores = np.array([np.maximum(_picked(unary, m), LEAST_LOG).mean((1, 2)) for m in moved])
    return np.stack([moved[scores[:, c].argmax()][c] for c in range(len(folds))])


def _conjugate_gradients(weights, changes, own, mean, start, iterations: int) -> np.ndarray:
    """Minimum of sum w (difference - change)^2 + sum own (x - mean)^2."""
    right_hand = _divergence_adjoint([w * d for w, d in zip(weights, changes)]) + own * mean
    scale = np.mean(weights[0]) + np.mean(weights[1])

    def applied(x):
        return _divergence_adjoint([w * np.diff(x, axis=axis) for w, axis in zip(weights, (2, 1))]) + own * x

    x = start
    residual = right_hand - applied(x)
    z = _preconditioned(residual, scale / 2, own.mean())
    direction, rho = z, (residual * z).sum((1, 2), keepdims=True)
    for _ in range(iterations):
        forward = applied(direction)
        step = rho / np.maximum((direction * forward).sum((1, 2), keepdims=True), 1e-12)
        x, residual = x + step * direction, residual - step * forward
        z = _preconditioned(residual, scale / 2, own.mean())
        rho, before = (residual * z).sum((1, 2), keepdims=True), rho
        direction = z + rho / np.maximum(before, 1e-12) * direction
    return x


def _divergence_adjoint(flow: list[np.ndarray]) -> np.ndarray:
    """Adjoint of (difference to the right, difference downwards), (C, H, W)."""
    right, down = flow
    out = np.zeros((*right.shape[:2], right.shape[2] + 1))
    out[..., 1:] += right
    out[..., :-1] -= right
    out[:, 1:] += down
    out[:, :-1] -= down
    return out


def _divergence(right: np.ndarray, down: np.ndarray) -> np.ndarray:
    return -_divergence_adjoint([right, down])


def _frequencies(shape: tuple[int, ...]) -> np.ndarray:
    h, w = shape[-2:]
    return 4 - 2 * np.cos(np.pi * np.arange(h) / h)[:, None] - 2 * np.cos(np.pi * np.arange(w) / w)


def _solve_poisson(source: np.ndarray) -> np.ndarray:
    """u with Laplacian u = source and Neumann borders; mean 0."""
    frequencies = _frequencies(source.shape)
    spectrum = dctn(source, axes=(1, 2), norm="ortho") / -np.maximum(frequencies, 1e-12)
    spectrum[:, 0, 0] = 0
    return idctn(spectrum, axes=(1, 2), norm="ortho")


def _preconditioned(residual: np.ndarray, weight: float, own: float) -> np.ndarray:
    spectrum = dctn(residual, axes=(1, 2), norm="ortho") / (weight * _frequencies(residual.shape) + own)
    return idctn(spectrum, axes=(1, 2), norm="ortho")


def _mended(
    folds: np.ndarray, changes: tuple[np.ndarray, np.ndarray], unary: np.ndarray, sweeps: int = 3
) -> np.ndarray:
    """Iterated conditional modes: each pixel takes the likeliest of its folds and one more or less, given its
    neighbours."""
    y, x = np.indices(folds.shape[1:])
    for sweep in range(2 * sweeps):
        turn = (y + x) % 2 == sweep % 2
        scores = [_score(folds + step, folds, changes, unary) for step in (-1, 0, 1)]
        folds = np.where(turn, folds + np.argmax(scores, 0) - 1, folds)
    return folds


def _score(
    mine: np.ndarray, others: np.ndarray, changes: tuple[np.ndarray, np.ndarray], unary: np.ndarray
) -> np.ndarray:
    """Log-likelihood (C, H, W) of folds `mine`, each pixel by itself, the others as they are."""
    count, half = unary.shape[1], changes[0].shape[1] // 2
    out = 0.05 * _picked(unary, mine.clip(0, count - 1))
    out = out - 1e3 * ((mine < 0) | (mine > count - 1))
    right, down = changes
    to_right, to_down = others[..., 1:] - mine[..., :-1], others[:, 1:] - mine[:, :-1]
    to_left, to_up = mine[..., 1:] - others[..., :-1], mine[:, 1:] - others[:, :-1]
    out[..., :-1] += _change_score(right, to_right, half)
    out[..., 1:] += _change_score(right, to_left, half)
    out[:, :-1] += _change_score(down, to_down, half)
    out[:, 1:] += _change_score(down, to_up, half)
    return out


def _change_score(table: np.ndarray, change: np.ndarray, half: int) -> np.ndarray:
    beyond = np.maximum(np.abs(change) - half, 0)
    return np.maximum(_picked(table, change.clip(-half, half) + half), LEAST_LOG) - beyond


def _picked(table: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.take_along_axis(table, index.astype(int)[:, None], 1)[:, 0]
