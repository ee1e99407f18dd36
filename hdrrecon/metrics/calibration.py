"""Is a stated confidence true? Of what a method was sure of, as much should be right as it said.

`hdrrecon` states for each clipped pixel the chance that its brightness is right to so many stops, from a Laplace law of
the error. The law also says how wide the interval is that holds the truth with 80 % chance, so both can be counted.

Source: the idea of calibration (Dawid 1982; Gneiting, Balabdaoui & Raftery, JRSS B 2007).
"""

from __future__ import annotations

import math

import numpy as np

INTERVAL = 0.8


def interval_stops(confidence, within_stops: float, share: float = INTERVAL) -> np.ndarray:
    """Half-width in stops of the interval that holds the truth with chance `share`, of a Laplace law.

    Args:
        confidence: any shape, in [0, 1]: the chance that the error is at most `within_stops`. 0 gives infinity, 1 gives
            0.

    Example:
        >>> interval_stops(np.array([0.8, 0.0]), within_stops=0.25).round(6).tolist()
        [0.25, inf]
    """
    with np.errstate(divide="ignore"):
        return within_stops * math.log(1 - share) / np.log1p(-np.asarray(confidence, np.float64))


def calibration(stops, confidence, where, within_stops: float) -> dict[str, float]:
    """What was promised and what was kept.

    Args:
        stops: (H, W) error in stops (`highlights.stops_map`).
        confidence: (H, W) stated chance that it is at most `within_stops`.
        where: (H, W) bool: the pixels that count.

    Returns:
        `sure`: mean confidence; `right`: share of the pixels with an error of at most `within_stops`, which should be
        the same; `inside`: share of them whose truth lies in the 80 % interval, which should be 0.8. NaN where `where`
        is empty.
    """
    if not where.any():
        return dict.fromkeys(("sure", "right", "inside"), math.nan)
    error, stated = np.abs(stops[where]), np.asarray(confidence)[where]
    return {
        "sure": float(stated.mean()),
        "right": float((error <= within_stops).mean()),
        "inside": float((error <= interval_stops(stated, within_stops)).mean()),
    }
