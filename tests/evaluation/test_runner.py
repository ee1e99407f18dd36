import csv
import math

import numpy as np
import pytest

from hdrrecon.evaluation.conditions import CONDITIONS
from hdrrecon.evaluation.results import COLUMNS, read_rows
from hdrrecon.evaluation.runner import Settings, run
from hdrrecon.evaluation.sources import find_pairs, find_truths

OWN = "tests.evaluation.solvers:"
BASE = [CONDITIONS["clip_95"]]


def evaluate(truths, out, specs, conditions=BASE, **more):
    return run(find_truths(truths), conditions, specs, out, **more)


def by_method(rows, method):
    return [row for row in rows if row["method"] == method]


def test_rows_for_every_image_condition_and_method(truths, tmp_path):
    conditions = [CONDITIONS["clip_95"], CONDITIONS["clip_97"]]
    rows = evaluate(truths, tmp_path / "r.csv", [f"twice={OWN}double", "oracle_linearisation"], conditions)
    assert len(rows) == 3 * 2 * 3 and not any(row["error"] for row in rows)
    assert {row["method"] for row in rows} == {"linearised_input", "twice", "oracle_linearisation"}
    # A scale of its own must cost a method nothing.
    for a, b in zip(by_method(rows, "linearised_input"), by_method(rows, "twice")):
        assert a["pu21_psnr"] == pytest.approx(b["pu21_psnr"], abs=1e-4)
    for plain, oracle in zip(by_method(rows, "linearised_input"), by_method(rows, "oracle_linearisation")):
        assert oracle["well_log_rmse"] < plain["well_log_rmse"] and oracle["rephotograph"] < 0.6
    with open(tmp_path / "r.csv", newline="") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS


def test_a_second_run_computes_nothing(truths, tmp_path):
    out, counted = tmp_path / "r.csv", []
    first = evaluate(truths, out, [OWN + "double"])
    before = out.read_bytes()
    again = evaluate(truths, out, [OWN + "double"], progress=lambda *a: counted.append(a))
    assert not counted and out.read_bytes() == before
    assert [r["image"] for r in again] == [r["image"] for r in first]
    assert again[0]["pu21_psnr"] == pytest.approx(first[0]["pu21_psnr"], abs=1e-4)


def test_a_cut_file_is_finished(truths, tmp_path):
    """A crash in the middle of a line loses that line and nothing else."""
    out, counted = tmp_path / "r.csv", []
    evaluate(truths, out, [OWN + "double"])
    data = out.read_bytes()
    out.write_bytes(data[:-40])
    rows = evaluate(truths, out, [OWN + "double"], progress=lambda *a: counted.append(a))
    assert len(counted) == 1 and len(rows) == 6
    assert len(read_rows(out)) == 6


def test_other_settings_are_other_rows(truths, tmp_path):
    out = tmp_path / "r.csv"
    small = evaluate(truths, out, [], settings=Settings(max_side=64))
    large = evaluate(truths, out, [])
    assert small[0]["width"] == 64 and large[0]["width"] == 128 and len(read_rows(out)) == 6


def test_one_failing_method_stops_no_other(truths, tmp_path):
    rows = evaluate(truths, tmp_path / "r.csv", [OWN + "half", OWN + "angry", OWN + "broken"])
    assert all("sizes differ" in row["error"] for row in by_method(rows, OWN + "half"))
    assert all(row["nonfinite"] == 12 and math.isfinite(row["pu21_psnr"]) for row in by_method(rows, OWN + "broken"))
    angry = by_method(rows, OWN + "angry")
    assert all(not row["error"] or "out of luck" in row["error"] for row in angry)
    assert not any(row["error"] for row in by_method(rows, "linearised_input"))


def test_a_broken_truth_is_named(truths, tmp_path):
    np.save(truths / "zbad.npy", np.full((8, 8, 3), np.nan, np.float32))
    rows = evaluate(truths, tmp_path / "r.csv", [])
    assert [bool(row["error"]) for row in rows] == [False, False, False, True]


def test_processes_give_the_same_numbers(truths, tmp_path):
    one = evaluate(truths, tmp_path / "1.csv", [])
    two = evaluate(truths, tmp_path / "2.csv", [], jobs=2)
    assert [r["pu21_psnr"] for r in two] == pytest.approx([r["pu21_psnr"] for r in one], abs=1e-6)


def test_real_pairs(pair_folder, tmp_path):
    sources, lonely = find_pairs(pair_folder)
    assert lonely == ["lonely.png has no truth"]
    rows = run(sources, [None], ["oracle_linearisation"], tmp_path / "r.csv", settings=Settings(max_side=None))
    good = [r for r in rows if not r["error"]]
    assert {r["image"] for r in good} == {"a", "b"} and {r["condition"] for r in good} == {"real"}
    assert all(
        "other.png is 128 x 96, its truth other.npy 128 x 95" in r["error"] for r in rows if r["image"] == "other"
    )


def test_predictions_from_files(truths, tmp_path):
    folder = tmp_path / "mine" / "clip_95"
    folder.mkdir(parents=True)
    for source in find_truths(truths)[:2]:
        np.save(folder / source.truth.name, 5 * np.load(source.truth))
    rows = by_method(evaluate(truths, tmp_path / "r.csv", [f"files:{tmp_path / 'mine'}"]), "mine")
    assert [row["pu21_psnr"] > 100 for row in rows[:2]] == [True, True]
    assert "no prediction scene2" in rows[2]["error"]


def test_bad_requests_fail_before_anything_runs(truths, tmp_path):
    for specs, says in (
        (["nonsense"], "no method 'nonsense'"),
        (["files:/nowhere"], "not a folder"),
        (["x=camera_curve", "x=oracle_linearisation"], "called the same"),
    ):
        with pytest.raises(ValueError, match=says):
            evaluate(truths, tmp_path / "r.csv", specs)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="columns differ"):
        evaluate(truths, tmp_path / "other.csv", [])
    assert not (tmp_path / "r.csv").exists()
