"""The training loop: one readable file.

    hdrrecon train linearize --scenes DIR --curves DIR --val DIR --out runs/linearize
    hdrrecon train restore   --scenes DIR --curves DIR --val DIR --out runs/restore
    torchrun --nproc-per-node 8 -m hdrrecon train restore --scenes DIR --curves DIR --val DIR --device cuda

Resumes by itself from `last.pt` in the run's folder, or starts from shipped weights with `start`. The folder gets

* `log.csv`: one line per validation, for people and plots;
* `last.pt`: everything needed to go on; written every few minutes;
* `best.safetensors`: averaged (EMA) weights of the best validation, ready for `weights/`.
"""

from __future__ import annotations

import csv
import json
import math
import os
import time
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Literal

import cv2
import torch
from torch import nn

from hdrrecon.io.atomic import atomic_write
from hdrrecon.options import UsageError
from hdrrecon.train.data.pairs import collate
from hdrrecon.train.data.resident import Street
from hdrrecon.train.distributed import join_team, own_seed


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Raises:
        ValueError: a `precision` that is none of the two.
    """

    # Batches in all; the learning rate falls to a hundredth over them.
    steps: int = 10_000
    # Photos that each process draws per step: N processes under torchrun step on N batches.
    batch: int = 8
    # Side of the training photos in pixels.
    size: int = 256
    # Peak learning rate.
    rate: float = 1e-3
    # Steps over which the rate rises to its peak.
    warmup: int = 200
    # Of AdamW, for matrices and kernels alone.
    weight_decay: float = 0.01
    # Decay per step of the average of weights that is validated and saved.
    ema: float = 0.998
    # Steps between validations.
    validate_every: int = 500
    # Seconds between checkpoints.
    save_every_s: float = 180.0
    # Of the training pairs and the first weights.
    seed: int = 0
    # Of the networks in training. bfloat16 pays on CPUs with AVX512-BF16 or AMX and on CUDA.
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    # A torch device.
    device: str = "cpu"
    # Processes that make training pairs; 0: made between the steps.
    workers: int = 0
    # Of the clock, after which training ends, and towards which the learning rate falls; 0: by steps alone.
    minutes: float = 0.0
    # Seconds between validations, beside those by steps; 0: by steps alone.
    validate_every_s: float = 0.0

    def __post_init__(self):
        if self.precision not in ("bfloat16", "float32"):
            raise UsageError(f"precision must be 'bfloat16' or 'float32', got {self.precision!r}")


def train(task, recipe: Recipe, stream, shots, out: Path, start: dict | None = None) -> Path:
    """Train `task` until `recipe.steps`; returns the path of the best weights.

    Args:
        task: see train.tasks.linearize.
        stream: (size, seed) -> endless dataset of samples: `train.data.pairs.ShotStream` with its scenes and curves, or
            another; or a `train.data.resident.Street`.
        shots: validation shots, a list of batches of one.
        out: the run's folder; if it holds `last.pt`, training goes on from there. Under torchrun all processes must see
            it; the first alone writes.
        start: state dict to begin with, for example of shipped weights; ignored when resuming.
    """
    out.mkdir(parents=True, exist_ok=True)
    team = join_team(recipe.device)
    device = team.device
    torch.manual_seed(recipe.seed)
    settle(task, device)
    net = task.network().to(device)
    if start is not None:
        net.load_state_dict(start)
    average = {k: v.detach().clone() for k, v in net.state_dict().items()}
    optimizer = torch.optim.AdamW(groups(net, recipe.weight_decay), lr=recipe.rate, betas=(0.9, 0.99))
    step, best, before = 0, math.inf, 0.0
    if (out / "last.pt").exists():
        try:
            last = torch.load(out / "last.pt", map_location=device, weights_only=True)
            net.load_state_dict(last["net"]), optimizer.load_state_dict(last["optimizer"])
            average, step, best, before = last["average"], last["step"], last["best"], last.get("seconds", 0.0)
        except Exception as error:  # torch raises many kinds for a spoilt file, or one of another network
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{out / 'last.pt'} cannot be gone on from ({reason}); it is damaged or of another network: "
                "move it away to begin anew"
            ) from error
        if team.leads:
            print(f"resumed {out} at step {step}", flush=True)
    if recipe.minutes and team.size > 1:
        raise ValueError("minutes end a run of one process; several have several clocks, so give steps")
    team.agree("the step to begin with", step)
    team.share_state(net)
    if not team.leads:  # augmentations of its own, from the same first weights
        torch.manual_seed(own_seed(recipe.seed, team.rank))

    # A resumed run draws new views: the stream's seed contains the step.
    samples = stream(recipe.size, own_seed(recipe.seed * 1_000_003 + step, team.rank))
    if recipe.workers:
        cv2.setNumThreads(1)  # forked workers do not inherit OpenCV's threads, and would wait for them for ever
    if isinstance(samples, Street):
        loader = samples.batches(recipe.batch)
    else:
        loader = iter(
            torch.utils.data.DataLoader(samples, recipe.batch, collate_fn=collate, num_workers=recipe.workers)
        )
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")
    tally, seconds = {}, before
    began = saved = looked = time.monotonic()
    while progress(step, seconds, recipe) < 1:
        rate = rate_at(step, recipe, seconds)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = {k: v.to(device) for k, v in next(loader).items()}
        net.train()
        with autocast:
            loss, parts = task.loss(net, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        team.average_gradients(net.parameters())
        norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        if torch.isfinite(norm):  # one bad batch must not end a night's run
            optimizer.step()
            update_average(average, net, min(recipe.ema, (1 + step) / (10 + step)))
        for k, v in dict(loss=float(loss.detach()), **parts).items():
            tally[k] = tally.get(k, 0.0) * 0.99 + 0.01 * v if k in tally else v
        step, now = step + 1, time.monotonic()
        seconds = before + now - began
        ended = progress(step, seconds, recipe) == 1
        due = recipe.validate_every_s and now - looked > recipe.validate_every_s
        if team.leads and (step % recipe.validate_every == 0 or due or ended):
            figures = validated(task, average, shots, device)
            looked = time.monotonic()
            log(
                out / "log.csv",
                dict(
                    step=step,
                    photos=step * recipe.batch * team.size,
                    seconds=round(seconds),
                    rate=rate,
                    **{f"train_{k}": v for k, v in tally.items()},
                    **figures,
                ),
            )
            if figures[task.score] < best:
                best = figures[task.score]
                save_weights(
                    out / "best.safetensors", average, {**task.metadata(), "step": step, "validation": figures}
                )
        if team.leads and (time.monotonic() - saved > recipe.save_every_s or ended):
            with atomic_write(out / "last.pt") as temporary:
                torch.save(
                    {
                        "net": net.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "average": average,
                        "step": step,
                        "best": best,
                        "seconds": seconds,
                    },
                    temporary,
                )
            saved = time.monotonic()
    team.agree("the last step", step)  # nobody reads the weights before they are written
    return out / "best.safetensors"


def settle(task, device: torch.device) -> None:
    """Bring the networks that a task, or a task within it, only uses to where it trains."""
    for value in vars(task).values():
        if isinstance(value, nn.Module):
            value.to(device)
        elif is_dataclass(value) and not isinstance(value, type):
            settle(value, device)


def progress(step: int, seconds: float, recipe: Recipe) -> float:
    """Share of a run that is over, 0 to 1: by its steps, or by the clock where that is ahead."""
    by_clock = seconds / (60 * recipe.minutes) if recipe.minutes else 0.0
    return min(1.0, max(step / recipe.steps, by_clock))


def rate_at(step: int, recipe: Recipe, seconds: float = 0.0) -> float:
    """Learning rate: linear warm-up, then a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / recipe.warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * progress(step, seconds, recipe)))
    return recipe.rate * warm * (0.01 + 0.99 * cosine)


