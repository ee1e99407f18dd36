"""The shoulder: light under a limit, hue kept, nothing touched that fits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.io.headroom import shoulder


def test_shoulder():
    light = np.linspace(0, 50, 2001, dtype=np.float32)[:, None] * np.float32([1, 0.5, 0.1])
    bent = shoulder(light, 8.0)
    assert bent.max() < 8.0 and (np.diff(bent[:, 0]) > 0).all()
    np.testing.assert_array_equal(bent[light[:, 0] <= 4], light[light[:, 0] <= 4])
    np.testing.assert_allclose(bent[1:, 1] / bent[1:, 0], 0.5, rtol=1e-5)
    slope = np.diff(bent[:, 0]) / np.diff(light[:, 0])
    assert np.abs(np.diff(slope)).max() < 0.02, "no kink"
    assert shoulder(light, 50.0) is light and shoulder(light[:100], 8.0, brightest=50.0)[99, 0] == light[99, 0]


@given(limit=st.floats(0.01, 1e4), factor=st.floats(1.01, 1e4))
def test_the_limit_is_never_passed_and_the_unit_does_not_matter(limit, factor):
    light = np.float32([[limit * factor, limit / 3, 0.0], [limit / 4, 0.0, 0.0]])
    bent = shoulder(light, limit)
    assert bent.max() <= limit * (1 + 1e-5) and bent[0, 0] >= limit / 2
    np.testing.assert_allclose(shoulder(light * 8, limit * 8), bent * 8, rtol=1e-4)
