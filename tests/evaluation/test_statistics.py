import math

import numpy as np
import pytest

from hdrrecon.evaluation.results import COLUMNS
from hdrrecon.evaluation.statistics import ALL, bootstrap_interval, summarise, unusable
from hdrrecon.evaluation.table import to_markdown


def row(method, image, condition="clip_95", **values):
    base = dict.fromkeys(COLUMNS, math.nan)
    return {
        **base,
        "method": method,
        "image": str(image),
        "condition": condition,
        "error": "",
        "nonfinite": 0,
        **values,
    }


def rows(offsets, metric="pu21_psnr", method="mine", condition="clip_95"):
    """A plain input that varies a lot between images, and a method that differs from it by the offsets."""
    plain = np.random.default_rng(1).normal(25, 6, len(offsets))
    out = [row("linearised_input", i, condition, **{metric: v}) for i, v in enumerate(plain)]
    return out + [row(method, i, condition, **{metric: v + o}) for i, (v, o) in enumerate(zip(plain, offsets))]


def only(summaries, method="mine", metric="pu21_psnr", condition="clip_95"):
    return next(s for s in summaries if (s.method, s.metric, s.condition) == (method, metric, condition))


def test_paired_difference_sees_what_unpaired_means_hide():
    found = only(summarise(rows([0.9, 1.1, 1.0, 1.2, 0.8, 1.0, 1.1, 0.9])))
    assert found.low < found.mean - found.difference < found.high  # the intervals overlap, yet
    assert found.verdict == "better" and found.difference == pytest.approx(1.0)


def test_better_needs_an_interval_without_zero():
    assert only(summarise(rows([3, -2, 1, -1, 2, -3, 1, 0]))).verdict == "not shown"
    assert only(summarise(rows([-1] * 8))).verdict == "worse"
    assert only(summarise(rows([1e-4] * 8))).verdict == "not shown"


def test_lower_is_better_where_it_is():
    found = only(summarise(rows([-1.0, -1.1, -0.9, -1, -1, -1], "clipped_log_rmse")), metric="clipped_log_rmse")
    assert found.verdict == "better"


def test_signed_errors_do_not_cancel():
    data = [row("linearised_input", i, clipped_energy=(-1) ** i * 2.0) for i in range(8)]
    assert only(summarise(data), "linearised_input", "clipped_energy").mean == 2


def test_few_images_claim_nothing():
    assert only(summarise(rows([5, 5, 5]))).verdict == "too few images"


def test_a_failed_prediction_is_counted_and_forbids_a_claim():
    data = rows([5.0] * 8)
    data[-1] = row("mine", 7, error="ValueError: no")
    found = only(summarise(data))
    assert (found.n, found.failed, found.verdict) == (7, 1, "incomplete")
    assert "1 failed" in to_markdown(summarise(data))


def test_nan_predictions_are_counted_in_the_table():
    data = rows([1.0] * 8)
    data[-1]["nonfinite"] = 12
    assert only(summarise(data)).nonfinite == 1
    assert "1 with NaN or inf" in to_markdown(summarise(data))


def test_an_unusable_case_counts_for_no_method():
    data = rows([1.0] * 8) + [row(m, "broken", error="ValueError: NaN") for m in ("linearised_input", "mine")]
    assert only(summarise(data)).verdict == "better"
    assert unusable(data) == {("clip_95", "broken"): "ValueError: NaN"}


def test_missing_values_are_left_out_and_n_says_so():
    data = rows([1.0] * 8)
    data[0]["pu21_psnr"] = math.nan
    found = summarise(data)
    assert (only(found, "linearised_input").n, only(found).n) == (7, 8)
    assert only(found).difference == pytest.approx(1)


def test_conditions_of_one_image_are_not_independent():
    data = rows([1.0] * 8) + rows([1.0] * 8, condition="clip_97")
    assert only(summarise(data), condition=ALL).n == 8


def test_bootstrap_interval_of_a_normal_mean():
    """Against theory: 1.96 standard errors."""
    values = np.random.default_rng(5).normal(10, 2, 400)
    low, high = bootstrap_interval(values)
    error = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - error, abs=0.03) and high == pytest.approx(
        values.mean() + error, abs=0.03
    )
    assert bootstrap_interval(values) == (low, high)
    assert all(math.isnan(v) for v in bootstrap_interval([]))
