"""The light report, against cases that can be integrated by hand."""

import numpy as np
import pytest

from hdrrecon.view.light_report import ground_cosine, light_report, pixel_solid_angle


def directions(height):
    """Latitude (H, 1) and longitude (1, 2 H) of pixel centres in radians."""
    latitude = np.radians(90 - (np.arange(height) + 0.5) / height * 180)[:, None]
    return latitude, np.radians((np.arange(2 * height) + 0.5) / (2 * height) * 360 - 180)[None]


def grey(light):
    return np.repeat(np.asarray(light, np.float32)[..., None], 3, axis=2)


def with_sun(height, longitude_deg, latitude_deg, radius_deg, luminance, sky=0.0):
    latitude, longitude = directions(height)
    at, to = np.radians(latitude_deg), np.radians(longitude_deg)
    cosine = np.sin(latitude) * np.sin(at) + np.cos(latitude) * np.cos(at) * np.cos(longitude - to)
    return grey(np.where(cosine >= np.cos(np.radians(radius_deg)), luminance, sky))


@pytest.mark.parametrize("height", [1, 2, 7, 64])
def test_weights_sum_to_the_sphere_and_the_hemisphere(height):
    assert 2 * height * pixel_solid_angle(height).sum() == pytest.approx(4 * np.pi)
    assert 2 * height * ground_cosine(height).sum() == pytest.approx(np.pi)


def test_a_uniform_sky_of_luminance_L_gives_pi_L():
    report = light_report(np.full((32, 64, 3), 2.5))
    assert report.illuminance == pytest.approx(2.5 * np.pi) and report.share == pytest.approx(1)
    assert not report.compact and "broad" in report.lines()[-1]


def test_the_lower_hemisphere_does_not_light_the_ground():
    light = np.ones((32, 64, 3))
    light[16:] = 100
    report = light_report(light)
    assert (
        report.illuminance == pytest.approx(np.pi)
        and report.latitude_deg == pytest.approx(-90)
        and report.sun_to_sky == 0
    )


def test_a_cosine_sky():
    """L = sin(latitude): E = 2 pi times the integral of sin^2 cos, which is 2 pi / 3."""
    latitude, longitude = directions(256)
    report = light_report(grey(np.maximum(np.sin(latitude), 0) + 0 * longitude))
    assert report.illuminance == pytest.approx(2 * np.pi / 3, rel=1e-4)


@pytest.mark.parametrize("longitude, latitude", [(30, 45), (-120, 20), (180, 60), (0, 80), (-179, 5)])
def test_a_sun(longitude, latitude):
    """A disc of radius r at latitude a: solid angle 2 pi (1 - cos r), E = L pi sin(r)^2 sin(a); the sky gives pi, but
    for the disc."""
    report = light_report(with_sun(512, longitude, latitude, 3, 1000, sky=1))
    solid = 2 * np.pi * (1 - np.cos(np.radians(3)))
    assert abs((report.longitude_deg - longitude + 180) % 360 - 180) < 0.2 and report.latitude_deg == pytest.approx(
        latitude, abs=0.1
    )
    assert (
        report.solid_angle_sr == pytest.approx(solid, rel=0.03)
        and report.peak == 1000
        and report.mean == pytest.approx(1000)
    )
    from_sun = 1000 * np.pi * np.sin(np.radians(3)) ** 2 * np.sin(np.radians(latitude))
    assert report.source_illuminance == pytest.approx(from_sun, rel=0.03)
    assert report.rest_illuminance == pytest.approx(np.pi - from_sun / 1000, rel=0.01)
    assert report.sun_to_sky == pytest.approx(report.source_illuminance / report.rest_illuminance)
    assert report.normal_illuminance == pytest.approx(1000 * np.pi * np.sin(np.radians(3)) ** 2, rel=0.03)
    assert report.share == pytest.approx(1000 * solid / (999 * solid + 4 * np.pi), rel=0.03)


def test_one_hot_pixel_does_not_beat_a_lamp():
    light = with_sun(64, 40, 30, 8, 50, sky=1)
    light[50, 10] = 60
    assert light_report(light).longitude_deg == pytest.approx(40, abs=1)


def test_turning_the_panorama_turns_the_source_and_nothing_else():
    light = with_sun(64, 10, 40, 6, 30, sky=0.5)
    one, other = light_report(light), light_report(np.roll(light, 16, axis=1))  # 16 of 128 columns: 45 degrees
    assert other.longitude_deg == pytest.approx(one.longitude_deg + 45) and other.illuminance == pytest.approx(
        one.illuminance
    )


def test_twice_the_light_is_twice_the_illuminance():
    light = with_sun(32, 10, 40, 12, 30, sky=0.5)
    one, two = light_report(light), light_report(2 * light)
    assert two.illuminance == pytest.approx(2 * one.illuminance) and two.sun_to_sky == pytest.approx(one.sun_to_sky)


@pytest.mark.parametrize(
    "light, words",
    [
        (np.ones((8, 8, 3)), "latlong"),
        (np.ones((8, 16)), "latlong"),
        (np.ones((8, 16, 3), np.uint8), "uint8"),
        (np.full((8, 16, 3), np.nan), "NaN"),
        (np.zeros((8, 16, 3)), "black"),
        (-np.ones((8, 16, 3)), "black"),
    ],
)
def test_what_is_no_panorama_is_refused(light, words):
    with pytest.raises(ValueError, match=words):
        light_report(light)


def test_the_sun_of_a_photo_is_found_though_it_is_little_brighter_than_the_sky():
    report = light_report(with_sun(128, 60, 30, 5, 1.0, sky=0.5))
    assert (
        report.compact
        and report.longitude_deg == pytest.approx(60, abs=1)
        and report.latitude_deg == pytest.approx(30, abs=1)
    )
    assert report.sun_to_sky < 0.02
