"""Films made of scenes with known light, and the methods that are compared on them."""

import itertools

import numpy as np
import pytest

from hdrrecon.evaluation.video import (
    CLIPS,
    bt2446_a,
    evaluate_video,
    make_clip,
    methods,
    smoothed_percentiles,
    to_markdown,
)


def scene(seed=0):
    import cv2

    rng = np.random.default_rng(seed)
    light = cv2.GaussianBlur(rng.random((96, 140, 3)).astype(np.float32), (0, 0), 3) ** 2
    light *= np.linspace(0.05, 1, 96)[:, None, None]
    light[30:50, 60:90] = 30
    return light


@pytest.mark.parametrize("name", CLIPS[:4])
def test_clips_show_the_truth_through_a_camera(name):
    clip = make_clip(scene(), name, 8)
    assert len(clip.frames) == len(clip.truth) == len(clip.exposure) == 8
    for frame, truth, linear in zip(clip.frames, clip.truth, clip.linear):
        well = frame.max(-1) < 250
        assert np.abs(linear - truth)[well].mean() < 0.01
    if clip.shift_px:
        a, b = (x / e for x, e in zip(clip.truth[:2], clip.exposure[:2]))
        assert np.allclose(a[:, 1:], b[:, :-1])
    shares = [(frame.max(-1) >= 254).mean() for frame in clip.frames]
    assert shares[-1] > 0.02 and (name != "rise" or shares[0] < 0.5 * shares[-1] or clip.exposure[0] == 0.25)


def test_bt2446_has_black_and_the_peak_where_they_belong():
    codes = np.array([0, 255], np.uint8)[:, None, None] * np.ones((2, 1, 3), np.uint8)
    light = bt2446_a(codes)
    assert light[0].max() == 0 and light[1] == pytest.approx(5, rel=0.01)
    grey = bt2446_a(np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, 2))
    assert (np.diff(grey[:, 0, 0]) >= 0).all()


def test_smoothed_percentiles_take_out_pumping():
    rng = np.random.default_rng(0)
    base = 0.1 + rng.random((16, 16, 3))
    pumping = [base * 2.0 ** (0.2 * (t % 2)) for t in range(30)]
    smooth = smoothed_percentiles(pumping)
    jumps = [abs(np.median(np.log2(b / a))) for a, b in itertools.pairwise(smooth)]
    assert max(jumps) < 0.02


def test_the_table_compares_all_methods_on_all_clips():
    chosen = methods("fast")
    few = {name: chosen[name] for name in ("frame by frame", "steady")}
    rows = list(evaluate_video([scene(), scene(1)], few, count=6))
    assert {(row["clip"], row["method"]) for row in rows} == set(itertools.product(CLIPS, few))
    jump = {row["method"]: row["jump"] for row in rows if row["clip"] == "still"}
    assert jump["steady"] < jump["frame by frame"]
    assert to_markdown(rows).count("\n") == len(rows) + 1


def test_scenes_too_small_to_film_are_refused():
    with pytest.raises(ValueError, match="64"):
        make_clip(np.ones((32, 32, 3)), "pan", 8)
