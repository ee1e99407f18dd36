"""What a panorama says about the light that clipped: the same however the camera was turned."""

from dataclasses import replace

import numpy as np
import pytest

from hdrrecon.latlong import directions
from hdrrecon.networks.restore.panorama_statistics import Source, find_source, statistics
from tests.networks.restore.test_light_budget import HEIGHT, biased, daylight, network, turned


@pytest.mark.parametrize("columns", [1, 37, 64, 127])
def test_turning_the_panorama_changes_no_statistic(columns):
    seen = daylight()
    here = statistics(seen, find_source(seen.clipped))
    there = turned(seen, columns)
    got = statistics(there, find_source(there.clipped))
    assert got == pytest.approx(here, abs=2e-3) and all(np.isfinite(list(here.values())))


def test_brighter_ground_asks_for_a_brighter_sun():
    dark, bright = (daylight(ground=value) for value in (0.1, 0.4))
    source = find_source(dark.clipped)
    assert statistics(bright, source)["rule"] - statistics(dark, source)["rule"] == pytest.approx(2, abs=0.01)
    assert statistics(bright, source)["balance"] > statistics(dark, source)["balance"]


def test_a_black_disc_where_the_tripod_stood_is_no_ground():
    seen, holed = daylight(), daylight()
    holed.linear[directions(HEIGHT)[..., 1] < -0.95] = 0
    source = find_source(seen.clipped)
    here, there = (
        statistics(one, source) for one in (seen, replace(holed, energy=np.maximum(holed.energy, holed.linear)))
    )
    assert there["ground"] == pytest.approx(here["ground"], abs=0.05)


def test_the_source_is_in_the_middle_of_the_thickest_clipped_region():
    seen = daylight(50, 170, glare_deg=10)
    small = np.linalg.norm(directions(HEIGHT) - [0, 0.5, 0.866], axis=-1) < 0.06
    seen.clipped[small] = 1
    toward = find_source(seen.clipped).direction
    want = Source.at(50, 170, seen.clipped)
    assert np.degrees(np.arccos(toward @ want.direction)) < 4 and want.region.sum() > 20
    assert not want.region[small].any(), "a smaller mirror image in a window is not part of it"


def test_nothing_clipped_above_the_horizon_is_no_source():
    seen = daylight()
    ground = replace(seen, clipped=(directions(HEIGHT)[..., 1] < 0).astype(np.float32))
    assert find_source(ground.clipped) is None
    estimate = biased(network(), "hard sun").weigh(ground)
    assert not estimate.has_sun and estimate.sun_elevation_deg is None and estimate.gain == 1
