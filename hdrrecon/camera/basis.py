"""Bases of response curves: EMoR (forward and inverse) and the basis our estimators use.

A curve is a mean plus weighted basis vectors; each vector vanishes at both ends, so the ends stay 0 and 1
for any weights. `fit_basis` is the PCA; the fitted file `weights/response_basis.safetensors` holds

* ``emor``, ``inverse_emor``: 25 components of the DoRF training curves, the model of Grossberg & Nayar;
* ``union``: 25 inverse components of DoRF, modern cameras and sRGB-like curves together, equally weighted,
  because a basis of films and old cameras describes today's JPEGs badly;
* ``family_means``: mean inverse curve of the three families (`FAMILIES`);
* ``compressed``, ``compressed_means``: the same as ``union`` and ``family_means`` for inverse curves on a logarithmic
  scale (`compress`): errors of dark tones count as they are seen, in stops, and the mean of many curves is not
  ruled by the one with the brightest toe.

Source: Grossberg & Nayar, PAMI 2004; for the union, the idea of Chen et al., WACV 2019 (EMoDCRF).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hdrrecon.color import namespace

FAMILIES = ("camera", "srgb", "dorf")
BASIS_FILE = "response_basis.safetensors"
TOE = 0.004  # about one 8-bit step of light
LOG_RANGE = float(np.log1p(1 / TOE))


def compress(light):
    """Linear light in [0, 1] to a scale that is logarithmic above `TOE` and linear below; 0 -> 0, 1 -> 1. Any array."""
    xp = namespace(light)
    return xp.log1p(light / TOE) / LOG_RANGE


def expand(compressed):
    """The inverse of `compress`."""
    xp = namespace(compressed)
    return TOE * xp.expm1(compressed * LOG_RANGE)


@dataclass(frozen=True)
class Basis:
    """`mean` (K,) and orthonormal `vectors` (M, K) of curves sampled on K uniform points."""

    mean: np.ndarray
    vectors: np.ndarray

    def weights(self, curves: np.ndarray, count: int | None = None) -> np.ndarray:
        """Least-squares weights, (..., count), of curves (..., K)."""
        return (np.asarray(curves) - self.mean) @ self.vectors[:count].T

    def curve(self, weights: np.ndarray) -> np.ndarray:
        """Curves (..., K) from weights (..., M) with M up to the size of the basis. Not forced monotone."""
        weights = np.asarray(weights)
        return self.mean + weights @ self.vectors[: weights.shape[-1]]


@dataclass(frozen=True)
class ResponseBasis:
    """What `weights/response_basis.safetensors` holds; see the module's text."""

    emor: Basis
    inverse_emor: Basis
    union: Basis
    family_means: np.ndarray
    compressed: Basis
    compressed_means: np.ndarray

    @property
    def camera_mean(self) -> np.ndarray:
        """(1024,) mean inverse curve of modern cameras."""
        return self.family_means[FAMILIES.index("camera")]


def fit_basis(curves: np.ndarray, count: int = 25, weights: np.ndarray | None = None) -> Basis:
    """PCA of curves (N, K) that all start at 0 and end at 1, optionally weighted (N,).

    Raises:
        ValueError: if the ends are not 0 and 1, for then the basis could not keep them.
    """
    curves = np.asarray(curves, np.float64)
    if np.abs(curves[:, 0]).max() > 1e-9 or np.abs(curves[:, -1] - 1).max() > 1e-9:
        raise ValueError("every curve must start at 0 and end at 1; set the ends before fitting a basis")
    w = np.full(len(curves), 1 / len(curves)) if weights is None else np.asarray(weights) / np.sum(weights)
    mean = w @ curves
    vectors = np.linalg.svd(np.sqrt(w)[:, None] * (curves - mean), full_matrices=False)[2][:count]
    vectors = vectors * np.where(vectors.sum(1, keepdims=True) < 0, -1, 1)  # a sign that does not depend on LAPACK
    return Basis(mean, vectors)


@lru_cache(maxsize=1)
def load_basis() -> ResponseBasis:
    """The basis that ships with the package."""
    from safetensors.numpy import load_file

    from hdrrecon.zoo import weights_path

    data = load_file(weights_path(BASIS_FILE))

    def part(name):
        return Basis(data[f"{name}.mean"], data[f"{name}.vectors"])

    return ResponseBasis(
        part("emor"),
        part("inverse_emor"),
        part("union"),
        data["family_means"],
        part("compressed"),
        data["compressed_means"],
    )
