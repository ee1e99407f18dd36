"""Does stage 2 learn as well from stage 1's error curves as from photos that stage 1 was asked about?

python tools/measure_response_errors.py --scenes DIR --curves DIR [--photos 240] [--runs 3]

The head of `masked-features-small` starts anew and learns from the same photos, in the same order, twice: linearised
with curves that `train.data.response_errors` draws, and with what stage 1 says of each. Both are judged on photos of
other scenes (every fourth), linearised as stage 1 says.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor

from hdrrecon import zoo
from hdrrecon.camera.response import interpolate_uniform
from hdrrecon.networks.restore.masked_features import MaskedFeatures
from hdrrecon.train.data.curves import CurveSampler, load_measured
from hdrrecon.train.data.pairs import counted_in
from hdrrecon.train.data.resident import ResidentResponses, ResidentScenes, Street, StreetConfig
from hdrrecon.train.data.response_errors import errors_of
from hdrrecon.train.data.scenes import load_scenes
from hdrrecon.train.head import LostPixels, head_loss, lost_pixels, train_head
from hdrrecon.train.loop import Recipe
from hdrrecon.train.tasks.restore import RestoreTask

SIZE, PIXELS, ASKED = 192, 512, 300
FIGURES = {"clipped": "clipped, stops", "sums": "light of blocks, stops", "colour": "u'v' x 100", "psnr": "display, dB"}


class AlwaysAsked(RestoreTask):
    """All photos are linearised as stage 1 says: what users get."""

    def linearized(self, batch: dict[str, Tensor]) -> Tensor:
        assert self.linearizer is not None
        with torch.no_grad():
            told = self.linearizer(counted_in(batch, torch.ones(len(batch["code"]), dtype=torch.bool)))
        return interpolate_uniform(told["inverse"][:, None].expand(-1, 3, -1), batch["code"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--curves", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=240, help="that each head learns from; half as many judge it")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--runs", type=int, default=3, help="each with other photos")
    options = parser.parse_args()
    torch.set_num_threads(1)
    scenes, curves = load_scenes(options.scenes), CurveSampler(load_measured(options.curves))
    taught = ResidentScenes([s for i, s in enumerate(scenes) if i % 4 != 3])
    others = ResidentScenes(scenes[3::4])
    linearizer, small = zoo.load("response-net"), zoo.load("masked-features-small")
    errors = errors_of(linearizer, taught, curves, 0, ASKED)
    tasks = {
        "error curves": RestoreTask(small.config, linearizer, errors),
        "every photo asked about": RestoreTask(small.config, linearizer),
    }

    def looked_at(task: RestoreTask, where: ResidentScenes, photos: int, seed: int) -> LostPixels:
        torch.manual_seed(seed)
        street = Street(where, ResidentResponses(curves, 600, seed), StreetConfig(size=SIZE), seed)
        return lost_pixels(small, task, street.batches(8), photos, PIXELS)

    judged = looked_at(AlwaysAsked(small.config, linearizer), others, options.photos // 2, 77)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in tasks}
    for run in range(options.runs):
        for name, task in tasks.items():
            began = time.process_time()
            seen = looked_at(task, taught, options.photos, run)
            milliseconds = 1000 * (time.process_time() - began) / options.photos
            figures = figures_of(trained(small, task, seen, options.steps, run), small, task, judged)
            rows[name].append({**figures, "ms": milliseconds})
            print(name, run, {key: round(value, 4) for key, value in rows[name][-1].items()}, flush=True)
    print(
        "| linearised with | " + " | ".join(FIGURES.values()) + " | ms a photo, to look at |\n| --- |" + " ---: |" * 5
    )
    for name, own in rows.items():
        cells = [f"{math.fsum(r[key] for r in own) / len(own):.3f}" for key in FIGURES]
        print(f"| {name} | {' | '.join(cells)} | {math.fsum(r['ms'] for r in own) / len(own):.0f} |")


def trained(small: MaskedFeatures, task: RestoreTask, seen: LostPixels, steps: int, seed: int) -> MaskedFeatures:
    """The small network with a head that starts anew and learns from `seen`."""
    torch.manual_seed(seed)
    net = deepcopy(small)
    net.head.load_state_dict(MaskedFeatures(small.config).head.state_dict())
    net.head.requires_grad_(True)
    recipe = Recipe(steps=steps, batch=12, rate=2e-3, warmup=40, ema=0.99, validate_every=steps, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        return zoo.load_file(train_head(net, task, seen, recipe, Path(folder), keep=0))


@torch.no_grad()
def figures_of(net: MaskedFeatures, small: MaskedFeatures, task: RestoreTask, judged: LostPixels) -> dict[str, float]:
    parts = [head_loss(net, small, task, judged.picked(i), 0)[1] for i in torch.arange(len(judged)).split(20)]
    return {key: math.fsum(part[key] for part in parts) / len(parts) for key in FIGURES}


if __name__ == "__main__":
    main()
