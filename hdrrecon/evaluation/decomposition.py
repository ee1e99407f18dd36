"""Where the next decibel is: plain input, perfect linearisation, perfect highlights, the model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hdrrecon.evaluation.methods import BASELINE
from hdrrecon.evaluation.statistics import Summary

STEPS = {
    BASELINE: "plain input",
    "camera_curve": "mean camera curve",
    "oracle_linearisation": "true curve, nothing restored",
    "oracle_restoration": "our curve, true highlights",
}
COLUMNS = ("pu21_psnr", "pu21_psnr_crf", "clipped_log_rmse", "clipped_energy")


def decomposition(summaries: Sequence[Summary], model: str) -> str:
    """Lines per condition: what each perfect step would give, and what it is worth to `model`."""
    lines = [
        "",
        "Where the next decibel is (PU21-PSNR dB / curve corrected dB / clipped pixels stops / light energy stops):",
    ]
    for condition in dict.fromkeys(s.condition for s in summaries):
        here = {(s.method, s.metric): s.mean for s in summaries if s.condition == condition}
        present = [m for m in dict.fromkeys([*STEPS, model]) if (m, "pu21_psnr") in here]
        lines.append(f"  {condition}")
        lines += [
            f"    {STEPS.get(m, m):<30} " + " / ".join(f"{here.get((m, c), math.nan):6.2f}" for c in COLUMNS)
            for m in present
        ]
        lines += _advice(here, model)
    return "\n".join(lines)


def _advice(here: dict, model: str) -> list[str]:
    def value(method):
        return here.get((method, "pu21_psnr"), math.nan)

    curve = value("oracle_linearisation") - value(BASELINE)
    highlights = value("oracle_restoration") - value(model)
    out = [] if math.isnan(curve) else [f"    perfect linearisation alone: {curve:+.2f} dB over the plain input"]
    if not math.isnan(highlights):
        out.append(f"    perfect highlights on our linearisation: {highlights:+.2f} dB over {model}")
    return out
