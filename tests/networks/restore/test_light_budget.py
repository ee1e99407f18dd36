"""The light budget: what it is told, that it does not matter how a panorama was turned, and what it decides."""

import numpy as np
import pytest
import torch

from hdrrecon.latlong import directions
from hdrrecon.networks.restore.light_budget import BRIGHTEST_SUN, KINDS, LightBudget, LightBudgetConfig
from hdrrecon.networks.restore.panorama_statistics import SeenPanorama, find_source, statistics

HEIGHT = 64


def daylight(
    elevation_deg: float = 40.0, azimuth_deg: float = 30.0, ground: float = 0.1, glare_deg: float = 8.0
) -> SeenPanorama:
    """A blue sky with a clipped sun over grey ground."""
    north, east = np.radians(elevation_deg), np.radians(azimuth_deg)
    toward = np.array([np.cos(north) * np.sin(east), np.sin(north), np.cos(north) * np.cos(east)])
    vectors = directions(HEIGHT)
    away = np.degrees(np.arccos(np.clip(vectors @ toward, -1, 1)))
    sky = 0.2 + 0.8 * np.exp(-away / 20)
    light = np.where(vectors[..., 1] > 0, sky, ground)[..., None] * np.array([0.8, 1.0, 1.3])
    clipped = (away < glare_deg) & (vectors[..., 1] > 0)
    light[clipped] = 1.0
    energy = light * np.where(clipped, 4.0, 1.0)[..., None]
    return SeenPanorama(light.astype(np.float32), energy.astype(np.float32), clipped.astype(np.float32))


def turned(seen: SeenPanorama, columns: int) -> SeenPanorama:
    return SeenPanorama(*(np.roll(getattr(seen, name), columns, 1) for name in ("linear", "energy", "clipped")))


def network(seed: int = 0, **config) -> LightBudget:
    torch.manual_seed(seed)
    seen = daylight()
    names = tuple(statistics(seen, find_source(seen.clipped)))
    return LightBudget(LightBudgetConfig(names, members=3, hidden=8, **config)).eval()


def biased(net: LightBudget, kind: str) -> LightBudget:
    """A network that is sure of one kind of light."""
    with torch.no_grad():
        net.weight3.zero_()
        net.bias3.zero_()
        net.bias3[..., KINDS.index(kind)] = 10
    return net


@pytest.mark.parametrize("kind", KINDS)
def test_only_suns_shine_and_only_they_change_stage_2(kind):
    estimate = biased(network(), kind).weigh(daylight())
    assert estimate.kind == kind and estimate.has_sun == kind.endswith("sun")
    assert estimate.has_sun or estimate.gain == 1
    assert sum(estimate.probabilities.values()) == pytest.approx(1)
    if estimate.has_sun:
        assert estimate.sun_elevation_deg == pytest.approx(40, abs=3) and estimate.sun_azimuth_deg == pytest.approx(
            30, abs=3
        )


def test_a_sun_that_is_hardly_likelier_than_none_gets_less_light():
    """The median of the posterior: none with the probability of no sun, else a Laplace law of its logarithm."""
    net, strengths = network(), []
    for push in (0.05, 0.3, 5.0):
        with torch.no_grad():
            biased(net, "sky").bias3[..., KINDS.index("sky")] = 0
            net.bias3[..., 0] = push + 1.0
        strengths.append(net.weigh(daylight()).sun_illuminance)
    assert 0 < strengths[0] < strengths[1] < strengths[2]


def test_no_sun_is_brighter_than_a_clear_skys():
    """Whatever the network says, as on snow, whose ground asks for four times too much."""
    net, seen = biased(network(), "hard sun"), daylight(ground=0.9)
    with torch.no_grad():
        net.bias3[..., len(KINDS)] = 20
    values = statistics(seen, find_source(seen.clipped))
    sky = 2 ** (values["visible"] + values["restored"])
    assert net.weigh(seen).sun_illuminance == pytest.approx(BRIGHTEST_SUN * sky, rel=1e-3)


def test_off_and_given_suns():
    net = biased(network(), "hard sun")
    assert not net.weigh(daylight(), "off").has_sun
    net = biased(network(), "sky")
    given = net.weigh(daylight(), (60.0, -100.0))
    assert given.given and given.has_sun and given.kind.endswith("sun")
    assert (given.sun_elevation_deg, given.sun_azimuth_deg) == pytest.approx((60, -100))
    assert net.weigh(daylight(), (60.0, -100.0, 12.5)).sun_illuminance == 12.5


def test_the_shipped_network_sees_the_sun_and_not_the_overcast_sky():
    from hdrrecon import zoo

    net = zoo.load("light-budget")
    seen = daylight(ground=0.5, glare_deg=4)
    cloudy = np.where(directions(HEIGHT)[..., 1] > 0, 0.8, 0.1)[..., None] * np.ones(3)
    clouds = SeenPanorama(*(cloudy.astype(np.float32),) * 2, np.zeros((HEIGHT, 2 * HEIGHT), np.float32))
    assert net.weigh(clouds).sun_illuminance == 0
    assert net.weigh(seen).sun_probability > net.weigh(clouds).sun_probability
