"""Panoramas as lights, against integrals done by hand and against the independent script."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hdrrecon.latlong import directions, pixel_solid_angle
from hdrrecon.metrics.panorama_light import illuminance, light_figures, sphere_normals, strongest_direction

SCRIPT = Path(__file__).parents[3] / "shared" / "bench" / "measure_panorama.py"


def sky_with_sun(height: int = 64, sun: float = 500.0, elevation_deg: float = 40.0) -> tuple[np.ndarray, np.ndarray]:
    """(H, 2 H, 3) a sky of luminance 1 over dark ground with a small sun, and the direction of the sun."""
    toward = np.array([0, np.sin(np.radians(elevation_deg)), np.cos(np.radians(elevation_deg))])
    vectors = directions(height)
    light = np.where(vectors[..., 1] > 0, 1.0, 0.1) + sun * (vectors @ toward > np.cos(np.radians(4)))
    return light[..., None].repeat(3, -1), toward


def photo_of(light: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(0.5 * light, 0, 1)).astype(np.uint8)


def test_a_uniform_sphere_gives_pi_everywhere():
    got = illuminance(np.ones((64, 128)), np.array([0.0, 1.0, 0.0]))
    assert np.allclose(got.ball, np.pi, rtol=5e-3) and got.level == pytest.approx(np.pi, rel=5e-3)
    assert got.shaded == pytest.approx(np.pi * np.cos(np.radians(10)) ** 2, rel=0.02), "a cap of 10 degrees is left out"


def test_normals_are_unit_and_balanced():
    normals = sphere_normals()
    assert np.allclose(np.linalg.norm(normals, axis=1), 1) and np.abs(normals.mean(0)).max() < 0.01


def test_the_strongest_direction_is_the_suns():
    light, toward = sky_with_sun()
    assert np.degrees(np.arccos(strongest_direction(light[..., 0]) @ toward)) < 3


def test_losing_the_sun_is_seen_by_every_figure_and_scale_by_none():
    light, _ = sky_with_sun()
    code = photo_of(light)
    good = light_figures(3 * light, light, code)
    assert max(good.values()) < 1e-9
    lost = light_figures(np.minimum(light, 2.0), light, code)
    solid = 500 * (
        directions(64) @ np.array([0, np.sin(np.radians(40)), np.cos(np.radians(40))]) > np.cos(np.radians(4))
    )
    sun = float((solid * pixel_solid_angle(64)).sum())
    assert lost["level"] == pytest.approx(np.log2(1 + sun * np.sin(np.radians(40)) / np.pi), abs=0.05)
    assert lost["facing"] > lost["level"] and lost["shadow"] > 1 and lost["diffuse"] > 30


def test_what_is_no_panorama_is_refused():
    with pytest.raises(ValueError, match="multiple of 4"):
        light_figures(np.ones((63, 126, 3)), np.ones((63, 126, 3)), np.zeros((63, 126, 3), np.uint8))
    with pytest.raises(ValueError, match="H, 2 H"):
        light_figures(np.ones((64, 64, 3)), np.ones((64, 64, 3)), np.zeros((64, 64, 3), np.uint8))


@pytest.mark.skipif(not SCRIPT.exists(), reason="needs ../shared")
def test_the_independent_script_agrees():
    spec = importlib.util.spec_from_file_location("measure_panorama", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    light, _ = sky_with_sun(512)
    rng = np.random.default_rng(0)
    wrong = np.minimum(light, 40) * rng.uniform(0.9, 1.1, light.shape)
    code = photo_of(light)
    assert list(light_figures(wrong, light, code).values()) == pytest.approx(
        script.figures(wrong, light, code), rel=1e-3, abs=1e-3
    )
