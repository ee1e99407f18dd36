"""Tonal smoothness at the border of the clipped area: does the restored light join the measured light?

Both numbers look at the error map in stops, not at the prediction: a lamp's own edge is no fault, an edge of
the error is. They are 0 for the truth and for any prediction off by a smooth factor.
"""

from __future__ import annotations

import numpy as np

BAND_PX = 4
HALO_PX = 8  # how far outside clipped regions a halo is looked for


def border_step(stops: np.ndarray, clipped: np.ndarray) -> float:
    """Root mean square jump of the error, in stops, between neighbours of which one is clipped. NaN without border.

    Args:
        stops: (H, W) log2 of predicted over true luminance (`highlights.stops_map`).
        clipped: (H, W) bool.
    """
    jumps = np.concatenate(
        [np.diff(stops, axis=axis)[np.diff(clipped.astype(np.int8), axis=axis) != 0] for axis in (0, 1)]
    )
    return float(np.sqrt(np.mean(jumps**2))) if jumps.size else float("nan")


def border_ring(stops: np.ndarray, clipped: np.ndarray) -> float:
    """Root mean square, in stops, of the fine part of the error within 4 px of the border. NaN without border.

    The fine part is the error minus its mean over 9 x 9 px: what is seen as a ring, a halo or a seam.
    """
    size = 2 * BAND_PX + 1
    share = box_mean(clipped.astype(np.float64), size)
    band = (share > 1e-9) & (share < 1 - 1e-9)
    if not band.any():
        return float("nan")
    fine = stops - box_mean(stops, size)
    return float(np.sqrt(np.mean(fine[band] ** 2)))


def border_halo(stops: np.ndarray, clipped: np.ndarray, dark: np.ndarray) -> float:
    """Mean |error| in stops within 8 px outside clipped regions, minus that of all other measured pixels: above 0 light
    leaked out of what was restored. NaN without a border, or without other pixels.

    Args:
        dark: (H, W) bool, pixels too dark to count.
    """
    near = (box_mean(clipped.astype(np.float64), 2 * HALO_PX + 1) > 1e-9) & ~clipped & ~dark
    far = ~near & ~clipped & ~dark
    if not near.any() or not far.any():
        return float("nan")
    return float(np.abs(stops[near]).mean() - np.abs(stops[far]).mean())


def box_mean(image: np.ndarray, size: int) -> np.ndarray:
    """Mean over size x size px around every pixel of (H, W); edges are mirrored. `size` is odd."""
    half = size // 2
    padded = np.pad(image, half, mode="symmetric")
    for axis in (0, 1):
        total = np.cumsum(padded, axis=axis)
        total = np.concatenate([np.zeros_like(np.take(total, [0], axis)), total], axis)
        n = padded.shape[axis]
        padded = (np.take(total, range(size, n + 1), axis) - np.take(total, range(n - size + 1), axis)) / size
    return padded
