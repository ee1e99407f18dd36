"""The two memories, cell by cell."""

import numpy as np
import pytest

from hdrrecon.video.memory import MemoryConfig, SmallFrame, carried, correction, nothing, observed
from hdrrecon.video.motion import Motion

SIZE = (8, 10)
CONFIG = MemoryConfig()


def frame(said=0.0, linear=1.0, over=1.0, spread=0.5):
    full = lambda value: np.full((*SIZE, 3), value, np.float32)  # noqa: E731
    return SmallFrame(
        full(linear), full(over), np.full(SIZE, over > 0), full(said), full(said), np.full(SIZE, spread, np.float32)
    )


def still(exposure=0.0, trust=1.0):
    return Motion(np.zeros((*SIZE, 2), np.float32), np.full(SIZE, trust, np.float32), np.full(3, exposure, np.float32))


def run(frames, motions):
    state = observed(nothing(SIZE), frames[0])
    before = None
    for one, motion in zip(frames[1:], motions):
        before = carried(state, motion, one, 25)
        state = observed(before, one)
    return before, state


def test_noise_of_answers_is_averaged_and_the_first_is_believed_whole():
    rng = np.random.default_rng(0)
    said = 2 + CONFIG.noise_stops * rng.normal(size=40)
    first = observed(nothing(SIZE), frame(said[0]))
    assert first.said == pytest.approx(said[0], abs=1e-3)
    frames = [frame(v) for v in said]
    before, state = run(frames, [still()] * 39)
    assert abs(float(state.said.mean()) - 2) < CONFIG.noise_stops
    steady = correction(frames[-1], state, before, None) + frames[-1].said
    assert np.abs(steady - 2).max() < 0.6 * CONFIG.noise_stops
    assert (state.variance < 0.3 * CONFIG.noise_stops**2).all()


def test_where_motion_is_not_believed_the_frame_is():
    frames = [frame(1.0)] * 10 + [frame(3.0)]
    _, state = run(frames, [still()] * 9 + [still(trust=0.0)])
    assert (state.said > 2.8).all()
    _, state = run(frames, [still()] * 10)
    assert (state.said < 1.5).all()


def test_memory_follows_the_exposure():
    """Exposure falls by half a stop: the same lamp is half a stop less above the clip level."""
    frames = [frame(2.0)] * 10 + [frame(1.5)]
    before, _ = run(frames, [still()] * 9 + [still(exposure=-0.5)])
    assert before.said == pytest.approx(1.5, abs=1e-3)


def test_light_measured_before_it_clipped_wins_over_a_guess():
    frames = [frame(0.0, linear=0.8, over=0.0), frame(2.0)]
    before, state = run(frames, [still(exposure=1.0)])
    truth = np.log2(0.8) + 1
    assert frames[1].boost + correction(frames[1], state, before, None) == pytest.approx(truth, abs=0.1)
    without = correction(frames[1], state, before, None, remember_measured=False)
    assert frames[1].boost + without == pytest.approx(2.0, abs=0.01)


def test_less_light_than_the_clip_level_contradicts_the_frame_and_is_forgotten():
    """A shadow moved away."""
    frames = [frame(0.0, linear=0.2, over=0.0), frame(2.0)]
    before, state = run(frames, [still()])
    assert (before.share == 0).all()
    assert correction(frames[1], state, before, None) == pytest.approx(0, abs=1e-3)


def test_both_sides_count_alike():
    said = [1.0, 3.0]
    past = observed(nothing(SIZE), frame(2.0))
    sides = [carried(observed(nothing(SIZE), frame(v)), still(), frame(2.0), 25) for v in said]
    one, other = (correction(frame(2.0), observed(a, frame(2.0)), a, b) for a, b in (sides, sides[::-1]))
    assert one == pytest.approx(other, abs=1e-4) and past.said.shape == (*SIZE, 3)


def test_nothing_is_corrected_where_nothing_was_asked():
    frames = [frame(1.0)] * 3 + [frame(0.0, linear=0.5, over=0.0)]
    before, state = run(frames, [still()] * 3)
    assert not correction(frames[-1], state, before, None).any()
