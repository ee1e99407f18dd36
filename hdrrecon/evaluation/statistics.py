"""From rows to statements: mean, median, bootstrap interval, and the paired difference to the plain input.

Images are what is drawn again in the bootstrap: several conditions of one image are first averaged, because
they are not independent. "better" is said only where the 95 % interval of the paired difference excludes
zero, and the difference is not too small for the table's digits (a consistent 0.0001 dB is no news).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hdrrecon.evaluation.methods import BASELINE
from hdrrecon.evaluation.results import Row
from hdrrecon.metrics.scores import METRICS, Metric

RESAMPLES = 4000
CONFIDENCE = 0.95
FEWEST_PAIRS = 6  # a sign test over fewer pairs cannot reach 5 % even if all agree
ALL = "all conditions"

Verdict = Literal["baseline", "better", "worse", "not shown", "too few images", "incomplete", "no value"]


@dataclass(frozen=True)
class Summary:
    """One method, condition and metric. `difference` is method minus plain input, over the images both have.

    For metrics whose best value is zero (bias, energy) all numbers are means of absolute values.
    `n` images have a value, `failed` predictions have none at all, `nonfinite` predictions held NaN or
    infinity.
    """

    condition: str
    method: str
    metric: str
    n: int
    failed: int
    nonfinite: int
    mean: float
    median: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    verdict: Verdict


def summarise(rows: Sequence[Row], metrics: Sequence[str] = tuple(METRICS), baseline: str = BASELINE) -> list[Summary]:
    """Summaries of every condition, of all of them together where there are several, every method and metric.

    Cases that even the plain input fails on (`unusable`) are the data's fault and count for no method.
    """
    broken = unusable(rows, baseline)
    rows = [row for row in rows if (row["condition"], row["image"]) not in broken]
    conditions = list(dict.fromkeys(str(row["condition"]) for row in rows))
    labels = list(dict.fromkeys(str(row["method"]) for row in rows))
    out = []
    for condition in conditions + ([ALL] if len(conditions) > 1 else []):
        here = [row for row in rows if condition in (ALL, row["condition"])]
        for metric in metrics:
            values = {label: _per_image([r for r in here if r["method"] == label], metric) for label in labels}
            for label in labels:
                mine = [row for row in here if row["method"] == label]
                summary = _summary(
                    mine, metric, values[label], reference=values.get(baseline, {}), is_baseline=label == baseline
                )
                out.append(Summary(condition=condition, method=label, metric=metric, **summary))
    return out


def unusable(rows: Sequence[Row], baseline: str = BASELINE) -> dict[tuple[str, str], str]:
    """(condition, image) -> error of the cases that could not be opened: the plain input fails nowhere else."""
    return {
        (str(r["condition"]), str(r["image"])): str(r["error"]) for r in rows if r["method"] == baseline and r["error"]
    }


def bootstrap_interval(values: Sequence[float] | np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean; the same values give the same interval. NaN for no values.

    Source: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993.
    """
    values = np.asarray(values, np.float64)
    if not values.size:
        return math.nan, math.nan
    draws = np.random.default_rng(0).integers(0, values.size, (RESAMPLES, values.size))
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(values[draws].mean(1), [tail, 100 - tail])
    return float(low), float(high)


def _per_image(rows: Sequence[Row], metric: str) -> dict[str, float]:
    """Image -> value, the mean over its conditions; images without a value are left out, and counted by `n`."""
    collected: dict[str, list[float]] = {}
    for row in rows:
        value = row.get(metric, math.nan)
        if not row["error"] and not math.isnan(value):
            collected.setdefault(str(row["image"]), []).append(abs(value) if METRICS[metric].good == "zero" else value)
    return {image: float(np.mean(values)) for image, values in collected.items()}


def _summary(
    rows: Sequence[Row], metric: str, mine: dict[str, float], *, reference: dict[str, float], is_baseline: bool
) -> dict[str, Any]:
    """The numbers of one `Summary`: of a method's `rows` and their values per image, paired with the baseline's."""
    values = np.array(list(mine.values()))
    shared = [image for image in mine if image in reference]
    paired = np.array([mine[image] - reference[image] for image in shared])
    failed = sum(bool(row["error"]) for row in rows)
    difference_low, difference_high = bootstrap_interval(paired)

    def mean(array, of=np.mean):
        return float(of(array)) if array.size else math.nan

    low, high = bootstrap_interval(values)
    verdict = "baseline" if is_baseline else _verdict(METRICS[metric], paired, failed, difference_low, difference_high)
    nonfinite = sum(not row["error"] and float(row["nonfinite"]) > 0 for row in rows)
    return {
        "n": len(mine),
        "failed": failed,
        "nonfinite": nonfinite,
        "mean": mean(values),
        "median": mean(values, np.median),
        "low": low,
        "high": high,
        "difference": mean(paired),
        "difference_low": difference_low,
        "difference_high": difference_high,
        "verdict": verdict,
    }


def _verdict(metric: Metric, paired: np.ndarray, failed: int, low: float, high: float) -> Verdict:
    if paired.size == 0:
        return "no value"
    if failed:
        return "incomplete"
    if paired.size < FEWEST_PAIRS:
        return "too few images"
    if low <= 0 <= high or abs(paired.mean()) < 0.5 * 10**-metric.digits:
        return "not shown"
    return "better" if (low > 0) == (metric.good == "high") else "worse"
