"""Time and peak memory of the decoupled filter against unfold-and-einsum, for an RGB image, on the CPU and on CUDA
where there is one.

    python examples/filter_cost.py [side_px] [kernel_size] [device]

Ratios to `unfold and einsum` come first, above 1 where better; training is the forward and the backward pass. Memory
counts the tensors made beside the inputs; in training 120 MB of it are the gradients themselves, for every way. On one
thread of a busy CPU:

                         inference: time  memory  training: time  memory     inference            training
    unfold and einsum               1.0x    1.0x           1.0x    1.0x    938.9 ms    168 MB   2881.1 ms    447 MB
    unfold and multiply             2.0x    1.0x           2.1x    0.9x    467.9 ms    171 MB   1341.5 ms    476 MB
    shifted views                  18.1x   16.3x          22.1x    3.1x     52.0 ms     10 MB    130.2 ms    145 MB

On CUDA also the part of the memory bandwidth in use, against what a plain copy reaches: inputs read and output written
once, in training the inputs twice and the gradients once. On an H200, `1024 5 cuda`:

                         inference: time  memory  training: time  memory     inference            training
    unfold and einsum               1.0x    1.0x           1.0x    1.0x     12.0 ms    772 MB     53.2 ms   1904 MB
    unfold and multiply             6.2x    1.1x           3.5x    1.0x      1.9 ms    683 MB     15.2 ms   1904 MB
    shifted views                   4.7x   19.6x           4.9x    3.3x      2.6 ms     39 MB     10.8 ms    579 MB
    decoupled_filter               56.9x   61.3x          44.1x    3.4x      0.2 ms     13 MB      1.2 ms    568 MB
    memory bandwidth of the last: 55% of a copy's at inference, 29% in training
    largest difference from the first, as part of its largest value: 7.0e-07 over results and all gradients

That was with blocks of 128 pixels; with 256, as now, inference reaches 76 %.
"""

import sys
import time
import weakref

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hdrrecon.networks.refine.decoupled_filter import DecoupledKernels, decoupled_filter, decoupled_filter_reference
from hdrrecon.networks.refine.decoupled_filter_shifts import filter_by_shifts

DILATIONS = (1, 4, 16)


