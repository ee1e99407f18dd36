"""Running methods over cases: parallel over images, resumable, one thread per process.

A failing image or method becomes a row with its error. It never stops the others and never leaves the count.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from hdrrecon.evaluation import confidence, methods
from hdrrecon.evaluation.conditions import PROTOCOL, Condition, held_out_curves, needs_curves
from hdrrecon.evaluation.panels import panel_path, save_panel
from hdrrecon.evaluation.results import KEYS, ResultFile, Row, key_of, read_rows
from hdrrecon.evaluation.sources import AS_GIVEN, REAL, Source, open_case, read_truth
from hdrrecon.metrics.colorvideovdp import require_colorvideovdp
from hdrrecon.metrics.scores import score

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """One image's work: `todo` pairs a condition (None: the given photo) with method specs."""

    source: Source
    todo: tuple[tuple[Condition | None, tuple[str, ...]], ...]
    settings: Settings


@dataclass(frozen=True)
class Settings:
    """Choices that hold for a whole run. Those that change numbers are part of `text`, and of every row."""

    max_side: int | None = 640
    curves: str | None = None
    device: str = "auto"
    cvvdp: bool = False
    panels: str | None = None

    @property
    def text(self) -> str:
        return f"max_side={self.max_side or 'none'}" + (" cvvdp" if self.cvvdp else "")


def run(
    sources: Sequence[Source],
    conditions: Sequence[Condition | None],
    specs: Sequence[str],
    out: str | Path,
    *,
    settings: Settings = Settings(),
    jobs: int = 1,
    pictured: Sequence[str] = (),
    progress: Callable[[int, int, str], None] = lambda done, total, image: None,
) -> list[Row]:
    """Evaluate, keeping what `out` already holds.

    Args:
        sources: images; see `sources.find_truths` and `find_pairs`.
        conditions: of `CONDITIONS`; None stands for the photo a source has.
        specs: methods, see `methods.build`; the plain linearised input is added, for every comparison needs
            it.
        out: the result CSV; rows of the same key are not computed again, rows with an error are.
        jobs: processes; 1 runs in this one.
        pictured: image names for which panels are kept for the report (`settings.panels` is their folder).
        progress: called with images done, images to do, and the last image's name.

    Returns:
        The rows of exactly these sources, conditions and methods, old and new.

    Raises:
        ValueError: for unknown methods, before anything is run.
        ModuleNotFoundError: for ColorVideoVDP that is not installed.
    """
    specs = list(dict.fromkeys([methods.BASELINE, *specs]))
    labels = [methods.label_of(spec) for spec in specs]
    if len(set(labels)) < len(labels):
        raise ValueError(f"two methods are called the same: {', '.join(labels)}; name them with LABEL=SPEC")
    if needs_curves(conditions):
        held_out_curves(settings.curves)  # fail now rather than in the middle
    if settings.cvvdp:
        require_colorvideovdp()
    with _one_thread():
        versions = {spec: _method(spec, settings.device).version for spec in specs}
        old = {key_of(row): row for row in read_rows(out)}
        wanted, work = {}, []
        for source in sources:
            todo = []
            for condition in conditions:
                keys = {spec: _key(settings, condition, source, spec, versions[spec]) for spec in specs}
                wanted.update(dict.fromkeys(keys.values()))
                missing = tuple(
                    s
                    for s in specs
                    if _is_missing(old.get(keys[s])) or _lacks_panel(settings, pictured, source, condition, s)
                )
                if missing:
                    todo.append((condition, missing))
            if todo:
                chosen = settings if source.image in pictured else replace(settings, panels=None)
                work.append(Job(source, tuple(todo), chosen))
        file = ResultFile(out)
        for done, (job, rows) in enumerate(_execute(work, jobs), 1):
            file.append(rows)
            old.update({key_of(row): row for row in rows})
            progress(done, len(work), job.source.image)
    return [old[key] for key in wanted]


def _key(settings, condition, source, spec, version) -> tuple:
    return (
        PROTOCOL,
        settings.text,
        name_of(condition, source),
        source.image,
        methods.label_of(spec),
        version,
    )


def name_of(condition: Condition | None, source: Source) -> str:
    """Condition name of a row."""
    return condition.name if condition else REAL if source.photo else AS_GIVEN


def _is_missing(row: Row | None) -> bool:
    return row is None or bool(row["error"])


def _lacks_panel(settings, pictured, source, condition, spec) -> bool:
    if settings.panels is None or source.image not in pictured:
        return False
    return not panel_path(settings.panels, name_of(condition, source), source.image, methods.label_of(spec)).exists()


def _execute(work: list[Job], jobs: int):
    if jobs <= 1 or len(work) <= 1:
        yield from ((job, evaluate_image(job)) for job in work)
        return
    # spawn: a forked child of a process that has used torch may hang.
    with ProcessPoolExecutor(min(jobs, len(work)), get_context("spawn"), _start_worker) as pool:
        futures = {pool.submit(evaluate_image, job): job for job in work}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise OSError(
                "a worker process died, most likely for want of memory; finished images are kept, "
                "run again with fewer --jobs"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _start_worker() -> None:
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


@contextmanager
def _one_thread():
    """Children inherit one thread each; more would only fight over the cores."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@lru_cache(maxsize=32)
def _method(spec: str, device: str) -> methods.Method:
    return methods.build(spec, device)


@lru_cache(maxsize=2)
def _curves(path: str | None):
    return tuple(held_out_curves(path))


def evaluate_image(job: Job) -> list[Row]:
    """All rows of one image."""
    rows: list[Row] = []
    scene = problem = None
    try:
        scene = read_truth(job.source, job.settings.max_side)
    except Exception as error:
        problem = error
    for condition, specs in job.todo:
        case = failure = None
        try:
            if problem:
                raise problem
            curves = _curves(job.settings.curves) if needs_curves([condition]) else ()
            case = open_case(job.source, condition, scene, curves)
        except Exception as error:
            failure = error
        for spec in specs:
            method = _method(spec, job.settings.device)
            key = _key(job.settings, condition, job.source, spec, method.version)
            row: Row = dict(zip(KEYS, key), error="")
            try:
                if failure:
                    raise failure
                row.update(_evaluate(method, case, job.settings))
            except Exception as error:
                row["error"] = f"{type(error).__name__}: {error}"[:300]
            rows.append(row)
    return rows


def _evaluate(method: methods.Method, case, settings: Settings) -> Row:
    start = time.perf_counter()
    prediction = method.run(case)
    seconds = time.perf_counter() - start
    # The true camera judges; for a real photo nobody knows it, and a method is held to its own curve.
    response = case.response or prediction.response
    row = score(
        prediction.radiance,
        case.truth,
        case.photo,
        clip_from=case.clip_from,
        response=response,
        cvvdp=settings.cvvdp,
    )
    if prediction.confidence:
        row |= confidence.measure(case, prediction)
    if settings.panels:
        save_panel(settings.panels, case, method.label, prediction)
    return {**row, "seconds": seconds, "height": case.photo.shape[0], "width": case.photo.shape[1]}
