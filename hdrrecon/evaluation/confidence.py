"""What methods say of themselves, held against the truth: `metrics.calibration` over the images of a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdrrecon.metrics.calibration import INTERVAL, calibration
from hdrrecon.metrics.highlights import stops_map
from hdrrecon.metrics.regions import PHOTO_CLIP_CODE, find_regions
from hdrrecon.metrics.scores import aligned

KEPT = ("sure", "right", "inside")


def measure(case, prediction) -> dict[str, float]:
    """`metrics.calibration.calibration` of a prediction with a confidence, over the clipped pixels of which nothing was
    measured."""
    from hdrrecon.pipeline.prepared import SURE_STOPS

    light = aligned(prediction.radiance, case.truth, case.photo, case.clip_from)[0]
    # Between codes 240 and 250 confidence is that of a blend, which is no Laplace law.
    lost = find_regions(case.photo, case.truth, case.clip_from).clipped & (case.photo.max(2) >= PHOTO_CLIP_CODE)
    return calibration(stops_map(light, case.truth), prediction.confidence(), lost, SURE_STOPS)


def sentences(rows: Sequence[dict]) -> str:
    """One line per condition and method that is sure of anything it restored; nothing where none is."""
    from hdrrecon.pipeline.prepared import SURE_STOPS

    lines = []
    for condition, method in dict.fromkeys((row["condition"], row["method"]) for row in rows):
        here = [row for row in rows if (row["condition"], row["method"]) == (condition, method)]
        kept = np.array([[row.get(name, np.nan) for name in KEPT] for row in here if not row["error"]], np.float64)
        kept = kept[np.isfinite(kept).all(1)] if kept.size else kept
        if kept.size and kept[:, 0].any():
            sure, right, inside = 100 * kept.mean(0)
            lines.append(
                f"* {method}, {condition}: the {100 * INTERVAL:.0f} % interval of clipped pixels holds "
                f"{inside:.0f} % of the truths; "
                f"{sure:.0f} % sure to be right to {SURE_STOPS:g} stops, and {right:.0f} % are ({len(kept)} images)"
            )
    return "\n".join(["", "How sure, and how right:", "", *lines]) if lines else ""
