"""Judge estimators of the camera response on photos none of them has seen: held-out scenes, held-out curves.

    hdrrecon evaluate-response --views DIR --curves DIR --weights runs/lin/best.safetensors \
        --crf-net runs/crf/regress/best.safetensors --out response.md

Every view is photographed with a curve of each family: the DoRF test curves (index % 20 == 7), the cameras of
split `test` (mean of the channels), and sRGB. Printed as Markdown: RMSE of the inverse curve, RMSE of the
linearised photo (light, 1 = clip level), share of photos whose curve is within 0.02, and the well-exposed error in
stops as the pipeline's protocol takes it; then the first figure again by share of clipped pixels and by contrast,
where the published methods fail. `--pairs` adds the same tables of real photos, whose curves were measured from their
brackets. A last table says how often the true curve lies in the band that a network draws around its own.

`--look-px N` asks each network twice more: of a thumbnail of N pixels, where levels are as they were and edges are not,
and of pieces of N pixels at full size, where it is the other way round. Which helps shows whether a response is better
seen from afar or from near.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from hdrrecon.camera.basis import FAMILIES, load_basis
from hdrrecon.camera.masks import CLIP_CODE
from hdrrecon.camera.measured_curves import camera_curve
from hdrrecon.camera.models import Gamma
from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.camera.simulate import Camera, simulate
from hdrrecon.evaluation.markdown import markdown_table
from hdrrecon.io.photo import SCENE_SUFFIXES
from hdrrecon.metrics.quick import protocol_scores
from hdrrecon.networks.linearize.linearization_net import bounded, select_crops
from hdrrecon.networks.stages import Linearizer
from hdrrecon.train.data.curves import load_measured

WITHIN = 0.02
CLIPPED_BINS = ((0, 0.07, "under 7 %"), (0.07, 0.2, "7 to 20 %"), (0.2, 1.01, "over 20 %"))
CLIP_PERCENTS = (5.0, 15.0, 30.0)
ORACLE = "best gamma, told the truth"
REAL = "real"

Estimator = Callable[[torch.Tensor], np.ndarray]
"""code (1, 3, H, W) -> inverse curve (1024,)."""


@dataclass(frozen=True)
class Case:
    """One photo and the truth: `code` and `light` (1, 3, H, W), its inverse curve (1024,); what it is grouped by."""

    code: torch.Tensor
    light: torch.Tensor
    inverse: np.ndarray
    family: str
    clipped: float
    contrast_stops: float


def cases(views: Path, curves: Path) -> Iterator[Case]:
    """Every view with one curve per family; curves and clipped shares take turns, half of the photos are JPEGs."""
    from hdrrecon import io

    measured = load_measured(curves, "test")
    held_out = {"camera": measured.camera.mean(1), "srgb": ResponseCurve.srgb().inverse, "dorf": measured.dorf}
    files = sorted(p for p in Path(views).iterdir() if p.suffix.lower() in SCENE_SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no HDR views ({', '.join(SCENE_SUFFIXES)}) in {views}")
    for i, path in enumerate(files):
        light = torch.from_numpy(np.maximum(io.read(path)[..., :3], 0).astype(np.float32).transpose(2, 0, 1).copy())[
            None
        ]
        for j, family in enumerate(FAMILIES):
            pool = held_out[family]
            inverse = pool[i % len(pool)]
            turn = i + i // len(CLIP_PERCENTS) + j
            camera = Camera(
                ResponseCurve(inverse), CLIP_PERCENTS[turn % len(CLIP_PERCENTS)], jpeg_quality=(None, 90)[(i + j) % 2]
            )
            shot = simulate(light, camera)
            yield Case(
                shot.code,
                shot.truth,
                inverse,
                family,
                float((shot.truth.amax(1) >= 1).float().mean()),
                _contrast(shot.truth),
            )


def real_cases(pairs: Path, curves: Path) -> Iterator[Case]:
    """Real photos NAME.jpg with truths NAME.exr, 1.0 = clip level, whose response real_cameras.npz holds under NAME,
    split `test`."""
    from hdrrecon import io

    measured = np.load(curves / "real_cameras.npz")
    for name, split, channels in zip(measured["name"], measured["split"], measured["inverse"]):
        photo, truth = Path(pairs) / f"{name}.jpg", Path(pairs) / f"{name}.exr"
        if split == "test" and photo.exists() and truth.exists():
            code, light = (
                torch.from_numpy(io.read(path)[..., :3].astype(np.float32).transpose(2, 0, 1).copy())[None]
                for path in (photo, truth)
            )
            inverse = np.mean([camera_curve(c) for c in channels], 0)
            yield Case(
                code / 255, light, inverse, REAL, float((code.amax(1) >= CLIP_CODE).float().mean()), _contrast(light)
            )


def _contrast(light: torch.Tensor) -> float:
    """Stops between the darkest and the brightest percent, clipped as the photo is."""
    low, high = np.percentile(light.clamp(max=1).mean(1).numpy(), (1, 99.5))
    return float(np.log2(max(high, 1e-6) / max(low, 1e-4)))


def fixed_estimators() -> dict[str, Estimator]:
    """The curves that need no photo."""
    basis = load_basis()
    fixed = {
        "plain sRGB": ResponseCurve.srgb().inverse[0],
        "mean EMoR curve": basis.inverse_emor.mean,
        "mean camera curve": basis.camera_mean,
    }
    return {name: lambda code, curve=curve: curve for name, curve in fixed.items()}


def looks(estimators: dict[str, Estimator], px: int) -> dict[str, Estimator]:
    """The same estimators shown a thumbnail whose longer side is `px`; and up to four full-size pieces of `px`, their
    answers averaged."""
    out = {}
    for name, estimator in estimators.items():
        out[f"{name}, thumbnail of {px} px"] = lambda code, ask=estimator: ask(bounded(code, px))
        out[f"{name}, pieces of {px} px"] = lambda code, ask=estimator: np.mean(
            [ask(c[None]) for c in select_crops(code, px, 4)], 0
        )
    return out


def measure(estimators: dict[str, Estimator], photos: Iterable[Case]) -> list[dict]:
    """One row per photo and estimator, plus the gamma fitted to the truth, for scale."""
    rows = []
    for case in photos:
        answers = {}
        for name, estimator in estimators.items():
            began = time.perf_counter()
            answers[name] = np.asarray(estimator(case.code), np.float64), time.perf_counter() - began
        answers[ORACLE] = Gamma.fit(CODES, case.inverse)(CODES), float("nan")
        for name, (inverse, seconds) in answers.items():
            linear = torch.from_numpy(np.interp(case.code.double().numpy(), CODES, inverse)).float()
            image = float((linear - case.light.clamp(max=1)).square().mean().sqrt())
            rmse = float(np.sqrt(np.mean((inverse - case.inverse) ** 2)))
            rows.append(
                {
                    "method": name,
                    "family": case.family,
                    "rmse": rmse,
                    "image": image,
                    "within": float(rmse <= WITHIN),
                    "well": protocol_scores(linear, case.light, case.code)["well"],
                    "seconds": seconds,
                    "clipped": case.clipped,
                    "contrast": case.contrast_stops,
                }
            )
    return rows


def markdown(rows: list[dict]) -> str:
    """The tables of the module's text."""
    methods = list(dict.fromkeys(r["method"] for r in rows))
    low, high = np.percentile([r["contrast"] for r in rows], (33.3, 66.7))
    contrast = (
        (-np.inf, low, f"under {low:.1f} stops"),
        (low, high, "between"),
        (high, np.inf, f"over {high:.1f} stops"),
    )

    def mean(key, chosen):
        return f"{np.nanmean([r[key] for r in chosen]):.4f}" if chosen else ""

    def table(title: str, columns: dict[str, Callable[[list[dict]], str]]) -> list[str]:
        cells = []
        for method in methods:
            own = [r for r in rows if r["method"] == method]
            cells.append([method, *(column(own) for column in columns.values())])
        return [f"### {title}", "", markdown_table(["estimator", *columns], cells), ""]

    photos = len(rows) // len(methods)
    families = list(dict.fromkeys(r["family"] for r in rows))
    per_family = {
        f"{title}, {family}": lambda own, key=key, family=family: mean(key, [r for r in own if r["family"] == family])
        for title, key in (("curve", "rmse"), ("image", "image"), ("well (stops)", "well"))
        for family in families
    }
    overall = {
        "curve": lambda own: mean("rmse", own),
        "image": lambda own: mean("image", own),
        f"within {WITHIN}": lambda own: f"{100 * np.mean([r['within'] for r in own]):.0f} %",
        "well (stops)": lambda own: mean("well", own),
        "seconds": lambda own: "" if np.isnan(own[0]["seconds"]) else f"{np.mean([r['seconds'] for r in own]):.2f}",
    }

    def binned(key, bins):
        return {
            f"{words} ({sum(a <= r[key] < b for r in rows) // len(methods)})": lambda own, a=a, b=b: mean(
                "rmse", [r for r in own if a <= r[key] < b]
            )
            for a, b, words in bins
        }

    lines = table(f"All {photos} photos", overall) + (table("By family", per_family) if len(families) > 1 else [])
    lines += table("Curve RMSE by clipped pixels (photos)", binned("clipped", CLIPPED_BINS))
    return "\n".join(lines + table("Curve RMSE by contrast below clipping (photos)", binned("contrast", contrast)))


