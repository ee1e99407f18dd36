"""Frames in a GPU's memory to light in a GPU's memory: how many a second, and what each stage reaches of what the GPU
could do.

No file is read or written and no frame leaves the device. Two floors are measured in the same run: a copy within the
device's memory, and a product of two matrices in bfloat16. A stage's **bytes** are those that all its operations read
and write, as if there were no caches; its **FLOPs** those of its convolutions and matrix products. Both are counted by
watching torch work, so the decoupled filter's own kernel, which torch does not see, is in neither
(`examples/filter_cost.py` measures that). Its **launches** are torch's operations that make or change numbers: on a GPU
each is one kernel at least, and small kernels cost what launching them does.

Times are medians, by CUDA events on CUDA. On a CPU the same runs, to be tried out, and to count launches: there the
statistics have a line of their own, for what a CPU counts with NumPy a GPU counts with torch. Without its own kernel
the decoupled filter has more there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from hdrrecon.api import Reconstructor
from hdrrecon.bench.photos import photo
from hdrrecon.networks.linearize import histograms
from hdrrecon.networks.linearize.response_statistics import photo_statistics
from hdrrecon.networks.working_resolution import working_size
from hdrrecon.options import Speed
from hdrrecon.pipeline import prepared, resample
from hdrrecon.pipeline.bands import BAND_PX_ELSEWHERE
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.resample import shrunk_code

WIDTH_PX, CLIPPED_PERCENT = 3840, 5.0  # 8.3 MP
IN_A_ROW = 10
SPEEDS: tuple[Speed, ...] = ("plain", "cuda-graphs")
_PICKS = ("index", "gather")  # in the names of operations that read or write a few elements of a table


@dataclass(frozen=True)
class Floors:
    """What the device reaches: bytes per second of a copy, read and written; FLOPs per second of a bfloat16 matrix
    product."""

    copy: float
    product: float


class Traffic(TorchDispatchMode):
    """`bytes`: those of all tensors that operations inside it read and wrote; `launches`: how many such operations.
    Views move nothing."""

    def __init__(self):
        super().__init__()
        self.bytes = self.launches = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        given, made = ([x for x in tree_leaves(tree) if isinstance(x, Tensor)] for tree in ((args, kwargs), result))
        places = {x.untyped_storage().data_ptr() for x in given}
        if function._schema.is_mutable or not all(x.untyped_storage().data_ptr() in places for x in made):
            self.launches += 1
            picks = any(word in function._schema.name for word in _PICKS)
            self.bytes += _picked(given[0], [*given, *made]) if picks else sum(map(_held, [*given, *made]))
        return result


def _picked(table: Tensor, tensors: list[Tensor]) -> int:
    """Where elements of a table are read or written: all but the table, and of that, if it is large, as much as there
    are values."""
    others = [_held(x) for x in tensors if x.untyped_storage().data_ptr() != table.untyped_storage().data_ptr()] or [0]
    return sum(others) + min(_held(table), max(others))


def _held(x: Tensor) -> int:
    return min(x.numel() * x.element_size(), x.untyped_storage().nbytes())


def frame(width_px: int, device: torch.device, clipped: float = CLIPPED_PERCENT) -> Tensor:
    """Synthetic frame (3, H, W) uint8 of 16:9 on `device`."""
    image = photo(width_px**2 * 9 / 16 / 1e6, clipped, 16 / 9)
    return torch.from_numpy(image.transpose(2, 0, 1).copy()).to(device)


def seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median seconds of a call, after two to warm up (and to be recorded)."""
    taken = []
    for _ in range(repeats + 2):
        if device.type == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            torch.cuda.synchronize(device)
            start.record()
            work()
            end.record()
            end.synchronize()
            taken.append(start.elapsed_time(end) / 1000)
        else:
            began = time.perf_counter()
            work()
            taken.append(time.perf_counter() - began)
    return median(taken[2:])


def floors(device: torch.device, repeats: int = 10) -> Floors:
    """Copy and matrix product; small ones on a CPU."""
    large = device.type == "cuda"
    source = torch.empty(2**28 if large else 2**22, device=device)
    target = torch.empty_like(source)
    copied = seconds(lambda: target.copy_(source), device, repeats)
    side = 8192 if large else 256
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return Floors(2 * source.nbytes / copied, 2 * side**3 / seconds(lambda: a @ b, device, repeats))


