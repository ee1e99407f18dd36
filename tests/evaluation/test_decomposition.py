"""Where the next decibel is: differences of means, and nothing said of what was not run."""

from types import SimpleNamespace

from hdrrecon.evaluation.decomposition import decomposition
from hdrrecon.evaluation.methods import BASELINE


def summary(method, mean, condition="clip_95"):
    return SimpleNamespace(condition=condition, method=method, metric="pu21_psnr", mean=mean)


def test_perfect_steps_are_told_as_gains():
    text = decomposition(
        [
            summary(BASELINE, 25),
            summary("oracle_linearisation", 28.5),
            summary("oracle_restoration", 33),
            summary("full", 31),
        ],
        "full",
    )
    assert "perfect linearisation alone: +3.50 dB over the plain input" in text
    assert "perfect highlights on our linearisation: +2.00 dB over full" in text


def test_what_was_not_run_is_not_told_of():
    text = decomposition([summary(BASELINE, 25), summary("full", 31), summary("full", 30, "clip_90")], "full")
    assert "perfect" not in text.split("stops):")[1] and "true curve" not in text
    assert text.count("31.00") == text.count("30.00") == 1 and text.index("clip_95") < text.index("clip_90")