def unfold_and_multiply(levels: Tensor, kernels: DecoupledKernels, dilations: tuple[int, ...]) -> Tensor:
    """The rival as one would write it for speed: products and sums in place of einsum."""
    result, size = 0, round(kernels.spatial.shape[2] ** 0.5)
    for index, dilation in enumerate(dilations):
        padded = F.pad(levels[:, index], [dilation * (size // 2)] * 4, mode="replicate")
        taps = (
            F.unfold(padded, size, dilation).unflatten(1, (levels.shape[2], size * size)).unflatten(3, levels.shape[3:])
        )
        filtered = (taps * kernels.spatial[:, index, None]).sum(2)
        result = result + kernels.level[:, index, None] * (kernels.channel[:, index] * filtered[:, None]).sum(2)
    return result


def shifted_views(levels: Tensor, kernels: DecoupledKernels, dilations: tuple[int, ...]) -> Tensor:
    return filter_by_shifts(levels, kernels.spatial, kernels.channel, kernels.level, dilations)


class PeakMemory(TorchDispatchMode):
    """`peak`: the most bytes that tensors made inside it held at one moment, from their storages alone, hence the same
    everywhere."""

    def __init__(self):
        super().__init__()
        self.held, self.peak = {}, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.untyped_storage().data_ptr() not in given:
                storage = leaf.untyped_storage()
                self.held[id(storage)] = storage.nbytes()
                weakref.finalize(storage, self.held.pop, id(storage), None)
        self.peak = max(self.peak, sum(self.held.values()))
        return result


def inputs(side: int, size: int, device: str) -> list[Tensor]:
    shapes = (3, side, side), (size * size, side, side), (3, 3, side, side), (side, side)
    return [torch.rand(1, len(DILATIONS), *shape, device=device, requires_grad=True) for shape in shapes]


def run(way, tensors: list[Tensor], training: bool) -> None:
    with torch.set_grad_enabled(training):
        result = way(tensors[0], DecoupledKernels(*tensors[1:]), DILATIONS)
        if training:
            torch.autograd.grad(result, tensors, torch.ones_like(result))


def milliseconds(job, device: str, repeats: int = 5) -> float:
    """The fastest of some runs, after one to warm up; on CUDA each of ten in a row, so that launching does not
    count."""
    times, start, end = [], *(torch.cuda.Event(enable_timing=True) if device == "cuda" else None for _ in range(2))
    for _ in range(repeats + 1):
        if device == "cuda":
            start.record()
            for _ in range(10):
                job()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end) / 10)
        else:
            began = time.perf_counter()
            job()
            times.append(1000 * (time.perf_counter() - began))
    return min(times[1:])


def megabytes(job, device: str) -> float:
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        job()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    with PeakMemory() as memory:
        job()
    return memory.peak / 1e6


def copy_bandwidth() -> float:
    """Bytes per millisecond, read and written, of a plain copy on the GPU."""
    source = torch.empty(2**28, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.nbytes / milliseconds(lambda: target.copy_(source), "cuda")


def table(side: int, size: int, device: str) -> None:
    ways = {
        "unfold and einsum": decoupled_filter_reference,
        "unfold and multiply": unfold_and_multiply,
        "shifted views": shifted_views,
    }
    if device == "cuda":
        ways["decoupled_filter"] = decoupled_filter
    tensors = inputs(side, size, device)
    print(
        f"{device}, {side} px, {size}x{size} kernels, {len(DILATIONS)} levels\n"
        f"{'':20s} inference: time  memory  training: time  memory     inference            training"
    )
    first = None
    for name, way in ways.items():
        jobs = [lambda training=training, way=way: run(way, tensors, training) for training in (False, True)]
        costs = [cost(job, device) for job in jobs for cost in (milliseconds, megabytes)]
        first = first or costs
        ratios = [a / b for a, b in zip(first, costs)]
        print(
            f"{name:20s} {ratios[0]:14.1f}x {ratios[1]:6.1f}x {ratios[2]:13.1f}x {ratios[3]:6.1f}x"
            f" {costs[0]:8.1f} ms {costs[1]:6.0f} MB {costs[2]:8.1f} ms {costs[3]:6.0f} MB"
        )
    if device == "cuda":
        moved = sum(tensor.nbytes for tensor in tensors) + tensors[0].nbytes / len(DILATIONS)
        shares = [passes * moved / (ms * copy_bandwidth()) for passes, ms in ((1, costs[0]), (3, costs[2]))]
        print(f"memory bandwidth of the last: {shares[0]:.0%} of a copy's at inference, {shares[1]:.0%} in training")
        print(
            "largest difference from the first, as part of its largest value: "
            f"{difference(decoupled_filter, decoupled_filter_reference, tensors):.1e} over results and all gradients"
        )


def difference(way, reference, tensors: list[Tensor]) -> float:
    ours, theirs = (
        (result, *torch.autograd.grad(result.square().sum(), tensors))
        for result in (one(tensors[0], DecoupledKernels(*tensors[1:]), DILATIONS) for one in (way, reference))
    )
    return max(float((a - b).detach().abs().max() / b.detach().abs().max()) for a, b in zip(ours, theirs))


def main(side: str = "512", size: str = "5", device: str = "all") -> None:
    if device in ("all", "cpu"):
        table(int(side), int(size), "cpu")
    if device in ("all", "cuda"):
        if torch.cuda.is_available():
            table(int(side), int(size), "cuda")
        else:
            print("cuda: not measured, no device")


if __name__ == "__main__":
    main(*sys.argv[1:])
