"""Taking away what should not count: the scale of a prediction, and the shape of its tone and colour curve.

Arrays are numpy (H, W, 3), linear Rec.709.
"""

from __future__ import annotations

import numpy as np

from hdrrecon.color import REC709_TO_XYZ, XYZ_TO_REC709, pq_decode, pq_encode, xyz_to_uv

LOWEST_NITS = 0.005
_UV_SCALE = 410 / 255  # brings u', v' to about the range of PQ values, so that one ridge weight fits
_RIDGE = 0.01


def gain(prediction, truth, where=None) -> float:
    """The one factor that brings a prediction of unknown scale nearest to the truth (least squares).

    Args:
        prediction, truth: (H, W, 3) linear, any units.
        where: (H, W) bool; well-exposed pixels, so that highlights are not paid for by darkening the rest.

    Returns:
        sum(p * t) / sum(p * p); 0 for a prediction that is black there.
    """
    p, t = np.asarray(prediction, np.float64), np.asarray(truth, np.float64)
    if where is not None:
        p, t = p[where], t[where]
    return float((p * t).sum() / max((p * p).sum(), 1e-20))


def crf_correction(prediction_nits, truth_nits) -> np.ndarray:
    """Map the prediction's tone and colour curve onto the truth's, as far as one global curve can.

    Differences of the camera curve dominate every full-reference metric and hide what happens in the
    highlights; with the correction PU21-PSNR follows human opinion far better (rank correlation 0.62 ->
    0.79). It fits a cubic from PQ luminance to PQ luminance, and a cubic of (u', v') pulled towards the
    identity; 20 numbers per image.

    Args:
        prediction_nits, truth_nits: (H, W, 3), cd/m2.

    Returns:
        (H, W, 3) the corrected prediction in cd/m2, not negative; clamp to the display before a metric.

    Source: Hanji et al., "Comparison of single image HDR reconstruction methods", SIGGRAPH 2022.
    """
    shape = np.shape(prediction_nits)
    predicted_y, predicted_uv = _to_luminance_and_uv(prediction_nits)
    true_y, true_uv = _to_luminance_and_uv(truth_nits)
    y = _fit_tone(pq_encode(predicted_y), pq_encode(true_y))
    uv = _fit_colour(predicted_uv, true_uv)
    return _from_luminance_and_uv(y, uv).reshape(shape)


def _fit_tone(code, target):
    """Cubic least squares between PQ codes; nits of the fitted codes."""
    powers = np.vander(code, 4)
    weights = np.linalg.lstsq(powers, target, rcond=None)[0]
    floor = pq_encode(np.float64(LOWEST_NITS))
    return np.maximum(pq_decode(np.maximum(powers @ weights, floor)), LOWEST_NITS)


def _fit_colour(uv, target):
    """Ridge regression on the cubic terms of (u', v'); with no evidence the colours stay as they are."""
    u, v = uv[:, :1], uv[:, 1:]
    terms = np.hstack([uv, uv**2, u * v, uv**3, np.ones_like(u)])
    identity = np.zeros((terms.shape[1], 2))
    identity[:2] = np.eye(2)
    ridge = _RIDGE * len(terms) / terms.shape[1] * np.eye(terms.shape[1])
    weights = np.linalg.solve(terms.T @ terms + ridge, terms.T @ target + ridge @ identity)
    return terms @ weights


def _to_luminance_and_uv(rgb_nits):
    rgb = np.maximum(np.asarray(rgb_nits, np.float64).reshape(-1, 3), LOWEST_NITS)
    xyz = np.clip(rgb @ REC709_TO_XYZ.T, 1e-4, 1e8)
    return np.clip(xyz[:, 1], LOWEST_NITS, 1e4), xyz_to_uv(xyz) * _UV_SCALE


def _from_luminance_and_uv(y, uv):
    u, v = (uv / _UV_SCALE).T
    # CIE 1976 u', v' back to xy, then to XYZ; a fitted v' may come near zero, where xy has no meaning.
    weight = 6 * u - 16 * v + 12
    cx, cy = 9 * u / weight, 4 * v / weight
    cy = np.where(np.abs(cy) < 1e-4, 1e-4, cy)
    xyz = np.stack([cx / cy * y, y, (1 - cx - cy) / cy * y], 1)
    return np.maximum(np.clip(xyz, 1e-4, 1e8) @ XYZ_TO_REC709.T, 0)
