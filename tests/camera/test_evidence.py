"""What a photo can tell is counted, not believed."""

import numpy as np
import pytest

from hdrrecon.camera.evidence import IGNORANCE, confidence, telling, varied_levels


def test_levels_are_counted_by_how_evenly_they_occur():
    assert varied_levels(np.ones(256)) == pytest.approx(256) and varied_levels([0, 5]) == 1
    mostly_white = np.r_[np.full(200, 0.02 / 200), 0.98]
    assert 1 < varied_levels(mostly_white) < 4, "antialiased text has many code values and hardly any tones"
    assert varied_levels([]) == varied_levels([0, 0]) == 1


def test_a_few_levels_tell_nothing_and_a_photo_all_it_can():
    assert telling(1) == telling(4) == 0 and telling(16) == telling(150) == 1
    assert 0 < telling(6) < telling(9) < 1


def test_confidence_is_the_doubt_that_is_gone():
    assert confidence(np.zeros(8), 100) == 1 and confidence(np.zeros(8), 3) == 0
    assert confidence(np.full(8, IGNORANCE), 100) == confidence(np.full(8, 1.0), 100) == 0
    assert confidence(np.full(8, IGNORANCE / 2), 100) == pytest.approx(0.75)
