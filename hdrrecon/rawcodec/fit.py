"""The encoder's fit of stage 0: map coefficients and gain grid, by alternating least squares, then rounded to
integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdrrecon.rawcodec.base_coder import LARGEST_GAIN, MapPrior
from hdrrecon.rawcodec.domain import light_weight, stabilize
from hdrrecon.rawcodec.global_map import features
from hdrrecon.rawcodec.local_gain import grid_shape, interpolation, upsample

MAP_SAMPLES = 25_000  # pixels that the map is fitted to
_DENSE_BELOW = 1_500_000  # pixels; of larger images every 16th pixel is looked at, else every 4th
_ROUNDS = 4


@dataclass(frozen=True)
class BaseFit:
    """Stage 0 of one photo, not yet rounded.

    `gram` and `moment` are the normal equations of the map given the grid: of the weighted features, and with the raw.
    """

    coefficients: np.ndarray  # (36, 3)
    grid: np.ndarray  # stops
    gram: np.ndarray
    moment: np.ndarray
    noise: float  # mean weighted squared rest per sample


class BaseFitter:
    """Looks at a sample of pixels of one photo and its raw.

    Args:
        pixels: (H, W, 3) uint8 of the JPEG.
        raw: (H, W, 3) linear camera RGB.
    """

    def __init__(self, pixels: np.ndarray, raw: np.ndarray) -> None:
        self.shape = height, width = raw.shape[:2]
        stride = 2 if height * width < _DENSE_BELOW else 4
        y, x = (v.ravel() for v in np.mgrid[0:height:stride, 0:width:stride])
        x = np.minimum(x + (y // stride * 5) % stride, width - 1)  # not always the same column of a block
        self.target = raw[y, x].astype(np.float32)
        self.features = features(pixels[y, x].astype(np.float32) / np.float32(255))
        self.weight = 1 / np.sqrt(self.target.mean(1, keepdims=True) + np.float32(0.01))
        self.sparse = _Sparse(y, x, height, width)
        self.sub = slice(None, None, max(1, len(y) // MAP_SAMPLES))

    def fit(self, prior: MapPrior, grid: np.ndarray | None = None, local: bool = True) -> BaseFit:
        """Fit map and grid; a `grid` given is kept as it is."""
        found = np.zeros(grid_shape(*self.shape)) if grid is None else grid
        out = self._map(prior, found)
        if grid is not None or not local:
            return out
        for _ in range(_ROUNDS):
            light = np.maximum(self.features.T @ out.coefficients.astype(np.float32), 0) * self._gain(found)
            square = self.weight[:, 0] ** 2
            up = self.sparse.add((light * self.target).sum(1) * square)
            down = self.sparse.add((light * light).sum(1) * square)
            found = np.clip(found + np.log2((up + 1e-2) / (down + 1e-2)), -LARGEST_GAIN, LARGEST_GAIN)
            found -= found.mean()
            out = self._map(prior, found)
        return out

    def distortion(self, coefficients: np.ndarray, grid: np.ndarray | None) -> float:
        """Sum of squared errors of stage 0 over the sample, in the stabilised domain, bright pixels weighted up."""
        light = self.features.T @ coefficients.astype(np.float32)
        if grid is not None:
            light = light * self._gain(grid)
        difference = stabilize(np.minimum(light, 1)) - stabilize(self.target)
        return float((difference**2 * light_weight(self.target)).sum())

    def _gain(self, grid: np.ndarray) -> np.ndarray:
        return np.exp2(self.sparse.read(grid)).astype(np.float32)[:, None]

    def _map(self, prior: MapPrior, grid: np.ndarray) -> BaseFit:
        s = self.sub
        gain = np.exp2(self.sparse.read(grid, s))[:, None]
        a = self.features[:, s].T.astype(np.float64) * (self.weight[s] * gain)
        b = self.target[s].astype(np.float64) * self.weight[s]
        gram, moment = a.T @ a, a.T @ b
        coefficients = prior.mean + np.tensordot(_solve(prior, gram, moment, len(a) * 1e-5), prior.directions, 1)
        noise = float(np.mean((a @ coefficients - b) ** 2))
        return BaseFit(coefficients, grid, gram, moment, noise)


def _normal(prior: MapPrior, gram: np.ndarray, moment: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of the coordinates along the prior's directions, with the prior's variances."""
    matrix = np.einsum("ifc,fg,jgc->ij", prior.directions, gram, prior.directions, optimize=True)
    side = np.einsum("ifc,fc->i", prior.directions, moment - gram @ prior.mean)
    return matrix + np.diag(noise * 2.0 ** (-prior.log_scale / 4)), side


def _solve(prior: MapPrior, gram: np.ndarray, moment: np.ndarray, noise: float) -> np.ndarray:
    return np.linalg.solve(*_normal(prior, gram, moment, noise))


def rounded_levels(prior: MapPrior, fit: BaseFit, exponent: int) -> np.ndarray:
    """Integer coordinates in steps of 2**-exponent: one after the other is rounded, and the rest fitted again."""
    matrix, side = _normal(prior, fit.gram, fit.moment, max(fit.noise, 1e-6))
    step = 2.0**-exponent
    levels = np.zeros(len(side), np.int64)
    rest = side.astype(np.float64).copy()
    for i in range(len(side)):
        value = np.linalg.solve(matrix[i:, i:], rest[i:])[0]
        levels[i] = np.clip(np.round(value / step), -30000, 30000)
        rest[i:] -= matrix[i:, i] * (levels[i] * step)
    return levels


class _Sparse:
    """Bilinear reading from, and adding into, the grid at chosen pixels."""

    def __init__(self, y: np.ndarray, x: np.ndarray, height: int, width: int) -> None:
        self.shape = rows, columns = grid_shape(height, width)
        (y0, y1, v), (x0, x1, u) = (
            tuple(p[i] for p in interpolation(n, m)) for i, n, m in ((y, height, rows), (x, width, columns))
        )
        self.index = np.stack([y0 * columns + x0, y0 * columns + x1, y1 * columns + x0, y1 * columns + x1])
        self.share = np.stack([(1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u])

    def read(self, grid: np.ndarray, part: slice = slice(None)) -> np.ndarray:
        return (grid.reshape(-1)[self.index[:, part]] * self.share[:, part]).sum(0)

    def add(self, values: np.ndarray) -> np.ndarray:
        total = np.bincount(self.index.ravel(), (values * self.share).ravel(), minlength=self.shape[0] * self.shape[1])
        return total.reshape(self.shape)


def base_light(pixels: np.ndarray, coefficients: np.ndarray, grid: np.ndarray | None, first_row: int = 0) -> np.ndarray:
    """Stage 0 applied to rows of the JPEG.

    Args:
        pixels: (h, W, 3) uint8.
        coefficients: (36, 3).
        grid: gains in stops, or None.
        first_row: where in the image `pixels` begin.

    Returns:
        (h, W, 3) linear camera RGB in [0, 1], float32.
    """
    h, w = pixels.shape[:2]
    found = features(pixels.reshape(-1, 3).astype(np.float32) / np.float32(255))
    light = (coefficients.T.astype(np.float32) @ found).T.reshape(h, w, 3)
    if grid is not None:
        light = light * np.exp2(upsample(grid, w, first_row, h))[..., None]
    return np.clip(light, 0, 1)
