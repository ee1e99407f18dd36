"""What happened where the photo holds no light: errors in stops, light energy, colour.

Arrays are numpy (H, W, 3), linear Rec.709, prediction and truth aligned, 1.0 = clip level of the photo.
`where` is a (H, W) bool mask; every function answers NaN for an empty one: an image without clipped pixels
says nothing about highlights.
"""

from __future__ import annotations

import numpy as np

from hdrrecon.color import REC709_TO_XYZ, luminance, matrix_between, pq_encode, xyz_to_uv

LOWEST_LIGHT = 1e-4  # 13 stops below clipping: what is darker counts as black
# Linear Rec.2020 to cone responses, and their PQ codes to I, T (= Ct / 2), P: BT.2100, BT.2124.
_RGB2020_TO_LMS = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
_LMS_TO_ITP = np.array([[2048, 2048, 0], [3305, -6806.5, 3501.5], [17933, -17390, -543]]) / 4096


def stops_map(prediction, truth) -> np.ndarray:
    """(H, W) log2 of predicted over true luminance: +1 = twice too bright. Luminance is floored at 1e-4."""

    def log(light):
        return np.log2(np.maximum(luminance(np.asarray(light, np.float64)), LOWEST_LIGHT))

    return log(prediction) - log(truth)


def log_rmse(stops, where) -> float:
    """Root mean square of an error map in stops over `where`."""
    return float(np.sqrt(np.mean(stops[where] ** 2))) if where.any() else float("nan")


def log_bias(stops, where) -> float:
    """Mean of an error map in stops over `where`: negative = too dark."""
    return float(stops[where].mean()) if where.any() else float("nan")


def light_energy(prediction, truth, where) -> float:
    """log2 of predicted over true luminance, each summed over `where`, in stops.

    What a light source is worth when the image lights a scene: a sun may be one pixel and most of the light.
    """
    if not where.any():
        return float("nan")

    def total(light):
        return max(luminance(np.asarray(light, np.float64)[where]).sum(), 1e-9)

    return float(np.log2(total(prediction) / total(truth)))


def delta_e_itp(prediction_nits, truth_nits) -> np.ndarray:
    """Colour difference per pixel, (H, W); 1 is about the smallest visible difference.

    Args:
        prediction_nits, truth_nits: (..., 3) linear Rec.709 in cd/m2.

    Source: ITU-R BT.2124.
    """
    difference = _itp(prediction_nits) - _itp(truth_nits)
    return 720 * np.sqrt((difference**2).sum(-1))


def uv_distance(prediction, truth) -> np.ndarray:
    """Chromaticity difference per pixel, (H, W): distance in CIE 1976 u'v', free of brightness.

    0.004 is about the smallest visible difference between neighbouring patches.
    """
    return np.linalg.norm(_uv(prediction) - _uv(truth), axis=-1)


def tint_stops(prediction, truth) -> tuple[np.ndarray, np.ndarray]:
    """Error of log2 red/green and of log2 blue/green per pixel, (H, W) each: both below 0, too green."""
    off = np.log2(np.maximum(prediction, LOWEST_LIGHT) / np.maximum(truth, LOWEST_LIGHT))
    return off[..., 0] - off[..., 1], off[..., 2] - off[..., 1]


def mean_over(values, where) -> float:
    """Mean of an (H, W) map over `where`, NaN if that is empty."""
    return float(values[where].mean()) if where.any() else float("nan")


def _itp(rgb_nits):
    to_lms = _RGB2020_TO_LMS @ matrix_between("rec709", "rec2020")
    return pq_encode(np.asarray(rgb_nits, np.float64) @ to_lms.T) @ _LMS_TO_ITP.T


def _uv(rgb):
    # The floor gives black the chromaticity of white instead of a division by zero.
    return xyz_to_uv(np.maximum(np.asarray(rgb, np.float64), 1e-6) @ REC709_TO_XYZ.T)
