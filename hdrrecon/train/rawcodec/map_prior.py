"""What maps look like: principal directions of stage 0 over training exposures, in an orthonormal feature basis."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hdrrecon.rawcodec.domain import OFFSET
from hdrrecon.rawcodec.global_map import FEATURES, features
from hdrrecon.rawcodec.local_gain import upsample
from hdrrecon.train.rawcodec.exposures import read_exposure

_EVERY = 97  # pixels
_RIDGE = 3e-4
_LEAST_SPREAD = 3e-4


def fit_map_prior(files: list[Path]) -> dict[str, np.ndarray]:
    """`mean` (36, 3), `directions` (108, 36, 3) and `log_scale` (108,) of `base_coder.MapPrior`.

    Errors of coordinates are errors of light: features are made orthonormal over all exposures first.
    """
    equations = [_normal_equations(path) for path in files]
    values, vectors = np.linalg.eigh(np.mean([gram for gram, _ in equations], 0))
    whitened = vectors / np.sqrt(np.maximum(values, 1e-7 * values.max()))
    maps = []
    for gram, moment in equations:
        gram, moment = whitened.T @ gram @ whitened, whitened.T @ moment
        maps.append(np.linalg.solve(gram + _RIDGE * np.eye(FEATURES), moment).ravel())
    mean = np.mean(maps, 0)
    _, spread, directions = np.linalg.svd(np.asarray(maps) - mean, full_matrices=True)
    deviation = np.zeros(len(mean))
    deviation[: len(spread)] = spread / np.sqrt(max(len(maps) - 1, 1))
    return {
        "mean": whitened @ mean.reshape(FEATURES, 3),
        "directions": np.einsum("fk,ikc->ifc", whitened, directions.reshape(-1, FEATURES, 3)),
        "log_scale": np.round(8 * np.log2(np.maximum(deviation, _LEAST_SPREAD))).astype(np.int64),
    }


def _normal_equations(path: Path) -> tuple[np.ndarray, np.ndarray]:
    one = read_exposure(path)
    height, width = one.pixels.shape[:2]
    chosen = np.arange(0, height * width, _EVERY)
    target = np.maximum(one.truth.reshape(-1, 3)[chosen].astype(np.float64) ** 2 - OFFSET, 0)
    gain = np.exp2(upsample(one.grid, width, 0, height)).reshape(-1)[chosen]
    weight = 1 / np.sqrt(target.mean(1) + 0.01)
    a = features(one.pixels.reshape(-1, 3)[chosen] / 255.0).T * (gain * weight)[:, None]
    return a.T @ a / len(a), a.T @ (target * weight[:, None]) / len(a)
