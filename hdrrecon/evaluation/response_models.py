"""How well each response model describes a set of curves: the comparison of Chen et al., WACV 2019, repeated.

`compare(curves)` fits every model to every curve and reports the mean RMSE; `markdown` prints it beside the
published figures, which are known for the 201 curves of DoRF.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hdrrecon.camera.basis import Basis
from hdrrecon.camera.measured_curves import CurveSet
from hdrrecon.camera.models import GGCM, EMoR, Gamma, Polynomial, basis_from_curves
from hdrrecon.camera.response import CODES
from hdrrecon.evaluation.markdown import markdown_table

SIDES = ("forward", "inverse")


@dataclass(frozen=True)
class Row:
    """One model: mean RMSE `forward` and `inverse` (nan where it does not apply), the published pair."""

    model: str
    numbers: int
    forward: float
    inverse: float
    published: tuple[float, float] | None = None


# DoRF and inverse DoRF: Chen, McCloskey & Yu, "Analyzing Modern Camera Response Functions", WACV 2019.
PUBLISHED = {
    "gamma": (0.061654, 0.054723),
    "ggcm": (0.008556, 0.023942),
    "poly-5": (0.006353, 0.005829),
    "poly-11": (0.001981, 0.001655),
    "emor-5": (0.002328, 0.001790),
    "emor-25": (0.000114, 0.000154),
}


def models(curves: CurveSet, published: dict[str, Basis] | None = None) -> list[tuple]:
    """(name, free numbers, key of `PUBLISHED`, forward fit, inverse fit); a fit maps samples x, y to a model."""

    def poly(degree, ends):
        return lambda x, y: Polynomial.fit(x, y, degree, ends)

    def emor(count, basis):
        return lambda x, y: EMoR.fit(x, y, count, basis)

    def both(name, numbers, key, fit):
        return (name, numbers, key, fit, fit)

    table = [
        both("gamma", 1, "gamma", Gamma.fit),
        both("GGCM, root", 2, "ggcm-root", lambda x, y: GGCM.fit(x, y, "root")),
        both("GGCM, power", 2, "ggcm-power", lambda x, y: GGCM.fit(x, y, "power")),
    ]
    for n in (5, 11):
        table.append(both(f"Poly-{n}", n + 1, f"poly-{n}", poly(n, "free")))
        table.append(both(f"Poly-{n}, ends fixed", n - 1, f"poly-{n} ends", poly(n, "both")))
    for k in (5, 11, 25):
        table.append((f"EMoR-{k}", k, f"emor-{k}", emor(k, "emor"), emor(k, "inverse_emor")))
    table += [("union-11", 11, "union-11", None, emor(11, "union"))]
    if published:
        for k in (5, 25):
            fits = [emor(k, published[side]) if side in published else None for side in SIDES]
            table.append((f"EMoR-{k}, given tables", k, f"given-{k}", *fits))
    if len(curves.forward) > 3:
        own = {side: basis_from_curves(getattr(curves, side)) for side in SIDES}
        for k in (3, 25):
            if k <= len(own["forward"].vectors):
                table.append((f"own basis-{k}", k, f"own-{k}", emor(k, own["forward"]), emor(k, own["inverse"])))
    return table


def compare(curves: CurveSet, published: dict[str, Basis] | None = None) -> list[Row]:
    """Mean RMSE of each model over the curves.

    Args:
        curves: see `camera.measured_curves.read_curves`.
        published: bases of `read_emor`, under "forward" and "inverse", to compare with too.
    """
    is_dorf = len(curves.forward) == 201 and curves.name.lower().startswith("dorf")
    rows = []
    for name, numbers, key, *fits in models(curves, published):
        errors = [mean_rmse(fit, getattr(curves, side)) if fit else float("nan") for fit, side in zip(fits, SIDES)]
        known = PUBLISHED.get("ggcm" if key == "ggcm-root" else key)
        rows.append(Row(name, numbers, *errors, known if is_dorf else None))
    return rows


def mean_rmse(fit: Callable, curves: np.ndarray) -> float:
    """Mean over curves (N, 1024) of the RMSE of `fit(x, y)` evaluated where it was fitted."""
    return float(np.mean([np.sqrt(np.mean((fit(CODES, y)(CODES) - y) ** 2)) for y in curves]))


def markdown(name: str, rows: list[Row]) -> str:
    """The table as Markdown, six decimals as published."""

    def number(v):
        return f"{v:.6f}" if v == v else ""

    published = any(r.published for r in rows)
    head = ["model", "numbers", "forward", "inverse"] + ["published forward", "published inverse"] * published
    table = []
    for r in rows:
        cells = [r.model, str(r.numbers), number(r.forward), number(r.inverse)]
        if published:
            cells += [*(number(v) for v in r.published or (float("nan"),) * 2)]
        table.append(cells)
    return f"Mean RMSE over {name}\n\n" + markdown_table(head, table)
