"""What can be evaluated, by name: our models, classic operators, baselines, files, and anyone's own function.

    linearised_input        the photo through the inverse sRGB curve: restores nothing, and hard to beat
    camera_curve            the photo through the mean curve of modern cameras
    oracle_linearisation    the true curve, nothing restored: what perfect step 1 alone would give
    oracle_restoration      the true light in clipped pixels, on our own linearisation: perfect step 2 alone
    MODEL                   a shipped model (`hdrrecon.list_models()`)
    classic:NAME            an operator of `hdrrecon.pipeline.classic`, on the linearised input
    files:FOLDER            predictions FOLDER/CONDITION/IMAGE.exr (or FOLDER/IMAGE.exr), made elsewhere
    module:function         f(photo uint8 (H, W, 3) RGB) -> float (H, W, 3) linear, any scale

`LABEL=SPEC` gives any of them another name.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hdrrecon.evaluation.case import Case
from hdrrecon.options import UsageError

if TYPE_CHECKING:
    from hdrrecon.camera.response import ResponseCurve

BASELINE = "linearised_input"
DEFAULT_MODEL = "full"


@dataclass(frozen=True)
class Prediction:
    """Linear light (H, W, 3) in any scale, and the curve it was linearised with where the method says so.

    `confidence` gives (H, W), as `hdrrecon.Reconstruction` has it, when it is asked for: after the clock has stopped.
    """

    radiance: np.ndarray
    response: ResponseCurve | None = None
    confidence: Callable[[], np.ndarray] | None = None


@dataclass(frozen=True)
class Method:
    """A method ready to run. Another `version` (weights, source) means old results are not reused."""

    label: str
    version: str
    run: Callable[[Case], Prediction]


def label_of(spec: str) -> str:
    """The name under which a spec is reported."""
    label, _, rest = spec.rpartition("=")
    if label:
        return label
    if rest.startswith("files:"):
        return Path(rest[6:]).name
    return rest[8:] if rest.startswith("classic:") else rest


def build(spec: str, device: str = "auto") -> Method:
    """Make a method from its spec.

    Raises:
        ValueError: for a spec that names nothing, listing what there is.
        ImportError, UsageError: for a module or function that cannot be found.
    """
    label, what = label_of(spec), spec.rpartition("=")[2]
    if what in _BASELINES:
        return Method(label, "1", _BASELINES[what])
    if what == "oracle_restoration":
        return _oracle_restoration(label, device)
    kind, _, rest = what.partition(":")
    if kind == "files":
        folder = Path(rest)
        if not folder.is_dir():
            raise ValueError(f"{spec}: {folder} is not a folder of predictions")
        return Method(label, _folder_version(folder), lambda case: _from_files(folder, case))
    if kind == "classic":
        return _classic(label, rest)
    if rest:
        return _own(label, kind, rest)
    return _model(label, what, device)


def _linearised_input(case: Case) -> Prediction:
    from hdrrecon.camera.response import ResponseCurve

    return _through(ResponseCurve.srgb(), case)


def _camera_curve(case: Case) -> Prediction:
    from hdrrecon.camera.response import ResponseCurve

    return _through(ResponseCurve.camera(), case)


def _oracle_linearisation(case: Case) -> Prediction:
    if case.response is None:
        # Nobody knows a real camera's curve; light cut at the clip level is what a perfect one would give.
        return Prediction(np.minimum(case.truth, 1))
    return _through(case.response, case)


_BASELINES = {
    BASELINE: _linearised_input,
    "camera_curve": _camera_curve,
    "oracle_linearisation": _oracle_linearisation,
}


def _through(response: ResponseCurve, case: Case) -> Prediction:
    return Prediction(response.linearize(case.photo / 255), response)


def _reconstructor(model: str, device: str):
    from hdrrecon import Reconstructor, list_models

    if model not in list_models():
        raise ValueError(
            f"no method {model!r}; there are: models {', '.join(list_models()) or '(none ship yet)'}; baselines "
            f"{', '.join([*_BASELINES, 'oracle_restoration'])}; classic:NAME; files:FOLDER; module:function"
        )
    return Reconstructor(model=model, device=device)


def _model(label: str, model: str, device: str) -> Method:
    reconstruct = _reconstructor(model, device)

    def run(case: Case) -> Prediction:
        result = reconstruct(case.photo, details=True)
        return Prediction(result.radiance, result.response, lambda: result.confidence)

    return Method(label, _model_version(model), run)


def _oracle_restoration(label: str, device: str) -> Method:
    reconstruct = _reconstructor(DEFAULT_MODEL, device)

    def run(case: Case) -> Prediction:
        from hdrrecon.metrics.alignment import gain
        from hdrrecon.metrics.regions import find_regions

        result = reconstruct(case.photo, details=True)
        regions = find_regions(case.photo, case.truth, case.clip_from)
        # The true light joins in the unit of the linearisation, or its scale error would count as a highlight error.
        scale = gain(case.truth, result.linear, regions.anchor)
        return Prediction(np.where(regions.clipped[..., None], case.truth * scale, result.linear), result.response)

    return Method(label, _model_version(DEFAULT_MODEL), run)


def _model_version(model: str) -> str:
    from hdrrecon import zoo

    card = zoo.model_info(model)
    return "+".join(zoo.WEIGHTS[stage].sha256[:8] for stage in card.stages) or "1"


def _classic(label: str, name: str) -> Method:
    from hdrrecon.camera.response import ResponseCurve
    from hdrrecon.pipeline.classic import CLASSIC

    if name not in CLASSIC:
        raise ValueError(f"no classic operator {name!r}: choose from {', '.join(CLASSIC)}")
    operator, srgb = CLASSIC[name], ResponseCurve.srgb()

    def run(case):
        return Prediction(operator(srgb.linearize(case.photo / np.float32(255))), srgb)

    return Method(label, _source_version(operator), run)


def _own(label: str, module: str, function: str) -> Method:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # python -m does so; a console script does not
    callable_ = getattr(importlib.import_module(module), function, None)
    if callable_ is None:
        raise UsageError(f"the module {module} has no attribute {function!r}; a method is named module:function")
    return Method(label, _source_version(callable_), lambda case: Prediction(np.asarray(callable_(case.photo.copy()))))


def _source_version(function) -> str:
    try:
        return hashlib.sha256(Path(inspect.getsourcefile(function)).read_bytes()).hexdigest()[:12]
    except (TypeError, OSError):
        return "unknown"


def _folder_version(folder: Path) -> str:
    """Changes when a file comes, goes or is written again."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    listing = [(p.relative_to(folder).as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return hashlib.sha256(repr(listing).encode()).hexdigest()[:12]


def _from_files(folder: Path, case: Case) -> Prediction:
    from hdrrecon.evaluation.sources import find_by_stem, read_linear

    inside = folder / case.condition
    return Prediction(read_linear(find_by_stem(inside if inside.is_dir() else folder, case.image)))
