"""Any size in bounded memory: bands of rows, how large they may be, and what to do when memory runs out all the
same."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

Answer = TypeVar("Answer")

BAND_PX = 1 << 18  # pixels worked on at a time where nobody says otherwise; more are no faster
BAND_PX_ELSEWHERE = 1 << 23  # the same on a GPU, where a band costs hundreds of launches: a 4K frame is one
BYTES_PER_PX = 128  # of a band at full size, at most: 20 for 8-bit codes, 102 for floats, 114 dequantised
LOOKS_BYTES = 384 << 20  # networks at their working resolution, and the means they see
LOOKS_BYTES_ELSEWHERE = 3 << 29  # the same on a GPU: means are taken of larger bands

_NOT_ENOUGH = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")


def band_rows(size: tuple[int, int], memory: int | None, held: int, device: torch.device = torch.device("cpu")) -> int:
    """How many rows to work on at a time.

    Args:
        size: (H, W) of the photo.
        memory: bytes that the reconstruction may take, beside Python and the networks' weights; None: no bound.
        held: bytes that it takes from beginning to end: the photo, and the light unless it is written away.
        device: that works.

    Raises:
        ValueError: `memory` does not suffice for one row; names the least that does.
    """
    height, width = size
    band_px, looks = (BAND_PX, LOOKS_BYTES) if device.type == "cpu" else (BAND_PX_ELSEWHERE, LOOKS_BYTES_ELSEWHERE)
    rows = min(height, max(1, band_px // width))
    if memory is None:
        return rows
    fits = (memory - held - looks) // (width * BYTES_PER_PX)
    if fits < 1:
        least = held + looks + width * BYTES_PER_PX
        raise ValueError(
            f"{memory / 1e6:.0f} MB are too little for a photo of {width} x {height}; the least that works is "
            f'memory="{-(-least // 10**6)}MB" ({held / 1e6:.0f} MB of it are the photo and its light)'
        )
    return min(rows, fits)


def in_bands(height: int, rows: int, work: Callable[[slice], Answer]) -> Iterator[tuple[slice, Answer]]:
    """(band, work(band)) from top to bottom, `rows` at a time; with half as many from where memory ran out.

    Raises:
        What `work` raises: also an error of memory, if it comes with a single row.
    """
    top = 0
    while top < height:
        band = slice(top, min(top + rows, height))
        try:
            answer = work(band)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error) or band.stop - band.start == 1:
                raise
            rows = (band.stop - band.start) // 2
        else:
            yield band, answer
            del answer  # or it would live through the next band's work
            top = band.stop
            continue
        release_memory()  # outside of the handler: there the error still holds what the band had made


def out_of_memory(error: BaseException) -> bool:
    """True for the ways in which Python, torch on a CPU and torch on a device say that memory is used up."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NOT_ENOUGH)


def release_memory() -> None:
    """Give back what caches hold."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
