"""Panoramas as lights: what is a panorama, means over exposures first, claims only where the interval excludes 0."""

import csv

import numpy as np
import pytest

from hdrrecon.evaluation.panoramas import (
    BASELINE,
    FIGURES,
    evaluate_panoramas,
    interval,
    per_panorama,
    photographed,
    to_markdown,
    write_csv,
)


def rows(method, values, condition="clip_2"):
    return [
        {"image": f"p{i}", "condition": condition, "method": method, **dict.fromkeys(FIGURES, v)}
        for i, v in enumerate(values)
    ]


def test_the_wanted_share_clips(tmp_path):
    light = np.random.default_rng(0).lognormal(0, 2, (32, 64, 1)).repeat(3, 2).astype(np.float32)
    np.save(tmp_path / "p.npy", light)
    case = photographed(tmp_path / "p.npy", 6.0)
    assert case.condition == "clip_6" and (case.truth >= 1).any(-1).mean() == pytest.approx(0.06, abs=0.01)


@pytest.mark.parametrize("shape", [(32, 63, 3), (30, 60, 3)])
def test_what_is_no_panorama_is_told_and_left_out(tmp_path, shape):
    np.save(tmp_path / "p.npy", np.ones(shape, np.float32))
    told = []
    assert evaluate_panoramas([tmp_path], [], say=told.append) == []
    assert len(told) == 1 and "p.npy is" in told[0] and "multiple of 4" in told[0]


def test_exposures_of_one_panorama_are_averaged_first():
    both = rows("m", [1.0, 2.0]) + rows("m", [3.0], "clip_6")
    assert per_panorama(both, "m", "level") == {"p0": 2.0, "p1": 2.0}


def test_the_interval_of_a_normal_mean():
    values = np.random.default_rng(1).normal(3, 2, 400)
    found = interval(values)
    assert found.mean == pytest.approx(values.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 2 / 20, rel=0.12)


def test_better_is_claimed_only_where_the_paired_interval_excludes_0():
    plain = [1.0, 5.0, 9.0, 2.0]
    table = to_markdown(rows(BASELINE, plain) + rows("good", [v - 0.5 for v in plain]) + rows("same", [2, 4, 9.5, 1]))
    of = {line.split(" | ")[0].strip("| "): line for line in table.splitlines()}
    assert of["good"].count(" better") == len(FIGURES) and "better" not in of["same"] + of[BASELINE]
    assert "worse" not in table and table.startswith("| 4 panoramas | ")


def test_rows_come_back_from_the_file(tmp_path):
    write_csv(tmp_path / "r.csv", rows("m", [1.25, 2.0]))
    with open(tmp_path / "r.csv", newline="") as file:
        read = list(csv.DictReader(file))
    assert [r["image"] for r in read] == ["p0", "p1"] and float(read[0]["diffuse"]) == 1.25
