"""Parametric response models: gamma, GGCM, polynomials, EMoR. Each can be fitted, evaluated, inverted and saved.

A model is a curve y(x) on [0, 1]. Whether x is light and y the code value (the forward response f) or the
other way round (the inverse g) is the caller's choice, and matters: a model good at one side may be poor at
the other. `response(side)` turns a fitted model into the `ResponseCurve` that the rest of the library uses.

All fits are plain least squares on y: no other fit of the same model has a smaller mean RMSE.

Sources: Grossberg & Nayar, PAMI 2004 (EMoR); Mitsunaga & Nayar, CVPR 1999 (polynomials); Ng, Chang & Tsui,
CVPR 2007 (GGCM); Chen et al., WACV 2019 (their comparison, and bases fitted to modern cameras).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from hdrrecon.camera.basis import Basis, fit_basis, load_basis
from hdrrecon.camera.monotone import project_monotone, project_weights
from hdrrecon.camera.response import CODES, ResponseCurve

__all__ = [
    "EMoR",
    "Gamma",
    "GGCM",
    "Polynomial",
    "ResponseModel",
    "basis_from_curves",
    "model_from_dict",
    "project_monotone",
    "project_weights",
]

Side = Literal["forward", "inverse"]


class ResponseModel(ABC):
    """A curve y(x) on [0, 1] with few parameters."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def parameters(self) -> np.ndarray:
        """(P,) the free numbers of the model."""

    @abstractmethod
    def __call__(self, x) -> np.ndarray:
        """y at x in [0, 1], same shape, as the formula says: not forced monotone or into [0, 1]."""

    @abstractmethod
    def to_dict(self) -> dict:
        """Plain, JSON-ready data with the key "kind"; `model_from_dict` undoes it."""

    def invert(self, y) -> np.ndarray:
        """x at y in [0, 1], same shape, of the nearest monotone curve with ends 0 and 1."""
        return ResponseCurve.from_samples(CODES, project_monotone(self(CODES))).linearize(np.asarray(y, np.float64))

    def response(self, side: Side = "inverse") -> ResponseCurve:
        """The nearest true response. `side` says what the model describes: "inverse" is light over code value."""
        if side not in ("forward", "inverse"):
            raise ValueError(f'side must be "forward" (code over light) or "inverse" (light over code), got {side!r}')
        curve = project_monotone(self(CODES))
        return (
            ResponseCurve(curve, self.kind)
            if side == "inverse"
            else ResponseCurve.from_samples(CODES, curve, self.kind)
        )


@dataclass(frozen=True)
class Gamma(ResponseModel):
    """``y = x ** exponent``."""

    exponent: float
    kind: ClassVar[str] = "gamma"

    @classmethod
    def fit(cls, x, y) -> Gamma:
        """Least squares over samples x, y (K,) in [0, 1]; exponents from 1/20 to 20."""
        from scipy.optimize import minimize_scalar

        x, y = _samples(x, y)

        def error(log):
            return np.mean((x ** np.exp(log) - y) ** 2)

        # A coarse look first: the error need not have one minimum only, and the bounded search is local.
        grid = np.linspace(-3, 3, 25)
        near = grid[np.argmin([error(g) for g in grid])]
        return cls(
            float(
                np.exp(
                    minimize_scalar(
                        error, bounds=(near - 0.25, near + 0.25), method="bounded", options={"xatol": 1e-9}
                    ).x
                )
            )
        )

    @property
    def parameters(self) -> np.ndarray:
        return np.array([self.exponent])

    def __call__(self, x) -> np.ndarray:
        return np.clip(np.asarray(x, np.float64), 0, 1) ** self.exponent

    def invert(self, y) -> np.ndarray:
        return np.clip(np.asarray(y, np.float64), 0, 1) ** (1 / self.exponent)

    def to_dict(self) -> dict:
        return {"kind": self.kind, "exponent": self.exponent}


