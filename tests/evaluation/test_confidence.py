from types import SimpleNamespace

import numpy as np
import pytest

from hdrrecon.evaluation import methods
from hdrrecon.evaluation.conditions import CONDITIONS, take_photo
from hdrrecon.evaluation.confidence import measure, sentences
from hdrrecon.evaluation.runner import run
from hdrrecon.evaluation.sources import find_truths


@pytest.fixture
def seer(monkeypatch):
    """A model that sees the truth through the photo and says that it is 60 % sure."""
    monkeypatch.setattr(methods, "_model_version", lambda name: "abc")

    def reconstruct(photo, details):
        return SimpleNamespace(radiance=photo / 255.0, response=None, confidence=np.full(photo.shape[:2], 0.6))

    monkeypatch.setattr(methods, "_reconstructor", lambda name, device: reconstruct)


def test_the_truth_is_right_and_inside(small_hdr):
    case = take_photo(CONDITIONS["clip_95"], small_hdr, "scene")
    found = measure(case, methods.Prediction(case.truth, None, lambda: np.full(case.truth.shape[:2], 0.6)))
    assert found == {"sure": pytest.approx(0.6), "right": 1, "inside": 1}


def test_a_run_says_how_sure_and_how_right(truths, tmp_path, seer):
    """Rows keep the figures, a second run reads them, and methods that state no confidence are not mentioned."""
    for _ in range(2):
        rows = run(find_truths(truths), [CONDITIONS["clip_95"]], ["seer=full"], tmp_path / "r.csv")
        text = sentences(rows)
        assert "seer, clip_95" in text and "60 % sure" in text and "3 images" in text and "linearised_input" not in text
    assert sentences([row for row in rows if row["method"] != "seer"]) == ""
