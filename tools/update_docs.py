"""Measure what ships and print the figures into README, docs and `hdrrecon/scores.json`, from which `hdrrecon models`
reads.

    python tools/update_docs.py --scenes val_views/ --pairs real/ --curves dorf.npz -o runs/evaluation

Nothing else writes these figures. What is between two markers `<!-- BEGIN name -->` and `<!-- END name -->` is
replaced. A run that was interrupted goes on where it stopped (`hdrrecon evaluate` keeps its rows in --out).
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

from hdrrecon.evaluation import table
from hdrrecon.evaluation.conditions import choose
from hdrrecon.evaluation.markdown import markdown_table
from hdrrecon.evaluation.methods import BASELINE
from hdrrecon.evaluation.runner import Settings, run
from hdrrecon.evaluation.sources import find_pairs, find_truths
from hdrrecon.evaluation.statistics import Summary, summarise
from hdrrecon.pipeline import classic
from hdrrecon.zoo import MODELS

ROOT = Path(__file__).resolve().parents[1]
SCORES = ROOT / "hdrrecon" / "scores.json"
CONDITIONS = ("clip_95", "unknown_camera")
ORACLES = ("camera_curve", "oracle_linearisation", "oracle_restoration")
SHORT = ("full", "fast", "camera_curve", BASELINE, "kovaleski_oliveira_2014")
NAMES = {
    "full": "**hdrrecon**, `full` (default)",
    "fast": "hdrrecon, `fast`",
    "camera_curve": "mean camera curve, nothing restored",
    BASELINE: "the photo itself, as sRGB",
    "kovaleski_oliveira_2014": "Kovaleski and Oliveira 2014",
}
SHORT_METRICS = ("pu21_psnr", "pu21_psnr_crf", "clipped_log_rmse", "well_log_rmse")
SCORED = {"pu21_psnr": "PU21-PSNR dB", "pu21_psnr_crf": "curve corrected dB", "clipped_log_rmse": "clipped stops"}


def replace_block(text: str, name: str, lines: str) -> str:
    """`text` with what stands between the markers of `name` replaced.

    Raises:
        ValueError: there are no such markers.
    """
    begin, end = f"<!-- BEGIN {name} -->", f"<!-- END {name} -->"
    if begin not in text or end not in text:
        raise ValueError(f"no markers {begin} and {end}")
    return re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n{lines}\n{end}", text, flags=re.S)


def put(path: Path, name: str, lines: str) -> None:
    """Replace a block of a file."""
    path.write_text(replace_block(path.read_text(encoding="utf-8"), name, lines), encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {name}")


def short_table(summaries: Sequence[Summary], condition: str) -> str:
    """The README's five rows: means of four metrics."""
    means = {(s.method, s.metric): s.mean for s in summaries if s.condition == condition}
    heads = ("PU21-PSNR, dB", "curve corrected, dB", "clipped pixels, stops", "well-exposed, stops")
    rows = [
        [NAMES[method], *(f"{means[method, m]:.{1 if 'psnr' in m else 2}f}" for m in SHORT_METRICS)] for method in SHORT
    ]
    return markdown_table(["30 views never trained on, 5 % clipped", *heads], rows)


def scores(summaries: Sequence[Summary], condition: str) -> dict[str, dict[str, float]]:
    """Scores of the models, as `hdrrecon models` prints them."""
    means = {(s.method, s.metric): s.mean for s in summaries if s.condition == condition}
    return {
        model: {title: round(means[model, metric], 2) for metric, title in SCORED.items()}
        for model in MODELS
        if (model, "pu21_psnr") in means
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=Path, required=True, help="HDR views that nothing was trained on")
    parser.add_argument("--pairs", type=Path, help="real photos and their truths")
    parser.add_argument("--curves", type=Path, help="dorf.npz, for unknown_camera")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the rows; kept between runs")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)

    models = ["full", "fast", "masked-features", "dkpn", "linearize"]
    settings = Settings(curves=str(args.curves) if args.curves else None, device="cpu")
    conditions = choose(list(CONDITIONS if args.curves else CONDITIONS[:1]))
    methods = [*models, *(f"classic:{name}" for name in classic.CLASSIC), *ORACLES]
    rows = run(find_truths(args.scenes), conditions, methods, args.out / "views.csv", settings=settings, jobs=args.jobs)
    views = summarise(rows)
    put(ROOT / "README.md", "short-table", short_table(views, CONDITIONS[0]))
    put(ROOT / "docs" / "evaluation.md", "evaluation", table.to_markdown(views).strip())

    known = json.loads(SCORES.read_text(encoding="utf-8"))
    SCORES.write_text(json.dumps({**known, **scores(views, CONDITIONS[0])}, indent=2) + "\n", encoding="utf-8")
    print(SCORES.relative_to(ROOT))

    if args.pairs:
        sources, _ = find_pairs(args.pairs)
        plain = Settings(max_side=None, device="cpu")
        real = run(sources, [None], [*models, *ORACLES], args.out / "real.csv", settings=plain, jobs=args.jobs)
        put(ROOT / "docs" / "evaluation.md", "real-photos", table.to_markdown(summarise(real)).strip())


if __name__ == "__main__":
    main()
