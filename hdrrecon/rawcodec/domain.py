"""The domain in which residuals are coded: the square root of light, in which shot noise is equally large everywhere.

T(v) = sqrt(v + c), the generalised Anscombe transform without its constants (Anscombe 1948; Starck et al. 1998).
"""

from __future__ import annotations

import numpy as np

OFFSET = 4e-4  # c: about the read noise of a camera, in units of the sensor's clip level
LOWEST = 0.02  # T(0)


def stabilize(light: np.ndarray | np.floating) -> np.ndarray:
    """Linear light, 1 = the sensor clips, to the stabilised domain; negative light counts as 0."""
    return np.sqrt(np.maximum(light, 0) + np.float32(OFFSET))


def linearize(stable: np.ndarray) -> np.ndarray:
    """Inverse of `stabilize`, limited to [0, 1]."""
    return np.clip(np.square(np.maximum(stable, np.float32(LOWEST))) - np.float32(OFFSET), 0, 1)


def light_weight(light: np.ndarray) -> np.ndarray:
    """How much a squared error in the stabilised domain counts: a mix of linear and stabilised error, about 1 on
    average.

    d(light) = 2 T dT, so linear squared error is 4 (light + c) times the stabilised one.
    """
    return (4 * light + np.float32(0.15)) / np.float32(0.75)
