"""Steadiness of clips whose flicker is known."""

import numpy as np
import pytest

from hdrrecon.metrics.temporal import frames_to_settle, steadiness, temporal_pu21_psnr


def moving(count=6, shift=1, size=64, seed=0):
    rng = np.random.default_rng(seed)
    scene = 0.2 + 0.3 * rng.random((size, size + count * shift, 1)) * np.ones(3)
    scene[10:30, 20:60] = 4.0
    truth = [scene[:, t * shift : t * shift + size] for t in range(count)]
    frames = [np.rint(255 * np.clip(x, 0, 1) ** (1 / 2.2)).astype(np.uint8) for x in truth]
    return frames, truth


@pytest.mark.parametrize("shift", [0, 1, 3])
def test_truth_is_steady(shift):
    frames, truth = moving(shift=shift)
    score = steadiness(truth, frames, truth, truth, shift)
    assert score.clipped == score.measured == score.jump == score.border == 0 and score.error == pytest.approx(0)
    assert score.tpu_psnr > 100


def test_flicker_of_clipped_pixels_is_found_where_it_is():
    frames, truth = moving()
    lights = [
        x * np.where(f.max(-1) >= 254, 2.0 ** (0.1 * (t % 2)), 1)[..., None]
        for t, (x, f) in enumerate(zip(truth, frames))
    ]
    score = steadiness(lights, frames, truth, truth, 1)
    assert score.clipped == pytest.approx(0.1, abs=1e-6) and score.measured == 0
    assert temporal_pu21_psnr(lights, truth, 1) < 60


def test_pumping_is_a_jump_and_exposure_is_none():
    frames, truth = moving(shift=0)
    gains = [2.0 ** (0.02 * (t % 2)) for t in range(6)]
    lights = [x * g for x, g in zip(truth, gains)]
    assert steadiness(lights, frames, truth, truth).jump == pytest.approx(0.02, abs=1e-6)
    assert steadiness(lights, frames, lights, lights, exposure=gains).jump == pytest.approx(0, abs=1e-6)


def test_one_gain_for_a_clip_is_no_error():
    frames, truth = moving()
    assert steadiness([3 * x for x in truth], frames, truth, truth, 1).error == pytest.approx(0, abs=1e-9)


def test_settling_is_counted_from_the_cut():
    assert frames_to_settle([1.0, 0.8, 0.51, 0.5, 0.5, 0.5, 0.5]) == 2
    assert frames_to_settle([0.5] * 6) == 0


def test_clips_of_other_lengths_are_refused():
    frames, truth = moving()
    with pytest.raises(ValueError, match="as many"):
        steadiness(truth[:-1], frames, truth, truth)
    with pytest.raises(ValueError, match="two at least"):
        steadiness(truth[:1], frames[:1], truth[:1], truth[:1])
