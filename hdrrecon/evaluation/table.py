"""Tables of summaries: Markdown for people, CSV for programs."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict
from io import StringIO

from hdrrecon.evaluation.conditions import PROTOCOL
from hdrrecon.evaluation.markdown import markdown_table
from hdrrecon.evaluation.statistics import Summary
from hdrrecon.metrics.regions import KINDS
from hdrrecon.metrics.scores import METRICS

MAIN = (
    "pu21_psnr",
    "pu21_psnr_crf",
    "clipped_log_rmse",
    "clipped_energy",
    "clipped_delta_e_itp",
    "well_log_rmse",
)
BY_REGION = tuple(
    f"{part}_{what}" for part in (*(f"clipped_{k}" for k in KINDS), "dark") for what in ("log_rmse", "bias")
)
COLOUR = ("clipped_uv", "clipped_red_tint", "clipped_blue_tint", "border_halo")
MARKS = {"better": " ▲", "worse": " ▼", "incomplete": " ?", "too few images": " ?"}
NOTE = (
    "Mean [95 % bootstrap interval]. ▲ better / ▼ worse than the plain linearised input: only where the interval "
    "of the paired "
    "difference excludes zero; ? = no claim (failed predictions, or fewer than 6 images). Below 3.5 dB of "
    "PU21-PSNR people may "
    "not see a difference (Hanji et al. 2022). Stops: 0 is best; energy is the mean distance from zero."
)


def to_markdown(summaries: Sequence[Summary], metrics: Sequence[str] = MAIN) -> str:
    """Four tables per condition, best first by the first metric: all metrics; clipped pixels by the kind of region they
    lie in (`metrics.regions.clipped_kinds`), and nearly black ones; colour of clipped pixels, and halos beside them;
    and the first metric paired in detail.

    Failures and NaN are counted beside the method.
    """
    parts = []
    for condition in dict.fromkeys(s.condition for s in summaries):
        here = {(s.method, s.metric): s for s in summaries if s.condition == condition}
        shown = [m for m in metrics if any((s.metric == m and s.n) for s in here.values())] or list(metrics[:1])
        first = [s for s in here.values() if s.metric == shown[0]]
        first.sort(key=lambda s: (math.isnan(s.mean), -s.mean if METRICS[shown[0]].good == "high" else s.mean))
        quoted = f"{PROTOCOL}, {condition}" if condition not in ("real", "as_given") else condition
        images = max((s.n for s in here.values()), default=0)
        parts.append(f"\n**{quoted}** ({images} images)\n")
        parts.append(_side_by_side(first, here, shown))
        for chosen in (BY_REGION, COLOUR):
            if known := [m for m in chosen if any(s.metric == m and s.n for s in here.values())]:
                parts += ["", _side_by_side(first, here, known)]
        parts += ["", _paired(first)]
    return "\n".join([*parts, "", NOTE])


def _side_by_side(methods: Sequence[Summary], here: dict, metrics: Sequence[str]) -> str:
    """A table of several metrics; `here` has the summaries by method and metric."""
    head = ["method", *(f"{METRICS[m].title}{unit(m)} {arrow(m)}" for m in metrics)]
    return markdown_table(
        head, ((f"{s.method}{troubles(s)}", *(cell(here[s.method, m]) for m in metrics)) for s in methods)
    )


def _paired(summaries: Sequence[Summary]) -> str:
    """A table of one metric: mean, median, interval, and what was gained over the plain input."""
    metric = METRICS[summaries[0].metric]

    def number(value, sign=""):
        return "–" if math.isnan(value) else f"{value:{sign}.{metric.digits}f}"

    name = f"{metric.title}{unit(summaries[0].metric)}"
    rows = []
    for s in summaries:
        difference = f"{number(s.difference, '+')} [{number(s.difference_low, '+')}, {number(s.difference_high, '+')}]"
        interval = f"[{number(s.low)}, {number(s.high)}]"
        rows.append((s.method, number(s.mean), number(s.median), interval, difference, s.verdict))
    return markdown_table([name, "mean", "median", "95 % interval", "minus plain input", "verdict"], rows)


def to_csv(summaries: Sequence[Summary]) -> str:
    """Every number of every summary."""
    text = StringIO()
    writer = csv.DictWriter(
        text, ["protocol", *asdict(summaries[0])] if summaries else ["protocol"], lineterminator="\n"
    )
    writer.writeheader()
    for s in summaries:
        writer.writerow(
            {
                "protocol": PROTOCOL,
                **{k: (f"{v:.6g}" if isinstance(v, float) else v) for k, v in asdict(s).items()},
            }
        )
    return text.getvalue()


def cell(s: Summary) -> str:
    """Mean, interval and verdict of one summary."""
    if not s.n:
        return "–"
    digits = METRICS[s.metric].digits
    return f"{s.mean:.{digits}f} [{s.low:.{digits}f}, {s.high:.{digits}f}]{MARKS.get(s.verdict, '')}"


def troubles(s: Summary) -> str:
    """What must not be overlooked about a method: " (2 failed, 1 with NaN)" or nothing."""
    found = [f"{count} {what}" for count, what in ((s.failed, "failed"), (s.nonfinite, "with NaN or inf")) if count]
    return f" (**{', '.join(found)}**)" if found else ""


def unit(metric: str) -> str:
    return f", {METRICS[metric].unit}" if METRICS[metric].unit else ""


def arrow(metric: str) -> str:
    return {"high": "↑", "low": "↓", "zero": "→0"}[METRICS[metric].good]
