"""Stage 0: one smooth function from the JPEG's colours to the raw's, fitted to each photo.

Camera RGB is modelled as a linear combination of features of the coded pixel: a cubic polynomial, root polynomials of
the linearised pixel, and hinges near white and black, because a clipped channel says no more than a mean.

Sources: Nguyen & Brown, "Raw image reconstruction using a self-contained sRGB-JPEG image with only 64 KB overhead"
(CVPR 2016) for the idea; Finlayson et al., "Color correction using root-polynomial regression" (2015) for the roots.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

FEATURES = 36
_POWERS = [c for n in range(4) for c in combinations_with_replacement(range(3), n)]  # 20 monomials up to degree 3
_PARENT = [_POWERS.index(p[:-1]) if p else 0 for p in _POWERS]  # the monomial that is one factor short
_WHITE, _BLACK = 0.93, 0.05  # where the hinges begin


def features(pixels: np.ndarray) -> np.ndarray:
    """Features of JPEG pixels.

    Args:
        pixels: (..., 3) in [0, 1].

    Returns:
        (36, ...) of the same dtype, all in [0, 1].
    """
    out = np.empty((FEATURES, *pixels.shape[:-1]), pixels.dtype)
    x = np.moveaxis(pixels, -1, 0)
    out[0] = 1
    for i, power in enumerate(_POWERS[1:], 1):
        np.multiply(out[_PARENT[i]], x[power[-1]], out=out[i])
    linear = np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.04) + 0.055) / 1.055) ** 2.4)
    out[20:23] = linear
    for i, (one, two) in enumerate(((0, 1), (0, 2), (1, 2)), 23):
        np.sqrt(linear[one] * linear[two], out=out[i])
    white = out[26:29]
    np.clip((x - _WHITE) / (1 - _WHITE), 0, None, out=white)
    for i, (one, two) in enumerate(((0, 1), (1, 2), (0, 2)), 29):
        np.multiply(white[one], white[two], out=out[i])
    np.multiply(out[29], white[2], out=out[32])
    np.clip((_BLACK - x) / _BLACK, 0, None, out=out[33:36])
    return out
