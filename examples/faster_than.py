"""How much faster this checkout is than another: processor seconds of one thread, file to file, in one run.

python examples/faster_than.py ../another-checkout [--megapixels 1 4 12] [--clipped 5] [--model full] [--times 4]
python examples/faster_than.py ../another-checkout --folder 60

JPEG in, half-float EXR out, photos of `hdrrecon bench`. Both versions are started once, each with its own weights, and
take turns; minima count. Processor time hardly depends on what else the machine does. `--folder` times `hdrrecon run`
on so many photos of 1 MP with all cores, start included: photos per minute need a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
WORKER = """
import json, resource, sys, time
import cv2, torch
import hdrrecon
torch.set_num_threads(1)
cv2.setNumThreads(1)
small, source, target, model = sys.argv[1:]
make = hdrrecon.Reconstructor(model, "cpu")
make.to_file(small, target)
for line in sys.stdin:
    began = time.process_time()
    make.to_file(source, target)
    print(json.dumps([time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]), flush=True)
"""


def environment(checkout: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(checkout.resolve()), **more}


def take_turns(checkouts: list[Path], source: Path, small: Path, model: str, times: int) -> list[tuple[float, float]]:
    """For each version the least seconds of processor time, and its peak memory in GB."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(small), str(source), str(source.with_suffix(f".{number}.exr")), model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(checkout, OMP_NUM_THREADS="1"),
            cwd=source.parent,
        )
        for number, checkout in enumerate(checkouts)
    ]
    taken: list[list[list[float]]] = [[] for _ in workers]
    for _ in range(times):
        for worker, results in zip(workers, taken):
            print("go", file=worker.stdin, flush=True)
            results.append(json.loads(worker.stdout.readline()))
    for worker in workers:
        worker.communicate()
    return [(min(one[0] for one in results), results[-1][1] * 1024 / 1e9) for results in taken]


def folder_seconds(checkout: Path, folder: Path, out: Path) -> tuple[float, float]:
    """Seconds of `hdrrecon run` on a folder by the clock, and of processor time."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "hdrrecon", "run", str(folder), "--out", str(out)]
    subprocess.run(command, check=True, env=environment(checkout), cwd=folder.parent, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used


def write_jpeg(path: Path, megapixels: float, clipped: float) -> None:
    import cv2

    from hdrrecon.bench.photos import photo

    cv2.imwrite(str(path), photo(megapixels, clipped)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("other", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="*", default=[1, 4, 12])
    parser.add_argument("--clipped", type=float, default=5)
    parser.add_argument("--model", default="full")
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--folder", type=int, default=0, metavar="PHOTOS")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        if asked.folder:
            photos = here / "photos"
            photos.mkdir()
            for number in range(asked.folder):
                write_jpeg(photos / f"{number}.jpg", 1, asked.clipped)
            for turn in range(max(1, asked.times // 2)):
                for words, checkout in (("other", asked.other), ("this", HERE)):
                    clock, used = folder_seconds(checkout, photos, here / f"{words}-{turn}")
                    rate = 60 * asked.folder / clock
                    print(
                        f"{words:6s} {rate:6.0f} photos a minute, {used / asked.folder:6.3f} s of processor time each"
                    )
            return
        write_jpeg(here / "small.jpg", 0.06, 5)
        print("   MP clipped %  other s   this s  times  peak GB, other  this")
        for megapixels in asked.megapixels:
            source = here / f"{megapixels:g}.jpg"
            write_jpeg(source, megapixels, asked.clipped)
            (old, held), (new, holds) = take_turns(
                [asked.other, HERE], source, here / "small.jpg", asked.model, asked.times
            )
            print(
                f"{megapixels:5g} {asked.clipped:9g} {old:8.3f} {new:8.3f} {old / new:6.2f} {held:15.2f} {holds:5.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
