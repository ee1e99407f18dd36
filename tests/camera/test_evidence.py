"""What a photo can tell is counted, not believed."""

import numpy as np
import pytest

from hdrrecon.camera.evidence import FEW_PX, IGNORANCE, MANY_PX, brightest_code, confidence, telling, varied_levels


def test_levels_are_counted_by_how_evenly_they_occur():
    assert varied_levels(np.ones(256)) == pytest.approx(256) and varied_levels([0, 5]) == 1
    mostly_white = np.r_[np.full(200, 0.02 / 200), 0.98]
    assert 1 < varied_levels(mostly_white) < 4, "antialiased text has many code values and hardly any tones"
    assert varied_levels([]) == varied_levels([0, 0]) == 1


def test_a_few_levels_tell_nothing_and_a_photo_all_it_can():
    assert telling(1) == telling(4) == 0 and telling(16) == telling(150) == 1
    assert 0 < telling(6) < telling(9) < 1


def test_what_tells_least_counts():
    assert telling(150, FEW_PX) == 0 and telling(150, MANY_PX) == 1 and 0 < telling(150, 24 * 24) < telling(150, 900)
    assert telling(150, 1e6, 10 / 255) == 0 and telling(150, 1e6, 100 / 255) == 1
    assert 0 < telling(150, 1e6, 30 / 255) < telling(150, 1e6, 60 / 255) < 1
    assert telling(6, 1e6, 1) == telling(6) and telling(6, FEW_PX, 1) == 0


def test_a_lamp_in_the_night_is_bright_and_a_hot_pixel_is_not():
    night = np.zeros(256)
    night[5], night[250] = 99_900, 100
    assert brightest_code(night) == pytest.approx(250 / 255)
    night[5], night[250] = 99_999, 1
    assert brightest_code(night) == pytest.approx(5 / 255)
    assert brightest_code(np.zeros(256)) == 0


def test_confidence_is_the_doubt_that_is_gone():
    assert confidence(np.zeros(8), 1) == 1 and confidence(np.zeros(8), 0) == 0
    assert confidence(np.full(8, IGNORANCE), 1) == confidence(np.full(8, 1.0), 1) == 0
    assert confidence(np.full(8, IGNORANCE / 2), 1) == pytest.approx(0.75)
    assert confidence(np.full(8, IGNORANCE / 2), 0.5) == pytest.approx(0.375)