@dataclass(frozen=True)
class GGCM(ResponseModel):
    """Generalised gamma curve: ``y = x ** P(x)`` (form "power") or ``y = x ** (1 / P(x))`` (form "root").

    `coefficients` are those of the polynomial P, constant first; two of them are the published model.
    """

    coefficients: tuple[float, ...]
    form: Literal["power", "root"] = "root"
    kind: ClassVar[str] = "ggcm"

    @classmethod
    def fit(cls, x, y, form: Literal["power", "root"] = "root", degree: int = 1) -> GGCM:
        """Least squares over samples x, y (K,) in [0, 1], started at the best gamma."""
        from scipy.optimize import least_squares

        if form not in ("power", "root"):
            raise ValueError(f'form must be "power" or "root", got {form!r}')
        x, y = _samples(x, y)
        gamma = Gamma.fit(x, y).exponent
        start = np.r_[gamma if form == "power" else 1 / gamma, np.zeros(degree)]
        found = least_squares(lambda c: cls(tuple(c), form)(x) - y, start, xtol=1e-12, ftol=1e-12)
        return cls(tuple(found.x.tolist()), form)

    @property
    def parameters(self) -> np.ndarray:
        return np.array(self.coefficients)

    def __call__(self, x) -> np.ndarray:
        x = np.clip(np.asarray(x, np.float64), 0, 1)
        # An exponent at or below 0 leaves the space of responses; the floor keeps the fit finite on its way.
        polynomial = np.maximum(np.polynomial.polynomial.polyval(x, self.coefficients), 1e-3)
        return x ** (polynomial if self.form == "power" else 1 / polynomial)

    def to_dict(self) -> dict:
        return {"kind": self.kind, "coefficients": list(self.coefficients), "form": self.form}


@dataclass(frozen=True)
class Polynomial(ResponseModel):
    """``y = sum(coefficients[k] * x ** k)``, constant first (0 where the model has no constant term)."""

    coefficients: tuple[float, ...]
    kind: ClassVar[str] = "polynomial"

    @classmethod
    def fit(cls, x, y, degree: int, ends: Literal["free", "zero", "both"] = "both") -> Polynomial:
        """Least squares over samples x, y (K,).

        Args:
            ends: "both" fixes y(0) = 0 and y(1) = 1 (no constant term, coefficients sum to 1; degree - 1 free numbers);
                "zero" leaves the constant term out only; "free" has it, degree + 1 numbers.
        """
        x, y = _samples(x, y)
        if degree < 1:
            raise ValueError(f"a polynomial response needs degree 1 or more, got {degree}")
        powers = x[:, None] ** np.arange(degree + 1)
        if ends == "free":
            fitted = np.linalg.lstsq(powers, y, rcond=None)[0]
        elif ends == "zero":
            fitted = np.r_[0, np.linalg.lstsq(powers[:, 1:], y, rcond=None)[0]]
        elif ends == "both":
            # The sum of 1 is put in by eliminating the first coefficient: y - x is fitted by (x^k - x).
            rest = np.linalg.lstsq(powers[:, 2:] - x[:, None], y - x, rcond=None)[0]
            fitted = np.r_[0, 1 - rest.sum(), rest]
        else:
            raise ValueError(f'ends must be "free", "zero" or "both", got {ends!r}')
        return cls(tuple(fitted.tolist()))

    @property
    def parameters(self) -> np.ndarray:
        return np.array(self.coefficients)

    def __call__(self, x) -> np.ndarray:
        return np.polynomial.polynomial.polyval(np.asarray(x, np.float64), self.coefficients)

    def to_dict(self) -> dict:
        return {"kind": self.kind, "coefficients": list(self.coefficients)}


