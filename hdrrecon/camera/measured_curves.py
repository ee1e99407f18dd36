"""Files of measured response curves: ours (.npz), plain tables (.txt, .csv) and those of the Columbia CAVE lab.

Everything is read into a `CurveSet`, which holds both sides of each curve on 1024 uniform samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdrrecon.camera.basis import Basis
from hdrrecon.camera.masks import CLIP_CODE
from hdrrecon.camera.monotone import project_monotone
from hdrrecon.camera.response import CODES, ResponseCurve


@dataclass(frozen=True)
class CurveSet:
    """`forward` (code over light) and `inverse` (light over code), both (N, 1024), of the same N curves."""

    name: str
    forward: np.ndarray
    inverse: np.ndarray

    @classmethod
    def from_forward(cls, name: str, irradiance, brightness) -> CurveSet:
        """From increasing `irradiance` (K,) or (N, K) and `brightness` (N, K), both in [0, 1]."""
        pairs = list(zip(np.broadcast_to(irradiance, np.shape(brightness)), brightness))
        return cls(
            name,
            np.stack([np.interp(CODES, e, b) for e, b in pairs]),
            np.stack([ResponseCurve.from_samples(e, b).inverse[0] for e, b in pairs]),
        )

    @classmethod
    def from_inverse(cls, name: str, inverse) -> CurveSet:
        """From light (N, K) at uniform code values; each curve is first made monotone with ends 0 and 1."""
        curves = [ResponseCurve.from_inverse(row).inverse[0] for row in project_monotone(inverse)]
        return cls(name, np.stack([ResponseCurve(g).expose(CODES) for g in curves]), np.stack(curves))


def read_curves(path: Path, side: str = "forward") -> CurveSet:
    """Read a file of response curves.

    Args:
        path: one of

            * .npz with `irradiance` (K,) and `brightness` (N, K), or with `inverse` (..., K);
            * a CAVE text file (dorfCurves.txt: for each curve a name, a type, ``I =``, numbers, ``B =``, numbers);
            * a table (.csv, .txt, .tsv; a line of headings is allowed): x in the first column, a curve in each other.
        side: what the columns of a table are: "forward" (x is light) or "inverse" (x is the code value). Values above
            1 are taken for 0 to 255 codes or percents and divided by their column's maximum.

    Raises:
        ValueError: if the file holds no curves, with what was found instead.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        try:
            data = np.load(path)
        except ValueError:  # it may be a pickle, which is never opened
            raise ValueError(f"{path} is no .npz file, whatever its name says") from None
        if {"irradiance", "brightness"} <= set(data.files):
            return CurveSet.from_forward(path.stem, data["irradiance"], data["brightness"])
        if "inverse" in data.files:
            return CurveSet.from_inverse(path.stem, _clipped_at_250(data["inverse"]))
        raise ValueError(f"{path} holds {', '.join(data.files)}; wanted irradiance and brightness, or inverse")
    text = path.read_text(errors="replace")
    if "\0" in text:
        raise ValueError(f"{path} is no text; curves are read from .npz, .csv, .tsv and .txt files")
    blocks = _cave_blocks(text)
    if blocks:
        return CurveSet.from_forward(path.stem, *blocks)
    x, curves = _table(text, path)
    if side == "forward":
        return CurveSet.from_forward(path.stem, x, curves)
    return CurveSet.from_inverse(path.stem, np.stack([np.interp(CODES, x, row) for row in curves]))


def read_emor(path: Path) -> Basis:
    """The published tables emor.txt and invemor.txt: blocks ``NAME =`` and numbers; abscissa, mean, vectors."""
    blocks = [part.split("\n", 1)[1] for part in Path(path).read_text().split("=")[1:]]
    # The name of the next block ends each but the last, and is no number.
    numbers = [[float(v) for v in block.split() if v[0] in "-+.0123456789"] for block in blocks]
    if len(numbers) < 3 or len({len(n) for n in numbers}) != 1:
        found = f"{len(numbers)} blocks of {sorted({len(n) for n in numbers})} numbers"
        raise ValueError(f"{path} is not a table of EMoR (name, =, numbers; name, =, ...): found {found}")
    return Basis(np.array(numbers[1]), np.array(numbers[2:]))


def camera_curve(inverse_256: np.ndarray) -> np.ndarray:
    """A measured bracket's inverse response at the 256 codes as a response: 0 at code 0, 1 from code 250 up."""
    g = np.maximum.accumulate(np.clip(np.asarray(inverse_256, np.float64), 0, 1))
    g[0], g[CLIP_CODE:] = 0, 1
    return np.interp(CODES * 255, np.arange(256), g)


def _clipped_at_250(inverse: np.ndarray) -> np.ndarray:
    """(..., K) to (N, K). Curves of 256 codes from brackets count as clipped from code 250 up, as in training."""
    flat = inverse.reshape(-1, inverse.shape[-1])
    return np.stack([camera_curve(row) for row in flat]) if flat.shape[1] == 256 else flat


def _cave_blocks(text: str) -> tuple[np.ndarray, np.ndarray] | None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = {"I": [], "B": []}
    for head, numbers in zip(lines, lines[1:]):
        key = head.replace(" ", "")
        if key in ("I=", "B="):
            rows[key[0]].append([float(v) for v in numbers.split()])
    return (np.array(rows["I"]), np.array(rows["B"])) if rows["I"] and len(rows["I"]) == len(rows["B"]) else None


def _table(text: str, path: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(",", " ").replace(";", " ").split()
        try:
            values = [float(w) for w in words]
        except ValueError:
            if rows:
                raise ValueError(f"{path}, line {number}: {line.strip()[:40]!r} is not a row of numbers") from None
            continue  # headings
        if values:
            rows.append(values)
    if len(rows) < 3 or len({len(r) for r in rows}) != 1 or len(rows[0]) < 2:
        raise ValueError(
            f"{path} is not a table of curves: wanted at least 3 rows of x and one or more curve values, "
            f"found {len(rows)} rows of {sorted({len(r) for r in rows})} numbers"
        )
    table = np.array(sorted(rows))
    table = np.where(table.max(0) > 1, table / np.maximum(table.max(0), 1e-12), table)
    if np.isnan(table).any() or table.min() < 0:
        raise ValueError(f"{path} holds negative or missing values; curves go from 0 to 1")
    return table[:, 0], table[:, 1:].T
