"""One thread of torch's and of OpenCV's for a photo: cores are kept busy with different photos, not with parts of one
operation.

What is done for a photo are many short operations. Several threads share each of them and then wait for the slowest:
beside any other busy program that is the one whose core the program has, and a photo takes ten times as long. One
thread also gives the same bytes on every machine, and never meets the threads that a process lost when it was forked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, local

_lock = Lock()
_inside = 0  # Python threads that are
_before = 1  # torch threads when the first came
_opencv = 1  # OpenCV's, which are the same for all Python threads
_here = local()


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch and OpenCV with one thread on the CPU, and afterwards as before; for any number of Python threads, also
    nested."""
    import cv2
    import torch

    global _inside, _before, _opencv
    depth = getattr(_here, "depth", 0)
    if depth == 0:
        with _lock:
            now = torch.get_num_threads()  # of this Python thread; one that began while others were inside has theirs
            _before = max(now, _before) if _inside else now
            mine = _before
            if _inside == 0:
                _opencv = cv2.getNumThreads()
                cv2.setNumThreads(1)
            _inside += 1
            torch.set_num_threads(1)
    _here.depth = depth + 1
    try:
        yield
    finally:
        _here.depth = depth
        if depth == 0:
            with _lock:
                _inside -= 1
                if _inside == 0:
                    cv2.setNumThreads(_opencv)
                torch.set_num_threads(mine)