def report_of(
    views: Path,
    curves: Path,
    files: dict[str, Path | None],
    *,
    pairs: Path | None = None,
    look_px: int | None = None,
) -> str:
    """Markdown tables of all estimators.

    Args:
        views: folder of held-out HDR views; curves: folder with dorf.npz and real_cameras.npz.
        files: weights of estimators by name; see `load_networks`.
        pairs: folder of real photos NAME.jpg with truths NAME.exr, measured too.
        look_px: ask the networks of thumbnails and of full-size pieces of so many pixels, too.

    Raises:
        FileNotFoundError: an empty or missing folder; ValueError: files that are none.
    """
    loaded = load_networks(files)
    estimators = {name: estimator_of(network) for name, network in loaded.items()}
    estimators |= (looks(estimators, look_px) if look_px else {}) | fixed_estimators()
    text = markdown(measure(estimators, cases(views, curves)))
    if pairs:
        text += "\n## Real photos\n\n" + markdown(measure(estimators, real_cases(pairs, curves)))
    photos = chain(cases(views, curves), real_cases(pairs, curves) if pairs else ())
    return text + "\n" + band_table(loaded, photos)


def band_table(estimators: dict[str, Linearizer], photos: Iterable[Case]) -> str:
    """Markdown: at how many codes the band of each network (its `spread`) holds the true curve; 68 % would be right."""
    shares: dict[str, dict[str, list[float]]] = {name: {} for name in estimators}
    for case in photos:
        for name, network in estimators.items():
            out = network.estimate(case.code)
            off = np.abs(out["inverse"].double().cpu().numpy() - case.inverse)
            inside = off <= out["spread"].double().cpu().numpy()
            shares[name].setdefault(case.family, []).append(float(inside.mean()))
    families = list(dict.fromkeys(family for own in shares.values() for family in own))
    cells = [[name, *(f"{100 * np.mean(own[family]):.0f} %" for family in families)] for name, own in shares.items()]
    return "### Codes at which the band holds the true curve\n\n" + markdown_table(["estimator", *families], cells)


def estimator_of(network: Linearizer) -> Estimator:
    """A network as an estimator."""

    def ask(code: torch.Tensor) -> np.ndarray:
        return network.estimate(code)["inverse"].double().cpu().numpy()

    return ask


def load_networks(files: dict[str, Path | None]) -> dict[str, Linearizer]:
    """Networks of weights files; "default" without one is the shipped model's first stage, others without are left
    out."""
    from hdrrecon import zoo

    loaded = {name: zoo.load_file(path) for name, path in files.items() if path}
    if "default" not in loaded and zoo.MODELS:
        loaded["default"] = zoo.load(zoo.model_info(zoo.DEFAULT_MODEL).linearize)
    return {f"{name} ({type(network).__name__})": network for name, network in loaded.items()}