@torch.inference_mode()
def counted(work: Callable[[], object]) -> tuple[float, float, int]:
    """Bytes, FLOPs and launches of a call."""
    with in_blocks_of_a_gpu(), FlopCounterMode(display=False) as flops, Traffic() as traffic:
        work()
    return traffic.bytes, flops.get_total_flops(), traffic.launches


def statistics_as_on_gpu(pipeline: HDRPipeline, codes: PixelCodes) -> Callable[[], object] | None:
    """A call that counts a photo with torch alone, in one block as a GPU does; None without such a stage."""
    if pipeline.linearize is None or not pipeline.linearize.takes_statistics:
        return None
    size = working_size(codes.size, pipeline.linearize.longest_px or max(codes.size))
    return partial(photo_statistics, shrunk_code(codes, size)[0])


@contextmanager
def in_blocks_of_a_gpu() -> Iterator[None]:
    """What a CPU does in blocks that fit into its caches is done at once, as on a GPU: to count launches."""
    with (
        mock.patch.object(histograms, "BLOCK_PX", 1 << 30),
        mock.patch.object(resample, "BAND_PX", BAND_PX_ELSEWHERE),
        mock.patch.dict(prepared.GROUP_PX, cpu=prepared.GROUP_PX_ELSEWHERE),
        mock.patch.object(prepared, "MOST_PX", -1),  # no light is kept for later
    ):
        yield


@torch.inference_mode()
def table(reconstructor: Reconstructor, image: Tensor, reached: Floors, repeats: int) -> Iterator[str]:
    """One line per stage, after a head."""
    yield (f"{'stage':42s} {'launches':>8s} {'ms':>8s} {'MB':>9s} {'GFLOP':>8s} {'of a copy':>10s} {'of bf16':>8s}")
    codes = PixelCodes.of_tensor(image)
    steps = reconstructor.pipeline.steps(codes)
    with in_blocks_of_a_gpu():
        to_count = dict(reconstructor.pipeline.steps(codes))
    on_gpu = statistics_as_on_gpu(reconstructor.pipeline, codes) if image.device.type == "cpu" else None
    if on_gpu is not None:
        steps.insert(1, ("response: statistics as a GPU counts them", on_gpu))
    for name, work in steps:
        (moved, flops, launches), taken = counted(to_count.get(name, work)), seconds(work, image.device, repeats)
        yield (
            f"{name:42s} {launches:8d} {1000 * taken:8.3f} {moved / 1e6:9.1f} {flops / 1e9:8.2f} "
            f"{moved / taken / reached.copy:10.1%} "
            f"{flops / taken / reached.product:8.1%}"
        )


def repeated(work: Callable[[], object], times: int) -> None:
    """Call it so many times; only the last has to be waited for."""
    for _ in range(times):
        work()


def report(
    model: str, device: torch.device, width_px: int = WIDTH_PX, repeats: int = 20, precision: str = "auto"
) -> Iterator[str]:
    """Frames per second of one model in four ways, one by one and in a row (only the last is waited for), peak memory,
    and its stages."""
    image = frame(width_px, device)
    reached = floors(device)
    yield (
        f"{model}, {image.shape[2]} x {image.shape[1]}, {CLIPPED_PERCENT:g} % clipped; copy "
        f"{reached.copy / 1e12:.3f} TB/s, "
        f"bf16 product {reached.product / 1e12:.3f} TFLOP/s"
    )
    for speed in SPEEDS:
        reconstructor = Reconstructor(model, str(device), precision=precision, speed=speed)
        known = reconstructor(image, details=True).response
        for words, options in (("", {}), (", one response for all frames", {"response": known})):
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            one = partial(reconstructor, image, **options)
            taken = seconds(one, device, repeats)
            row = IN_A_ROW if device.type == "cuda" else 1  # a CPU is always waited for
            in_a_row = seconds(partial(repeated, one, row), device, max(1, repeats // 5)) / row
            peak = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
            yield (
                f"{1 / taken:7.1f} frames/s {1000 * taken:8.2f} ms {peak:6.2f} GB, {1 / in_a_row:7.1f} in a row  "
                f"{speed}{words}"
            )
    yield from table(reconstructor, image, reached, repeats)
