"""How many training photos a core makes in a second: the street on the device against the pair maker, in one run.

python tools/measure_street.py --scenes DIR --curves DIR [--size 256] [--photos 64]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from hdrrecon.train.data.curves import CurveSampler, load_measured
from hdrrecon.train.data.pairs import ShotStream
from hdrrecon.train.data.resident import ResidentResponses, ResidentScenes, Street, StreetConfig
from hdrrecon.train.data.scenes import load_scenes
from hdrrecon.train.data.texture_selection import worth

BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--curves", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256, help="side of a photo, pixels")
    parser.add_argument("--photos", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    scenes, curves = load_scenes(options.scenes), CurveSampler(load_measured(options.curves))
    resident = ResidentScenes(scenes, options.device), ResidentResponses(curves, 300, 0, options.device)

    def street(photos_per_view: int) -> Callable[[], object]:
        config = StreetConfig(size=options.size, photos_per_view=photos_per_view)
        return partial(next, Street(*resident, config).batches(BATCH))

    def pairs(**chosen) -> Callable[[], object]:
        stream = iter(ShotStream(scenes, curves, options.size, 0, **chosen))
        return lambda: [next(stream) for _ in range(BATCH)]

    makers = {
        "street": street(1),
        "street, two photos a view": street(2),
        "pairs": pairs(),
        "pairs, chosen by texture": pairs(worth=worth),
        "pairs, chosen and counted": pairs(worth=worth, counted=True),
    }
    # Turn by turn: whatever else the machine does slows all of them alike. The first turn warms up.
    spent = dict.fromkeys(makers, 0.0)
    for turn in range(1 + max(1, options.photos // BATCH)):
        for name, make in makers.items():
            taken = seconds(make, options.device if name.startswith("street") else "cpu")
            spent[name] += taken if turn else 0.0
    made = BATCH * max(1, options.photos // BATCH)
    print(f"| photos of {options.size} px, one thread | ms a photo | times the street |\n| --- | ---: | ---: |")
    for name, total in spent.items():
        print(f"| {name} | {1000 * total / made:.1f} | {total / spent['street']:.1f} |")


def seconds(work: Callable[[], object], device: str) -> float:
    """Processor time that `work` takes; on a GPU, wall-clock time until it is done."""
    if device == "cpu":
        start = time.process_time()
        work()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
