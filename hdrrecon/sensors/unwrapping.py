"""Phase unwrapping of modulo images: from differences between neighbours to one picture.

A modulo image m in [0, 1) and its folds K (integers >= 0) give light m + K. All methods here find K:

* `poisson`: least squares on wrapped differences, by the discrete cosine transform (Ghiglia & Romero 1994);
* `reliability`: sorting by reliability (Herraez et al. 2002, as scikit-image has it);
* `solve_folds`: regions are merged by likely changes (`merging`); opinions on K itself give the offset.

Arrays are numpy (C, H, W), each channel for itself.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn, idctn

from hdrrecon.sensors.merging import LEAST_LOG, merged


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


def solve_folds(changes: tuple[np.ndarray, np.ndarray], folds: np.ndarray) -> np.ndarray:
    """Folds from log-probabilities.

    Args:
        changes: log-probabilities of a change by -h to h folds to the right (C, 2 h + 1, H, W - 1) and downwards
            (C, 2 h + 1, H - 1, W).
        folds: log-probabilities of 0 to K - 1 folds, (C, K, H, W).

    Returns:
        (C, H, W) integers as floats.
    """
    solved = [_with_offset(merged(right, down), own) for right, down, own in zip(*changes, folds)]
    return np.stack(solved).astype(float)


def _with_offset(folds: np.ndarray, unary: np.ndarray) -> np.ndarray:
    """Folds (H, W) with the offset that log-probabilities of folds (K, H, W) like best."""
    count, moved = len(unary), folds.ravel()
    unary = np.maximum(unary.reshape(count, -1), LEAST_LOG)
    # How much is said for `number` folds of all pixels of one value, at once: offsets are then a sum along diagonals.
    said = np.stack([np.bincount(moved, own) for own in unary])
    pixels, values = np.bincount(moved), np.arange(int(moved.max()) + 1)
    scores = {}
    for offset in range(-int(moved.max()), count):
        inside = (values + offset >= 0) & (values + offset < count)
        scores[offset] = said[values[inside] + offset, values[inside]].sum() + 2 * LEAST_LOG * pixels[~inside].sum()
    return (folds + max(scores, key=scores.__getitem__)).clip(0, count - 1)


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
