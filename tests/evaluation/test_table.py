"""Tables of summaries: every number is there, troubles are marked, the best comes first."""

import csv
import math
from dataclasses import replace
from io import StringIO

from hdrrecon.evaluation.statistics import Summary, summarise
from hdrrecon.evaluation.table import to_csv, to_markdown, troubles
from tests.evaluation.test_statistics import rows


def test_tables_hold_every_number():
    summaries = summarise(rows([1.0] * 8), ["pu21_psnr"])
    lines = to_csv(summaries).splitlines()
    assert len(lines) == 3 and lines[0].startswith("protocol,condition,method") and "hdrrecon-eval v1" in lines[1]
    table = to_markdown(summaries, ["pu21_psnr"])
    assert "hdrrecon-eval v1, clip_95" in table and "▲" in table
    assert "| +1.00 [+1.00, +1.00] | better |" in table
    assert to_markdown([]) and to_csv([])


def test_the_best_method_comes_first_and_nan_last():
    given = rows([3.0] * 8) + [r for r in rows([-3.0] * 8, method="worse") if r["method"] == "worse"]
    found = summarise(given, ["pu21_psnr"])
    empty = replace(found[0], method="empty", n=0, mean=math.nan)
    table = to_markdown([empty, *found], ["pu21_psnr"])
    places = [table.index(f"| {name} |") for name in ("mine", "linearised_input", "worse", "empty")]
    assert places == sorted(places)


def test_failures_and_nan_stand_beside_the_method():
    summary = Summary("c", "m", "pu21_psnr", 8, 2, 1, *[1.0] * 4, *[0.0] * 3, "better")
    assert troubles(summary) == " (**2 failed, 1 with NaN or inf**)"


def test_csv_gives_back_what_was_summarised():
    found = summarise(rows([0.5] * 8))
    read = list(csv.DictReader(StringIO(to_csv(found))))
    assert len(read) == len(found)
    for mine, summary in zip(read, found):
        assert mine["method"] == summary.method and int(mine["n"]) == summary.n
        assert math.isclose(float(mine["mean"]), summary.mean, rel_tol=1e-5) or math.isnan(summary.mean)
