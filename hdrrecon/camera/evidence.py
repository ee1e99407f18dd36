"""How much a photo can tell of its response.

Levels and the edges between them betray a curve. Whatever a network reads into it, a photo tells nothing that has

* few levels: one colour, black, white, a page of text, nearly all of it clipped. Real photos have a hundred levels in
  this measure, those of stars in a black sky, or 60 percent of them clipped, still ten to twenty;
* few pixels: simulated photos of 16 x 16 pixels are answered better by the mean of the families than by a network,
  those of 48 x 48 are not;
* no bright pixels: what lies above them was never seen, and everything is measured against the clip level.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

IGNORANCE = 0.067  # spread of an answer (RMS over the codes) where nothing is known and the families are equally likely
FEW, MANY = 4, 16  # varied levels: up to FEW a photo tells nothing, from MANY on all it can
FEW_PX, MANY_PX = 256, 2048  # the same of pixels
DARK, BRIGHT = 16 / 255, 96 / 255  # the same of the code that the brightest pixels reach
BRIGHTEST_SHARE = 0.0005  # of the values: so many are the brightest


def varied_levels(counts: Iterable[float]) -> float:
    """So many equally frequent code values would be as varied: the exponential of the entropy of their `counts`.

    Example:
        >>> varied_levels([10, 10, 0, 10, 10]), varied_levels([0, 7, 0])
        (4.0, 1.0)
    """
    counts = [c for c in counts if c > 0]
    total = sum(counts)
    return round(math.exp(sum(c / total * math.log(total / c) for c in counts)), 6)


def brightest_code(counts: Sequence[float]) -> float:
    """The code in [0, 1] that the brightest `BRIGHTEST_SHARE` of the values reach.

    Args:
        counts: how often each of so many equal bins of code values occurs.

    Example:
        >>> brightest_code([90, 9, 1, 0, 0])
        0.5
    """
    left = BRIGHTEST_SHARE * sum(counts)
    for code in range(len(counts) - 1, 0, -1):
        left -= counts[code]
        if left < 0:
            return code / (len(counts) - 1)
    return 0.0


def telling(levels: float, pixels: float = math.inf, brightest: float = 1.0) -> float:
    """How much a photo can tell: 0 nothing, 1 all a photo can.

    Args:
        levels: `varied_levels` of it.
        pixels: their number.
        brightest: `brightest_code` of it.
    """

    def risen(value: float, low: float, high: float) -> float:
        return min(max((value - low) / (high - low), 0.0), 1.0)

    return min(
        risen(math.log(max(levels, 1)), math.log(FEW), math.log(MANY)),
        risen(math.log(max(pixels, 1)), math.log(FEW_PX), math.log(MANY_PX)),
        risen(brightest, DARK, BRIGHT),
    )


def confidence(spread: np.ndarray, told: float) -> float:
    """How much of the doubt a photo removed: 0 none, 1 all.

    Args:
        spread: (K,) uncertainty of the estimated inverse curve.
        told: `telling` of the photo.
    """
    return told * max(0.0, 1 - float(np.mean(np.square(spread))) / IGNORANCE**2)
