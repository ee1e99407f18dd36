"""The two knobs: how much of what was restored is used, and how bright light may become."""

import numpy as np
import pytest

from hdrrecon.api import Reconstructor
from tests.pipeline.test_pipeline import random_pipeline


@pytest.fixture(scope="module")
def rebuild():
    return Reconstructor(random_pipeline(), "cpu")


def test_zero_is_the_linearised_photo_and_one_the_light(rebuild, small_photo):
    full = rebuild(small_photo, response="srgb", details=True)
    assert np.array_equal(rebuild(small_photo, response="srgb", strength=1), full.radiance)
    assert np.allclose(rebuild(small_photo, response="srgb", strength=0), full.linear, rtol=1e-6)


def test_between_it_grows_steadily_and_in_stops(rebuild, small_photo):
    full = rebuild(small_photo, response="srgb", details=True)
    lights = [rebuild(small_photo, response="srgb", strength=s) for s in (0.25, 0.5, 0.75)]
    for dim, bright in zip([full.linear, *lights], [*lights, full.radiance]):
        assert (bright >= dim * (1 - 1e-5)).all()
    lit = full.linear > 0.1
    half = np.sqrt(full.linear[lit] * full.radiance[lit])
    assert np.allclose(lights[1][lit], half, rtol=1e-4)


def test_light_stays_below_its_limit_and_measured_light_as_it_was(rebuild, small_photo):
    full = rebuild(small_photo, response="srgb", details=True)
    assert full.radiance.max() > 2**0.5
    limited = rebuild(small_photo, response="srgb", max_stops=0.25)
    assert limited.max() == pytest.approx(2**0.25)
    measured = full.over.max(axis=2) == 0
    assert np.array_equal(limited[measured], full.radiance[measured])


@pytest.mark.parametrize("wrong", [{"strength": 1.5}, {"strength": -0.1}, {"strength": "much"}, {"max_stops": -1}])
def test_wrong_values_are_refused_by_name(rebuild, small_photo, wrong):
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        rebuild(small_photo, **wrong)
