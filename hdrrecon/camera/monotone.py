"""Projections onto the responses there can be: non-decreasing curves from 0 to 1.

These curves form a convex set, so a projection can only bring an estimate nearer to the truth. The
differentiable layer of Liu et al. (`networks.linearize.linearization_net.monotone`) maps into the same set but is no
projection: it lifts every slope by the worst one, so that a single bad sample pulls the whole curve towards
the identity. Networks train through the layer; everything else should project.

Source: Grossberg & Nayar, PAMI 2004 (the convex set); Barlow et al. 1972 (isotonic regression, and that
clipping it gives the bounded one); Lawson & Hanson 1974, chapter 23 (least distance programming).
"""

from __future__ import annotations

import numpy as np

from hdrrecon.camera.basis import Basis


def project_monotone(curves: np.ndarray) -> np.ndarray:
    """The nearest non-decreasing curves with ends 0 and 1, in least squares.

    Args:
        curves: (..., K), K >= 2, finite; the end samples do not matter.

    Returns:
        (..., K) float64; a curve that is a response already comes back unchanged.

    Raises:
        ValueError: if a curve has fewer than two samples or values that are not finite.

    Example:
        >>> project_monotone([0.1, 0.7, 0.5, 1.3]).round(3).tolist()
        [0.0, 0.6, 0.6, 1.0]
    """
    from scipy.optimize import isotonic_regression

    curves = np.asarray(curves, np.float64)
    if curves.ndim < 1 or curves.shape[-1] < 2:
        raise ValueError(f"a curve needs at least two samples in its last axis, got shape {curves.shape}")
    if not np.isfinite(curves).all():
        missing = np.count_nonzero(~np.isfinite(curves))
        raise ValueError(f"{missing} samples are not finite; repair the curve before projecting it")
    out = np.empty_like(curves)
    out[..., 0], out[..., -1] = 0, 1
    if curves.shape[-1] > 2:
        # The ends are given, so between them it is isotonic regression within bounds: the free one, clipped.
        for at in np.ndindex(curves.shape[:-1]):
            out[at][1:-1] = isotonic_regression(curves[at][1:-1]).x.clip(0, 1)
    return out


def project_weights(weights: np.ndarray, basis: Basis) -> np.ndarray:
    """The nearest weights whose curve is non-decreasing, for the weights of one curve.

    Unlike `project_monotone` the answer stays a curve of the basis: as smooth, and still described by
    these few numbers. It lies a little farther from the input.

    Args:
        weights: (M,), M up to the size of the basis, whose mean must be monotone.

    Returns:
        (M,); slopes of its curve are at least -1e-9.

    Raises:
        ValueError: if no curve of the basis is monotone.
    """
    from scipy.optimize import nnls

    weights = np.asarray(weights, np.float64)
    samples = basis.mean.shape[0]
    slopes = np.diff(basis.vectors[: len(weights)], axis=1) * samples
    missing = -np.diff(basis.curve(weights)) * samples
    if (missing <= 0).all():
        return weights
    # Least distance programming: min |z| subject to slopes' z >= missing is the residual of this NNLS problem.
    matrix, target = np.vstack([slopes, missing]), np.r_[np.zeros(len(weights)), 1.0]
    residual = matrix @ nnls(matrix, target, maxiter=50 * samples)[0] - target
    if -residual[-1] < 1e-12:
        raise ValueError("no curve of this basis is monotone; build it with basis_from_curves from curves that are")
    return weights - residual[:-1] / residual[-1]
