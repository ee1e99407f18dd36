"""Training responses: three families of cameras, and random members of each.

* ``camera``: JPEGs of modern cameras, from measured brackets (`real_cameras.npz`, split `train`);
* ``srgb``: flat sRGB and near relatives (graphics, renderings, flat RAW developments);
* ``dorf``: films and older cameras, the DoRF curves but for the test set (index % 20 == 7).

Members are made of measured ones by convex combination (the space of responses is convex, Grossberg &
Nayar 2004) and smooth random variation, so that a network cannot learn the training curves by heart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hdrrecon.camera.basis import FAMILIES, compress, fit_basis
from hdrrecon.camera.measured_curves import camera_curve
from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.color import srgb_to_linear


@dataclass(frozen=True)
class MeasuredCurves:
    """Inverse curves on 1024 uniform codes: `camera` (N, 3, 1024), `dorf` (M, 1024) and its forward samples."""

    camera: np.ndarray
    dorf: np.ndarray
    dorf_forward: np.ndarray


def load_measured(folder: Path, split: str = "train") -> MeasuredCurves:
    """Read dorf.npz and real_cameras.npz. `split` "test" gives the curves that are never trained on."""
    dorf = np.load(folder / "dorf.npz")
    chosen = (np.arange(len(dorf["brightness"])) % 20 == 7) == (split == "test")
    forward = dorf["brightness"][chosen]
    inverse = [ResponseCurve.from_samples(dorf["irradiance"], row).inverse[0] for row in forward]
    real = np.load(folder / "real_cameras.npz")
    camera = real["inverse"][real["split"] == split]
    return MeasuredCurves(np.stack([[camera_curve(c) for c in one] for one in camera]), np.stack(inverse), forward)


def fit_response_basis(measured: MeasuredCurves, rng: np.random.Generator, members: int = 600) -> dict[str, np.ndarray]:
    """All arrays of `weights/response_basis.safetensors` (see camera.basis), from training curves alone."""
    sampler = CurveSampler(measured)
    union = np.concatenate(
        [np.stack([sampler.sample(f, rng).inverse.mean(0) for _ in range(members)]) for f in FAMILIES]
    )
    means = np.stack([measured.camera.mean((0, 1)), srgb_to_linear(CODES), measured.dorf.mean(0)])
    compressed = compress(union)
    parts = {
        "emor": fit_basis(measured.dorf_forward),
        "inverse_emor": fit_basis(measured.dorf),
        "union": fit_basis(union),
        "compressed": fit_basis(compressed),
    }
    out = {f"{k}.{n}": getattr(b, n) for k, b in parts.items() for n in ("mean", "vectors")}
    out |= {"family_means": means, "compressed_means": compressed.reshape(len(FAMILIES), members, -1).mean(1)}
    return {k: np.ascontiguousarray(v) for k, v in out.items()}


@dataclass
class CurveSampler:
    """Random members of the three families."""

    measured: MeasuredCurves

    def sample(self, family: str, rng: np.random.Generator) -> ResponseCurve:
        """One response of this family; three curves for cameras, whose channels differ a little."""
        return ResponseCurve(getattr(self, f"_{family}")(rng), family)

    def _camera(self, rng):
        # Brackets measure the shoulder less well than its neighbourhood: vary strength around the family's mean.
        return self._mixed_cameras(rng, (0.6, 1.2))

    def _mixed_cameras(self, rng, strengths: tuple[float, float]):
        pool = np.log(np.maximum(self.measured.camera, 1e-5))
        i, j = rng.integers(len(pool), size=2)
        share = rng.uniform(0, 1) if rng.random() < 0.7 else 0.0
        mixed = (1 - share) * pool[i] + share * pool[j]
        mixed = mixed.mean(0) + rng.uniform(0, 1) * (mixed - mixed.mean(0))
        centre = pool.mean((0, 1))
        return _ends(_warp(np.exp(centre + rng.uniform(*strengths) * (mixed - centre)), rng, 0.05))

    def _srgb(self, rng):
        kind = rng.random()
        if kind < 0.5:
            return srgb_to_linear(CODES)
        base = srgb_to_linear(CODES) if kind < 0.75 else CODES ** rng.uniform(1.9, 2.4)
        return _ends(_warp(base, rng, 0.04))

    def _dorf(self, rng):
        pool = self.measured.dorf
        count = rng.choice([1, 2, 3, 16], p=[0.35, 0.3, 0.2, 0.15])
        mixed = rng.dirichlet(np.ones(count)) @ pool[rng.integers(len(pool), size=count)]
        # Generous: a network that knows 191 curves by heart fails on the next one.
        return _ends(_warp(mixed ** np.exp(rng.normal(0, 0.12)), rng, 0.05))


class WideCurves(CurveSampler):
    """More variation, for estimators that have to meet curves unlike the measured ones: odd cameras, extreme films, and
    curves near the mean response of DoRF (Grossberg & Nayar's f0), of which simulated benchmarks are made."""

    def _camera(self, rng):
        # Test cameras scatter half as far again around the mean as those that are trained on.
        return super()._camera(rng) if rng.random() < 0.75 else self._mixed_cameras(rng, (1.2, 2.5))

    def _dorf(self, rng):
        if rng.random() < 0.25:
            return self._near_mean(rng)
        pool = self.measured.dorf
        far = np.sqrt(((pool - pool.mean(0)) ** 2).mean(1))
        odds = far + 0.05 if rng.random() < 0.3 else np.ones(len(pool))
        count = rng.choice([1, 2, 3, 16], p=[0.4, 0.3, 0.15, 0.15])
        pick, shares = rng.choice(len(pool), size=count, p=odds / odds.sum()), rng.dirichlet(np.ones(count))
        if count > 1 and rng.random() < 0.5:  # mixed as responses, not as their inverses
            mixed = _inverse(shares @ self.measured.dorf_forward[pick])
        else:
            mixed = shares @ pool[pick]
        return _ends(_warp(mixed ** np.exp(rng.normal(0, 0.12)), rng, 0.05))

    def _near_mean(self, rng):
        mean, weighted = self._components
        size = rng.uniform(0, 0.6) if rng.random() < 0.5 else 0.0
        return _ends(_inverse(mean + size * rng.normal(size=len(weighted)) @ weighted)[None])

    @cached_property
    def _components(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean response, and its first five principal components at the length of one standard deviation."""
        forward = self.measured.dorf_forward
        basis = fit_basis(_ends(forward.copy()), 5)
        return basis.mean, basis.vectors * ((forward - basis.mean) @ basis.vectors.T).std(0)[:, None]


def _inverse(forward: np.ndarray) -> np.ndarray:
    """Inverse, on `CODES`, of a response sampled on uniform light."""
    return ResponseCurve.from_samples(np.linspace(0, 1, len(forward)), _ends(forward)).inverse[0]


def _warp(g: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Smooth monotone variation: a random gamma and two slow waves on the code axis."""
    t = CODES
    shift = sum(rng.normal(0, strength / k**2) * np.sin(k * np.pi * t) / (np.pi * k) for k in (1, 2, 3))
    warped = np.maximum.accumulate(np.clip(t + shift, 0, 1))
    return np.stack([np.interp(warped, t, row) for row in np.atleast_2d(g)])


def _ends(g: np.ndarray) -> np.ndarray:
    g = np.maximum.accumulate(np.clip(g, 0, 1), axis=-1)
    g[..., 0], g[..., -1] = 0, 1
    return g
