"""What a reconstruction costs: seconds and peak memory by size of the photo and clipped share, next to two floors.

Every measurement is a process of its own, because a process's peak memory can only be read once and caches would help
the second. In it, on the same photo and in the same minute, are measured

* **read + write**: decoding the photo (PNG) and writing light of its size (.exr), which nobody can do without;
* **one pass**: copying its light once through memory, which no full-resolution step can beat;
* **all**: `Reconstructor.to_file` from file to file, after a warm-up on a small photo;
* **peak**: the most memory the process ever held, Python and torch included (`ru_maxrss`), read before the floors are;
  and of the device, if that is CUDA;
* **busy / quiet**: seconds beside another program that keeps one core busy, over seconds without;
* **shares** of processor time by kind of work (`bench.shares`), in a call of their own.

The photos are synthetic: smooth, grainy ground and square windows that clip the share asked for.
"""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from hdrrecon.bench.shares import measure_shares
from hdrrecon.evaluation.markdown import markdown_table

SIZES_MP = (0.25, 1.0, 4.0, 12.0, 48.0, 200.0)
CLIPPED_PERCENT = (0.0, 1.0, 5.0, 20.0, 60.0)


@dataclass(frozen=True)
class Case:
    """One measurement: `megapixels` and `clipped` percent of the photo, and how it is reconstructed."""

    megapixels: float
    clipped: float
    model: str
    device: str = "cpu"
    precision: str = "auto"


@dataclass(frozen=True)
class Cost:
    """What it cost. Seconds; peaks in GB (10**9 bytes)."""

    seconds: float
    read_write: float
    one_pass: float
    peak: float
    # 0 where the device has no memory of its own.
    device_peak: float = 0.0
    # Seconds beside a program that keeps one core busy, over seconds without; 0 where that was not measured.
    busy: float = 0.0
    # Of processor time, in [0, 1], by kind of work (`bench.shares`).
    shares: dict[str, float] = field(default_factory=dict)


def photo(megapixels: float, clipped: float, ratio: float = 1.5) -> np.ndarray:
    """Synthetic photo (H, W, 3) uint8, `ratio` times as wide as high, `clipped` percent of its pixels at 255 and the
    others below 236; always the same."""
    width = max(8, round((megapixels * 1e6 * ratio) ** 0.5))
    height = max(8, round(width / ratio))
    grain = np.random.default_rng(0).integers(-12, 13, (64, 64, 3), dtype=np.int16)
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
    tile = np.tile(grain, (1, -(-width // 64), 1))[:, :width]
    half_side = (clipped / 100) ** 0.5 / 2  # of a square window in the middle of each of 6 x 4 cells
    image = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, 64):  # 200 MP of floats would not fit into many machines
        band = slice(top, min(top + 64, height))
        ground = 128 + 60 * np.sin(7 * x / width) * np.cos(5 * y[band] / height)
        image[band] = (ground[..., None] + np.float32([20, 0, -20]) + tile[: band.stop - top]).clip(0, 235)
        off_centre = np.maximum(np.abs((6 * x / width) % 1 - 0.5), np.abs((4 * y[band] / height) % 1 - 0.5))
        image[band][off_centre < half_side] = 255
    return image


def measure(case: Case, folder: Path) -> Cost:
    """Measure in this process; for honest peaks, in a fresh one (`measure_apart`)."""
    import torch

    from hdrrecon import io as files
    from hdrrecon.api import Reconstructor

    source, target = folder / "photo.png", folder / "light.exr"
    reconstructor = Reconstructor(case.model, case.device, precision=case.precision)
    cuda = reconstructor.device.type == "cuda"
    small = folder / "small.png"
    write_photo(small, 0.06, 5)
    reconstructor.to_file(small, target)
    seconds = timed(lambda: reconstructor.to_file(source, target))
    peak = peak_memory()
    device_peak = torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0
    read = timed(lambda: files.read(source))
    light = files.read(source) * np.float32(1 / 255)
    read_write = read + timed(lambda: files.write(target, light))
    copy = np.empty_like(light)
    np.copyto(copy, light)  # the first touch of new memory is not its bandwidth
    one_pass = min(timed(lambda: np.copyto(copy, light)) for _ in range(3))
    shares = measure_shares(lambda: reconstructor.to_file(source, target))
    quiet = timed(lambda: reconstructor.to_file(source, target))
    with busy_program():
        busy = timed(lambda: reconstructor.to_file(source, target)) / quiet
    return Cost(seconds, read_write, one_pass, peak, device_peak, busy, shares)


@contextmanager
def busy_program() -> Iterator[None]:
    """Another process that keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)  # it takes as long to begin
        yield
    finally:
        process.kill()
        process.wait()


def measure_apart(case: Case) -> Cost:
    """`measure` in a fresh process.

    Raises:
        RuntimeError: with what that process said last.
    """
    with tempfile.TemporaryDirectory(prefix="hdrrecon-bench-") as folder:
        write_photo(
            Path(folder) / "photo.png", case.megapixels, case.clipped
        )  # here: its pixels are none of the reconstruction's
        command = [sys.executable, "-m", "hdrrecon.bench.photos", json.dumps(asdict(case)), folder]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
            f"{case.megapixels:g} MP, {case.clipped:g} %: {(done.stderr.strip().splitlines() or ['killed'])[-1]}"
        )
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def write_photo(path: Path, megapixels: float, clipped: float) -> None:
    """Write the synthetic photo as a lightly compressed PNG."""
    import cv2

    cv2.imwrite(str(path), photo(megapixels, clipped)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call, the device's work included."""
    import torch

    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def peak_memory() -> float:
    """The most this process ever held, in GB."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def rows(measured: Iterable[tuple[Case, Cost]]) -> list[dict[str, str]]:
    """One row per measurement, ratios first."""
    table = []
    for case, cost in measured:
        table.append(
            {
                "model": case.model,
                "device": case.device,
                "precision": case.precision,
                "MP": f"{case.megapixels:g}",
                "clipped %": f"{case.clipped:g}",
                "x read + write": f"{cost.seconds / cost.read_write:.2f}",
                "x one pass": f"{cost.seconds / cost.one_pass:.0f}",
                "MP/s": f"{case.megapixels / cost.seconds:.2f}",
                "s/photo": f"{cost.seconds:.3g}",
                "peak GB": f"{cost.peak:.2f}",
                "device GB": f"{cost.device_peak:.2f}",
                "busy / quiet": f"{cost.busy:.2f}",
                **{f"% {kind}": f"{100 * share:.0f}" for kind, share in cost.shares.items()},
                "read + write s": f"{cost.read_write:.3g}",
                "one pass s": f"{cost.one_pass:.2g}",
            }
        )
    return table


def markdown(table: list[dict[str, str]], machine: str) -> str:
    """The table for people."""
    return f"{machine}\n\n" + markdown_table(
        list(table[0]), [list(row.values()) for row in table], words=0, padded=True
    )


def as_csv(table: list[dict[str, str]], machine: str) -> str:
    """The table for programs; the machine is a column."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*table[0], "machine"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(dict(row, machine=machine) for row in table)
    return text.getvalue()


def machine_description() -> str:
    """Processor, cores that may be used, how busy they are, GPU, and versions, in one line."""
    import torch

    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
        processor = names[0] if names else processor
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} before the first" if hasattr(os, "getloadavg") else ""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"{processor}, {cores} cores, {torch.get_num_threads()} torch threads{load}{gpu}, torch "
        f"{torch.__version__}, {platform.system()}"
    )


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(asdict(measure(Case(**{f.name: asked[f.name] for f in fields(Case)}), Path(sys.argv[2])))))
