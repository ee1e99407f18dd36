"""How much a photo can tell of its response.

Levels and the edges between them betray a curve. A photo of a few levels (one colour, black, white, a page of text,
nearly all of it clipped) tells nothing, whatever a network reads into it. Real photos have a hundred levels in this
measure, those of stars in a black sky, or 60 percent of them clipped, still ten to twenty.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

IGNORANCE = 0.05  # spread of an answer (RMS over the codes) that leaves the families equally likely
FEW, MANY = 4, 16  # varied levels: up to FEW a photo tells nothing, from MANY on all it can


def varied_levels(counts: Iterable[float]) -> float:
    """So many equally frequent code values would be as varied: the exponential of the entropy of their `counts`.

    Example:
        >>> varied_levels([10, 10, 0, 10, 10]), varied_levels([0, 7, 0])
        (4.0, 1.0)
    """
    counts = [c for c in counts if c > 0]
    total = sum(counts)
    return round(math.exp(sum(c / total * math.log(total / c) for c in counts)), 6)


def telling(levels: float) -> float:
    """How much a photo of so many varied levels can tell: 0 nothing, 1 all a photo can."""
    return min(max(math.log(max(levels, 1) / FEW) / math.log(MANY / FEW), 0.0), 1.0)


def confidence(spread: np.ndarray, levels: float) -> float:
    """How much of the doubt a photo removed: 0 none, 1 all.

    Args:
        spread: (K,) standard deviation of the estimated inverse curve.
        levels: `varied_levels` of the photo.
    """
    return telling(levels) * max(0.0, 1 - float(np.mean(np.square(spread))) / IGNORANCE**2)
