"""What the time of a photo goes to: seconds of processor time in convolutions, counting, resampling, lookups, reading,
writing.

Functions that do these are replaced by ones that time them, for as long as a measurement lasts. What one of them spends
in another is the other's alone; all threads are counted, each by its own processor time.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Lock, local
from typing import Any

KINDS = ("convolutions", "counting", "resampling", "lookups", "reading", "writing")
_TIMED = {
    "convolutions": ("torch.nn.functional:conv2d", "torch:addmm"),  # those of 1 x 1 pixel are matrix products
    "counting": ("hdrrecon.networks.linearize.response_statistics:_on_cpu",),
    "resampling": (
        "hdrrecon.pipeline.resample:shrunk",
        "hdrrecon.pipeline.resample:pooled_bytes",
        "hdrrecon.pipeline.seen:area_means",
        "hdrrecon.pipeline.seen:byte_means",
        "hdrrecon.pipeline.resample:Enlarged.at",
        "hdrrecon.pipeline.restored_pixels:RestoredPixels.mean_gain",
    ),
    "lookups": (
        "cv2:LUT",
        "hdrrecon.pipeline.pixels:PixelCodes.looked_up",
        "hdrrecon.pipeline.pixels:PixelCodes.brightest_bytes",
        "hdrrecon.pipeline.pixels:PixelCodes.stored_at",
        "hdrrecon.pipeline.pixels:PixelCodes.lost",
    ),
    "reading": ("hdrrecon.pipeline.to_file:ingest",),
    "writing": (
        "hdrrecon.io.rows:RowWriter.write",
        "hdrrecon.io.exr_rows:ExrRows.close",
        "hdrrecon.io.exr_rows:ExrRows._compressed",
    ),
}


def measure_shares(work: Callable[[], object]) -> dict[str, float]:
    """Shares, in [0, 1], of the processor time of a call that went to each of `KINDS`, and to "other"."""
    seconds: Counter[str] = Counter()
    began = time.process_time()
    with _timed(seconds):
        work()
    total = max(time.process_time() - began, 1e-9)
    shares = {kind: seconds[kind] / total for kind in KINDS}
    return shares | {"other": max(0.0, 1 - sum(shares.values()))}


@contextmanager
def _timed(seconds: Counter[str]) -> Iterator[None]:
    here, lock = local(), Lock()
    replaced: list[tuple[Any, str, Any]] = []
    try:
        for kind, names in _TIMED.items():
            for name in names:
                owner, attribute = _owner(name)
                original = getattr(owner, attribute)
                replaced.append((owner, attribute, original))
                setattr(owner, attribute, _timing(original, kind, seconds, here, lock))
        yield
    finally:
        for owner, attribute, original in reversed(replaced):
            setattr(owner, attribute, original)


def _owner(name: str) -> tuple[Any, str]:
    """The module or class that a function hangs on, and its name there."""
    module, _, path = name.partition(":")
    owner: Any = import_module(module)
    *classes, attribute = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    return owner, attribute


def _timing(original: Callable, kind: str, seconds: Counter[str], here: local, lock: Lock) -> Callable:
    def timed(*given, **named):
        outer = getattr(here, "inner", 0.0)  # seconds that timed functions within the caller took so far
        here.inner, began = 0.0, time.thread_time()
        try:
            return original(*given, **named)
        finally:
            taken = time.thread_time() - began
            with lock:
                seconds[kind] += taken - here.inner
            here.inner = outer + taken

    with suppress(AttributeError):  # built-in functions have not all of it
        functools.update_wrapper(timed, original)
    return timed
