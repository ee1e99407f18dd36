"""The counts of `counts_on_cpu`, of photos whose code values are bytes / 255: the same, in three quarters of the time.

A statistic of single values is a histogram of 256 bytes, one of pairs a joint histogram of 256 x 256; what bin a byte
or a pair belongs to is worked out once, in float32 as there. Edges are triples, and counted there: they would take as
long as bytes.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import torch

from hdrrecon.camera.masks import OVER_CODE
from hdrrecon.networks.linearize.counts_on_cpu import Counts, FlatBlocks, by_place, edge_tables
from hdrrecon.networks.linearize.histograms import LEVEL_BINS, bin_of
from hdrrecon.networks.linearize.postprocessing_statistics import (
    BENDS,
    HEIGHT_BINS,
    HEIGHT_LEVELS,
    SATURATION_BINS,
    SATURATION_LEVELS,
    STEPS,
    height_bin,
)

_BYTES = 256


def count_bytes(code: np.ndarray) -> Counts:
    """Count a photo (3, H, W) uint8, of any size from 1 x 1 on."""
    red, green, blue = code
    planes = [*code, cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)]
    brightest, darkest = planes[3:]
    of_bytes = np.stack([_histogram(plane) for plane in planes])
    levels = _summed(_level_of_bytes(), of_bytes, _BYTES)
    slopes, heights = _joint_histogram(green[:, :-1], green[:, 1:]), _slope_heights()
    return Counts(
        levels=levels.reshape(5, LEVEL_BINS, -1).sum(2),
        fine_levels=levels[:3].sum(0),
        slopes=_summed(_slope_level(), np.stack([slopes * heights, slopes]), LEVEL_BINS),
        **edge_tables(FlatBlocks(_code_values(code))),
        heights=_count_heights(code, 1),
        wide_heights=_count_heights(code, 3),
        saturation=_summed(
            _saturation_of_pairs(), _joint_histogram(brightest, darkest)[None], SATURATION_LEVELS * SATURATION_BINS
        ).reshape(SATURATION_LEVELS, SATURATION_BINS),
        codes=of_bytes[[1, 3]],
        **_measure_differences(code),
    )


def _code_values(stored: np.ndarray) -> np.ndarray:
    """The code values of bytes, float32."""
    return np.divide(stored, np.float32(255), dtype=np.float32)


@cache
def _values() -> np.ndarray:
    """The code value of each byte."""
    return _code_values(np.arange(_BYTES, dtype=np.uint8))


def _pairs() -> tuple[torch.Tensor, torch.Tensor]:
    """The code values of all pairs of bytes: of the first, (256, 1), and of the second, (1, 256)."""
    values = torch.from_numpy(_values())
    return values[:, None], values[None]


@cache
def _level_of_bytes() -> np.ndarray:
    return bin_of(torch.from_numpy(_values()), _BYTES).numpy()


@cache
def _slope_level() -> np.ndarray:
    a, b = _pairs()
    return bin_of((a + b) / 2, LEVEL_BINS).numpy()


@cache
def _slope_heights() -> np.ndarray:
    a, b = _pairs()
    return (b - a).abs().double().flatten().numpy()


@cache
def _height_of_pairs() -> np.ndarray:
    a, b = _pairs()
    return (bin_of((a + b) / 2, HEIGHT_LEVELS) * HEIGHT_BINS + height_bin((b - a).abs())).numpy()


@cache
def _saturation_of_pairs() -> np.ndarray:
    brightest, darkest = _pairs()
    saturation = bin_of((brightest - darkest) / brightest.clamp(min=1e-3), SATURATION_BINS)
    return (bin_of(brightest.expand(-1, _BYTES), SATURATION_LEVELS) * SATURATION_BINS + saturation).numpy()


def _histogram(plane: np.ndarray) -> np.ndarray:
    """(256,) float32: how often each byte occurs."""
    return cv2.calcHist([plane], [0], None, [_BYTES], [0, _BYTES]).ravel()


def _joint_histogram(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(256 * 256,): how often each pair of bytes occurs."""
    if not first.size:
        return np.zeros(_BYTES * _BYTES, np.float32)
    return cv2.calcHist([first, second], [0, 1], None, [_BYTES, _BYTES], [0, _BYTES] * 2).ravel()


def _summed(bins: np.ndarray, counts: np.ndarray, size: int) -> np.ndarray:
    """Counts (R, n) of what lies in the bins (n,): (R, size) float32."""
    return np.float32([np.bincount(bins, row, size) for row in counts])


def _count_heights(code: np.ndarray, step: int) -> np.ndarray:
    """Edges of `step` pixels by level and height: `postprocessing_statistics.height_statistics`."""
    total = np.zeros(_BYTES * _BYTES)
    for plane in code:
        total += _joint_histogram(plane[:, :-step], plane[:, step:])
        total += _joint_histogram(plane[:-step], plane[step:])
    total = total.reshape(_BYTES, _BYTES)
    total[OVER_CODE:] = total[:, OVER_CODE:] = 0
    table = _summed(_height_of_pairs(), total.reshape(1, -1), HEIGHT_LEVELS * HEIGHT_BINS)
    return table.reshape(HEIGHT_LEVELS, HEIGHT_BINS)


def _measure_differences(code: np.ndarray) -> dict[str, np.ndarray]:
    """Mean absolute differences of green and of two colour differences, along rows and columns; and green's grid."""
    red, green, blue = code
    height, width = green.shape
    means = np.zeros((3, 2, len(STEPS) + len(BENDS)))
    planes = (green, *(cv2.subtract(plane, green, dtype=cv2.CV_16S) for plane in (blue, red)))
    for sizes, plane in zip(means, planes):
        for of_axis, axis in zip(sizes, (1, 0)):
            for kind, step in enumerate(STEPS):
                later, earlier = _apart(plane, step, axis)
                of_axis[kind] = _mean_size(later, earlier)
                if step in BENDS and later.size:  # the difference of two differences
                    difference = cv2.subtract(later, earlier, dtype=cv2.CV_16S)
                    of_axis[len(STEPS) + BENDS.index(step)] = _mean_size(*_apart(difference, step, axis))
    columns, rows = (_sums_of_edges(green, axis) for axis in (1, 0))
    grid = np.stack([by_place(columns / (255 * height)), by_place(rows / (255 * width))])
    return {"differences": np.float32(means / 255).ravel(), "grid": grid}


def _apart(plane: np.ndarray, step: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The plane from `step` on, and up to `step` before its end."""
    return (plane[step:], plane[:-step]) if axis == 0 else (plane[:, step:], plane[:, :-step])


def _mean_size(later: np.ndarray, earlier: np.ndarray) -> float:
    return cv2.norm(later, earlier, normType=cv2.NORM_L1) / later.size if later.size else 0.0


def _sums_of_edges(plane: np.ndarray, axis: int) -> np.ndarray:
    """Sums of the heights of edges along rows (`axis` 1) in each column, or along columns in each row."""
    later, earlier = _apart(plane, 1, axis)
    if not later.size:
        return np.zeros(max(plane.shape[axis] - 1, 0))
    return cv2.reduce(cv2.absdiff(later, earlier), 1 - axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