@dataclass(frozen=True, eq=False)
class EMoR(ResponseModel):
    """Mean plus weighted basis vectors of `basis`: "emor", "inverse_emor", "union" (shipped) or a `Basis`."""

    weights: tuple[float, ...]
    basis: str | Basis = "inverse_emor"
    kind: ClassVar[str] = "emor"

    @classmethod
    def fit(cls, x, y, count: int = 11, basis: str | Basis = "inverse_emor") -> EMoR:
        """Least-squares weights of the first `count` vectors over samples x, y (K,); x must reach from 0 to 1."""
        x, y = _samples(x, y)
        found = named_basis(basis)
        if not 1 <= count <= len(found.vectors):
            raise ValueError(f"this basis has 1 to {len(found.vectors)} vectors, got count={count}")
        grid = np.linspace(0, 1, len(found.mean))
        order = np.argsort(x, kind="stable")
        return cls(tuple(found.weights(np.interp(grid, x[order], y[order]), count).tolist()), basis)

    @property
    def parameters(self) -> np.ndarray:
        return np.array(self.weights)

    def __call__(self, x) -> np.ndarray:
        curve = named_basis(self.basis).curve(self.parameters)
        return np.interp(np.asarray(x, np.float64), np.linspace(0, 1, len(curve)), curve)

    def monotone(self) -> EMoR:
        """The nearest EMoR curve of this basis that is monotone: still these few numbers."""
        return EMoR(tuple(project_weights(self.parameters, named_basis(self.basis)).tolist()), self.basis)

    def to_dict(self) -> dict:
        basis = self.basis
        if isinstance(basis, Basis):
            basis = {"mean": basis.mean.tolist(), "vectors": basis.vectors[: len(self.weights)].tolist()}
        return {"kind": self.kind, "weights": list(self.weights), "basis": basis}


def named_basis(basis: str | Basis) -> Basis:
    """The shipped basis of this name, or the one given."""
    if isinstance(basis, Basis):
        return basis
    if basis not in ("emor", "inverse_emor", "union"):
        raise ValueError(f'basis must be "emor", "inverse_emor", "union" or a Basis, got {basis!r}')
    return getattr(load_basis(), basis)


def basis_from_curves(curves, count: int = 25) -> Basis:
    """A basis of your own cameras: EMoR's construction on other curves (the idea of EMoDCRF).

    Args:
        curves: (N, K) samples at uniform x, each rising from about 0 to about 1, forward or inverse alike; or a
            list of `ResponseCurve`, whose inverse curves are taken, each channel for itself.
        count: how many vectors; at most N - 1 carry anything.

    Returns:
        Basis on 1024 samples; use it as ``EMoR.fit(x, y, 5, basis)``.

    Raises:
        ValueError: fewer than two curves, or curves that are no responses even nearly.
    """
    if len(curves) and isinstance(curves[0], ResponseCurve):
        curves = np.concatenate([c.inverse for c in curves])
    curves = np.asarray(curves, np.float64)
    if curves.ndim != 2 or len(curves) < 2:
        raise ValueError(f"a basis needs at least two curves as an array (N, K), got shape {curves.shape}")
    if np.abs(curves[:, 0]).max() > 0.1 or np.abs(curves[:, -1] - 1).max() > 0.1:
        raise ValueError(
            f"the curves must rise from 0 to 1; theirs start at up to {np.abs(curves[:, 0]).max():.2g} and end "
            f"between {curves[:, -1].min():.2g} and {curves[:, -1].max():.2g}: scale them first"
        )
    at = np.linspace(0, 1, curves.shape[1])
    sampled = project_monotone(np.stack([np.interp(CODES, at, row) for row in curves]))
    return fit_basis(sampled, min(count, len(sampled) - 1))


def model_from_dict(data: dict) -> ResponseModel:
    """The model that `to_dict` described.

    Raises:
        ValueError: if "kind" is none of ours.
    """
    data = dict(data)
    kind = data.pop("kind", None)
    if kind not in _KINDS:
        raise ValueError(f"unknown response model {kind!r}; there are: {', '.join(_KINDS)}")
    if isinstance(data.get("basis"), dict):
        data["basis"] = Basis(**{k: np.array(v) for k, v in data["basis"].items()})
    return _KINDS[kind](**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})


_KINDS = {model.kind: model for model in (Gamma, GGCM, Polynomial, EMoR)}


def _samples(x, y) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
        raise ValueError(f"a fit needs samples x and y of one shape (K,), K >= 2; got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and x.min() >= 0 and x.max() <= 1):
        raise ValueError("a fit needs finite samples with x in [0, 1]; leave out missing ones and scale x first")
    return x, y
