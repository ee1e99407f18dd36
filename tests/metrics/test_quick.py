"""The quick scores of training."""

import math

import pytest
import torch

from hdrrecon.metrics.quick import alignment_gain, mean_of, protocol_scores


def test_images_without_a_figure_do_not_count():
    rows = [{"clipped": 1.0}, {"clipped": math.nan}, {"clipped": 3.0}]
    assert mean_of(rows, "clipped") == 2 and mean_of(rows[1:2], "clipped") == 0


def test_a_gain_is_taken_out_before_scores():
    truth = torch.rand(1, 3, 32, 32, generator=torch.manual_seed(0)) * 0.7 + 0.1
    assert alignment_gain(truth / 2, truth, truth).item() == pytest.approx(2)
    scores = protocol_scores(truth / 2, truth, truth)
    assert scores["well"] == pytest.approx(0, abs=1e-4) and math.isnan(scores["clipped"])
