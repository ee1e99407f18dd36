"""Members of every family of responses are responses."""

import numpy as np

from hdrrecon.camera.basis import FAMILIES


def test_every_family_gives_valid_curves(curves):
    rng = np.random.default_rng(0)
    for family in FAMILIES:
        for _ in range(40):
            inverse = curves.sample(family, rng).inverse  # ResponseCurve refuses what is not monotone
            assert inverse.shape[0] == (3 if family == "camera" else 1)
