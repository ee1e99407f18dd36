"""Time slices show flicker, and only that."""

import numpy as np
import pytest

from hdrrecon.view.time_slice import brightest_row, time_slice, time_slice_strip


def film(flicker):
    rng = np.random.default_rng(0)
    base = np.full((20, 30, 3), 0.2, np.float32)
    base[7, 10:20] = 3
    return [base * 2.0 ** (flicker * rng.normal()) for _ in range(12)]


def test_a_slice_is_one_row_of_each_frame():
    lights = film(0.5)
    assert brightest_row(lights[0]) == 7
    line = time_slice(lights, 7)
    assert line.shape == (12, 30, 3) and np.array_equal(line[5], lights[5][7])


def test_steady_light_makes_stripes():
    strip = time_slice_strip({"before": film(0.5), "after": film(0)}, stops=(-2,))
    half = len(strip) // 2
    before, after = strip[30:half], strip[half + 30 :]
    assert (np.ptp(after[:60], axis=0) == 0).all() and np.ptp(before[:60], axis=0).max() > 20


def test_a_film_without_frames_is_refused():
    with pytest.raises(ValueError, match="frame"):
        time_slice([], 0)
    with pytest.raises(ValueError, match="clips"):
        time_slice_strip({})
