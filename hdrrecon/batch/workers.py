"""Many jobs through several stages at once: while one photo is computed, the next is decoded and the last one encoded.

Stages are joined by short queues, so memory holds a few jobs however many there are. A job that fails keeps its error
and goes no further; the others go on. Outcomes come in the order of the jobs.
"""

from __future__ import annotations

import queue
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One step of the work, `work(job, value of the stage before) -> value`, done by `workers` threads."""

    work: Callable[[Any, Any], Any]
    workers: int = 1


@dataclass
class Outcome:
    """What became of a job: the last stage's `value`, or the `error` of the stage that failed; texts of its
    warnings."""

    job: Any
    value: Any = None
    error: Exception | None = None
    notes: list[str] = field(default_factory=list)


def convey(
    jobs: Iterable,
    stages: Sequence[Stage],
    *,
    waiting: int = 1,
    stop: threading.Event | None = None,
    interrupted: Callable[[], None] | None = None,
) -> Iterator[Outcome]:
    """Do every job through all stages.

    At any time at most `workers` jobs are in a stage and `waiting` before it. Once `stop` is set no further job begins;
    those under way are finished. Closing the iterator (also Ctrl-C) lets workers end the step they are in and drops the
    rest.

    Args:
        jobs: taken one by one as there is room, in a thread of their own.
        stages: at least one; the first gets None as value.
        interrupted: called when Ctrl-C comes, before what is under way is waited for.
        waiting: jobs a queue between two stages holds.
        stop: set by the caller, or by a stage, when going on makes no sense.

    Yields:
        One outcome for each job that began, in the order of the jobs.
    """
    stop, dropped = stop or threading.Event(), threading.Event()
    queues = [queue.Queue(waiting) for _ in stages] + [queue.Queue()]
    threads = [threading.Thread(target=_feed, args=(jobs, queues[0], stop, queues[-1]), daemon=True)]
    for stage, source, sink in zip(stages, queues, queues[1:]):
        left = _Countdown(stage.workers)
        threads += [
            threading.Thread(target=_serve, args=(stage.work, source, sink, left, dropped), daemon=True)
            for _ in range(stage.workers)
        ]
    with _warnings_noted():
        for thread in threads:
            thread.start()
        try:
            yield from _in_order(queues[-1])
        except KeyboardInterrupt:
            stop.set()
            dropped.set()
            if interrupted is not None:
                interrupted()
            raise
        finally:
            stop.set()
            dropped.set()
            for thread in threads:
                thread.join()


_END = object()
_here = threading.local()


class _Countdown:
    """Tells the last of a stage's workers that it is the last."""

    def __init__(self, count: int):
        self.count, self.lock = count, threading.Lock()

    def last(self) -> bool:
        with self.lock:
            self.count -= 1
            return self.count == 0


def _feed(jobs: Iterable, sink: queue.Queue, stop: threading.Event, done: queue.Queue) -> None:
    try:
        for number, job in enumerate(jobs):
            if stop.is_set():
                break
            sink.put((number, Outcome(job)))
    except BaseException as error:  # of the jobs' own iterator; raised again where the outcomes are read
        done.put(error)
    sink.put(_END)


def _serve(work: Callable, source: queue.Queue, sink: queue.Queue, left: _Countdown, dropped: threading.Event) -> None:
    while (item := source.get()) is not _END:
        _, outcome = item
        if outcome.error is None and not dropped.is_set():
            _here.outcome = outcome
            try:
                outcome.value = work(outcome.job, outcome.value)
            except Exception as error:  # whatever a job does, the others are still done
                outcome.value, outcome.error = None, error
            _here.outcome = None
        sink.put(item)
        del item, outcome  # a worker that waits must not hold a photo
    if left.last():
        sink.put(_END)
    else:
        source.put(_END)


def _in_order(source: queue.Queue) -> Iterator[Outcome]:
    early: dict[int, Outcome] = {}
    following = 0
    while (item := source.get()) is not _END:
        if isinstance(item, BaseException):
            raise item
        early[item[0]] = item[1]
        while following in early:
            yield early.pop(following)
            following += 1


@contextmanager
def _warnings_noted() -> Iterator[None]:
    """Warnings of a worker go to its job's notes. `catch_warnings(record=True)` in each would not do: it swaps what all
    threads share."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        show = warnings.showwarning

        def note(message, category, *where, **more):
            outcome = getattr(_here, "outcome", None)
            if outcome is None:
                show(message, category, *where, **more)
            elif issubclass(category, UserWarning) and str(message) not in outcome.notes:
                outcome.notes.append(str(message))

        warnings.showwarning = note
        yield
