"""Geometry of panoramas: solid angles that sum to the sphere, directions that come back, regions across the seam."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.latlong import (
    SUN_SR,
    angles,
    direction,
    directions,
    ground_cosine,
    latitudes,
    longitudes,
    pixel_solid_angle,
    regions,
)


@given(st.integers(1, 500))
def test_solid_angles_sum_to_the_sphere_and_its_sky(height):
    """4 pi sr; a sky of luminance 1 gives an illuminance of pi."""
    assert 2 * height * pixel_solid_angle(height).sum() == pytest.approx(4 * np.pi, rel=1e-12)
    if height > 1:
        assert 2 * height * ground_cosine(height).sum() == pytest.approx(np.pi, rel=1e-12)


def test_the_sun_has_its_published_solid_angle():
    assert SUN_SR == pytest.approx(6.7e-5, rel=0.01)
    assert SUN_SR == pytest.approx(np.pi * np.radians(0.53 / 2) ** 2, rel=1e-4), "a small disc is nearly flat"


@given(elevation=st.floats(-89, 89), azimuth=st.floats(-179, 179), length=st.floats(0.01, 100))
def test_angles_undo_directions(elevation, azimuth, length):
    vector = direction(elevation, azimuth)
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert angles(length * vector) == pytest.approx((elevation, azimuth), abs=1e-6)


def test_rows_and_columns_by_hand():
    """Middles of pixels: from near the zenith down, and from near -180 degrees to the right."""
    np.testing.assert_allclose(latitudes(4), [67.5, 22.5, -22.5, -67.5])
    np.testing.assert_allclose(longitudes(8), [-157.5, -112.5, -67.5, -22.5, 22.5, 67.5, 112.5, 157.5])


def test_where_the_pixels_look():
    """The middle of the picture looks along +z, right of it is +x, up is +y."""
    np.testing.assert_allclose(direction(0, 0), [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(direction(0, 90), [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(direction(90, 0), [0, 1, 0], atol=1e-12)
    height = 16
    grid = directions(height)
    assert grid.shape == (16, 32, 3)
    for row, column in ((0, 0), (3, 20), (15, 31)):
        want = direction(latitudes(height)[row], longitudes(2 * height)[column])
        np.testing.assert_allclose(grid[row, column], want, atol=1e-12)


def test_regions_meet_across_the_seam_by_edge_and_corner():
    marked = np.zeros((6, 12), bool)
    marked[1, 0] = marked[2, -1] = True  # corner across the seam
    marked[4, 5] = marked[5, 6] = True  # corner within
    found = regions(marked)
    assert found[1, 0] == found[2, -1] != found[4, 5] == found[5, 6]
    np.testing.assert_array_equal(found > 0, marked)


@given(st.integers(0, 2**32 - 1), st.integers(0, 11))
def test_turning_the_panorama_turns_its_regions(seed, shift):
    """There is no first column on a sphere."""
    marked = np.random.default_rng(seed).random((6, 12)) < 0.3
    assert len(np.unique(regions(np.roll(marked, shift, 1)))) == len(np.unique(regions(marked)))


@pytest.mark.parametrize("row", [0, -1])
def test_regions_at_the_poles_meet_across_the_seam(row):
    marked = np.zeros((6, 12), bool)
    marked[row, 0] = marked[row, -1] = True
    found = regions(marked)
    assert found[row, 0] == found[row, -1]
