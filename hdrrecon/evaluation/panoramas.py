"""Panoramas as lights: what methods get wrong on a ball, on level ground, facing the sun and in its shadow.

Each true HDRI is photographed by a virtual camera (the mean curve of modern cameras, JPEG 95) so that a given share of
its pixels clips; each method gives back light; `metrics.panorama_light` compares what the two do as lights. Methods are
those of `evaluation.methods`; models are asked for `highlights="energy"`, or for what stands behind an @:

    full            the default model, its energy answer and its light budget
    full@off        the same, told that there is no sun
    full@median     its median answer

Means are over panoramas, several exposures of one averaged first; intervals are bootstraps over panoramas.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hdrrecon.evaluation.case import Case
from hdrrecon.evaluation.markdown import markdown_table

FIGURES = {"diffuse": "white ball, %", "level": "level ground", "facing": "facing the light", "shadow": "shadow depth"}
"""Names and headings of the figures; all but the first in stops, all better the smaller."""
CLIP_PERCENT = (2.0, 6.0)
BASELINE = "linearised_input"
RESAMPLES = 4000
_MULTIPLE = 4  # of which a panorama's height must be one

Row = dict[str, str | float]


@dataclass(frozen=True)
class Interval:
    """A mean over panoramas and its 95 % interval."""

    mean: float
    low: float
    high: float


def photographed(path: Path, clip_percent: float) -> Case:
    """One panorama as a photo in which `clip_percent` of the pixels clip, and its light.

    Raises:
        ValueError: no panorama: not 2:1, or of a height that is no multiple of 4.
    """
    import torch

    from hdrrecon.camera.response import ResponseCurve
    from hdrrecon.camera.simulate import Camera, simulate
    from hdrrecon.evaluation.sources import read_linear

    light = np.maximum(np.nan_to_num(read_linear(path)[..., :3], posinf=65504.0), 0)
    height, width = light.shape[:2]
    if width != 2 * height or height % _MULTIPLE:
        raise ValueError(
            f"{path.name} is {width} x {height}; a panorama is 2:1, of a height that is a multiple of {_MULTIPLE}"
        )
    tensor = torch.from_numpy(np.ascontiguousarray(light.transpose(2, 0, 1), np.float32))[None]
    curve = ResponseCurve.camera()
    shot = simulate(tensor, Camera(curve, clip_percent=clip_percent, jpeg_quality=95))
    code, truth = (part[0].permute(1, 2, 0).numpy() for part in (shot.code, shot.truth))
    return Case(path.stem, f"clip_{clip_percent:g}", np.rint(255 * code).astype(np.uint8), truth, curve)


def build(spec: str, device: str = "cpu") -> tuple[str, Callable[[Case], np.ndarray]]:
    """Label and function of a method; see the module's text.

    Raises:
        ValueError: a spec that names nothing.
    """
    from hdrrecon.evaluation import methods
    from hdrrecon.zoo import list_models

    label, what = methods.label_of(spec), spec.rpartition("=")[2]
    model, _, mode = what.partition("@")
    if model not in list_models():
        method = methods.build(spec, device)
        return label, lambda case: method.run(case).radiance
    from hdrrecon import Reconstructor

    options: dict[str, Any] = {"highlights": mode or "energy"}
    if mode in ("off", "auto"):
        options = {"highlights": "energy", "sun": mode}
    reconstruct = Reconstructor(model, device)
    return label, lambda case: reconstruct(case.photo, panorama=True, **options)


def evaluate_panoramas(
    folders: Sequence[Path],
    specs: Sequence[str],
    clip_percent: Sequence[float] = CLIP_PERCENT,
    limit: int = 0,
    device: str = "cpu",
    say: Callable[[str], None] = print,
) -> list[Row]:
    """Figures of every method on every panorama and exposure, one row each.

    A file that is no panorama, and a method that fails, are told to `say` and left out.
    """
    from hdrrecon.evaluation.sources import find_truths
    from hdrrecon.metrics.panorama_light import light_figures

    built = [build(spec, device) for spec in dict.fromkeys([BASELINE, *specs])]
    truths = [source for folder in folders for source in find_truths(folder)]
    if limit and limit < len(truths):
        truths = [truths[i * len(truths) // limit] for i in range(limit)]
    rows: list[Row] = []
    for source in truths:
        for clip in clip_percent:
            try:
                case = photographed(source.truth, clip)
            except ValueError as error:
                say(f"left out: {error}")
                break
            for label, run in built:
                try:
                    figures = light_figures(np.asarray(run(case), np.float64), case.truth, case.photo)
                except (ValueError, RuntimeError, TypeError) as error:
                    say(f"failed: {label} on {case.image}, {case.condition}: {error}")
                    continue
                rows.append({"image": case.image, "condition": case.condition, "method": label, **figures})
    return rows


def per_panorama(rows: Sequence[Row], method: str, figure: str) -> dict[str, float]:
    """Of each panorama, the mean over its exposures."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["method"] == method:
            found.setdefault(str(row["image"]), []).append(float(row[figure]))
    return {image: float(np.mean(values)) for image, values in found.items()}


def interval(values: Sequence[float]) -> Interval:
    """Mean of the values, and the 95 % interval of drawing as many again, with replacement."""
    drawn = np.random.default_rng(0).choice(np.asarray(values), (RESAMPLES, len(values))).mean(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Interval(float(np.mean(values)), float(low), float(high))


def to_markdown(rows: Sequence[Row]) -> str:
    """A table: every method's means with intervals; "better" or "worse" than the plain photo where the difference's
    excludes 0."""
    labels = list(dict.fromkeys(str(row["method"]) for row in rows))
    table = []
    for label in labels:
        cells = []
        for figure in FIGURES:
            mine, plain = per_panorama(rows, label, figure), per_panorama(rows, BASELINE, figure)
            digits = 1 if figure == "diffuse" else 2
            found = interval(list(mine.values()))
            cell = f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
            both = [mine[image] - plain[image] for image in mine if image in plain]
            if label != BASELINE and len(both) > 1:
                paired = interval(both)
                cell += " better" if paired.high < 0 else " worse" if paired.low > 0 else ""
            cells.append(cell)
        table.append((label, *cells))
    return markdown_table([f"{len({row['image'] for row in rows})} panoramas", *FIGURES.values()], table)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """One row per panorama, exposure and method."""
    from hdrrecon.io.atomic import atomic_write

    with atomic_write(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