def groups(net: nn.Module, weight_decay: float) -> list[dict]:
    """Weights decay; biases and normalisation do not."""
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


@torch.no_grad()
def update_average(average: dict, net: nn.Module, keep: float) -> None:
    """Exponential moving average of all floating-point weights; the rest is copied."""
    for k, v in net.state_dict().items():
        if v.is_floating_point():
            average[k].lerp_(v, 1 - keep)
        else:
            average[k].copy_(v)


def validated(task, state: dict, shots, device) -> dict[str, float]:
    """The task's figures with these weights."""
    net = task.network().to(device).eval()
    net.load_state_dict(state)
    return task.validate(net, [{k: v.to(device) for k, v in shot.items()} for shot in shots])


def save_weights(path: Path, state: dict, metadata: dict) -> None:
    """Safetensors whose metadata can rebuild the network (see zoo.load)."""
    from safetensors.torch import save_file

    with atomic_write(path) as temporary:
        save_file(
            {k: v.contiguous().cpu() for k, v in state.items()},
            temporary,
            {k: json.dumps(v) for k, v in metadata.items()},
        )


def log(path: Path, row: dict) -> None:
    """Append a line to the log and print it."""
    row = {k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()}
    new = not os.path.exists(path)
    with open(path, "a", newline="") as handle:
        writer = csv.DictWriter(handle, row)
        if new:
            writer.writeheader()
        writer.writerow(row)
    print(" ".join(f"{k}={v}" for k, v in row.items()), flush=True)
