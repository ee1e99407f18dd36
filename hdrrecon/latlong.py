"""Geometry of equirectangular ("latlong") panoramas: rows from the zenith to the nadir, columns all around.

Longitude 0 is the middle of the picture, positive to the right; latitude +90 degrees is the zenith. A direction is a
unit vector (x, y, z): x to longitude +90 degrees, y to the zenith, z to the middle of the picture.
"""

from __future__ import annotations

import numpy as np

SUN_DIAMETER_DEG = 0.53
SUN_SR = 2 * np.pi * (1 - np.cos(np.radians(SUN_DIAMETER_DEG / 2)))
"""Solid angle of the sun's disc, 6.7e-5 sr."""


def latitudes(height: int) -> np.ndarray:
    """(H,) degrees, of the middle of each row."""
    return 90 - (np.arange(height) + 0.5) / height * 180


def longitudes(width: int) -> np.ndarray:
    """(W,) degrees, of the middle of each column."""
    return (np.arange(width) + 0.5) / width * 360 - 180


def pixel_solid_angle(height: int) -> np.ndarray:
    """(H, 1): solid angle of a pixel of each row of an (H, 2 H) panorama; all pixels sum to 4 pi exactly."""
    edges = np.sin(np.radians(90 - 180 * np.arange(height + 1) / height))
    return ((edges[:-1] - edges[1:]) * np.pi / height)[:, None]


def ground_cosine(height: int) -> np.ndarray:
    """(H, 1): solid angle times the cosine to the zenith, above the horizon; a luminance of 1 sums to pi exactly."""
    edges = np.maximum(np.sin(np.radians(90 - 180 * np.arange(height + 1) / height)), 0) ** 2 / 2
    return ((edges[:-1] - edges[1:]) * np.pi / height)[:, None]


def direction(elevation_deg: float, azimuth_deg: float) -> np.ndarray:
    """(3,) unit vector."""
    north, east = np.radians(elevation_deg), np.radians(azimuth_deg)
    return np.array([np.cos(north) * np.sin(east), np.sin(north), np.cos(north) * np.cos(east)])


def angles(vector: np.ndarray) -> tuple[float, float]:
    """Elevation and azimuth in degrees of a vector (3,) of any length."""
    x, y, z = (float(v) for v in vector)
    return float(np.degrees(np.arctan2(y, np.hypot(x, z)))), float(np.degrees(np.arctan2(x, z)))


def directions(height: int) -> np.ndarray:
    """(H, 2 H, 3) unit vectors of the middles of the pixels."""
    north, east = np.radians(latitudes(height))[:, None], np.radians(longitudes(2 * height))
    return np.stack([np.cos(north) * np.sin(east), np.sin(north) + 0 * east, np.cos(north) * np.cos(east)], -1)


def regions(marked: np.ndarray) -> np.ndarray:
    """Connected regions of (H, W) bool, across the seam too: (H, W) int numbers, 0 where not marked, corners
    connect."""
    from scipy.ndimage import label
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    labels, count = label(marked, np.ones((3, 3)))
    left, right = labels[:, 0], labels[:, -1]
    beside, above, below = (left, right), (left[1:], right[:-1]), (left[:-1], right[1:])
    pairs = np.concatenate([np.stack(pair) for pair in (beside, above, below)], axis=1)
    pairs = pairs[:, (pairs > 0).all(axis=0)]
    touching = coo_array((np.ones(pairs.shape[1]), pairs), shape=(count + 1, count + 1))
    _, region_of = connected_components(touching, directed=False)
    # Region 0 holds what is not marked: label 0 touches nothing.
    return region_of[labels]
