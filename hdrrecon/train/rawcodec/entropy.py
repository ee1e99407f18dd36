"""Trains the entropy model on blocks of residuals: bits plus weighted error, at random rates."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hdrrecon.networks.rawcodec.block_transform import BlockTransform
from hdrrecon.networks.rawcodec.entropy_model import EntropyModel, guide_planes
from hdrrecon.rawcodec.amplitude import blocks_of, importance
from hdrrecon.rawcodec.analysis import fitted, target, to_blocks
from hdrrecon.train.rawcodec.exposures import Exposure, cuts, load_exposures, read_exposure

_SQUARED_STEPS_PER_BIT = 2 * math.log(2) / 12  # at high rate a bit halves the step, and the error is step**2 / 12
_WATCHED_STEPS = (10.0, 20.0, 30.0, 40.0)


@dataclass(frozen=True)
class EntropyRecipe:
    """How to train the entropy model."""

    minutes: float = 60.0  # of wall clock; the learning rate falls to nothing over them
    most_steps: int = 1_000_000  # whatever time is left
    batch: int = 4  # exposures
    side: int = 24  # of the cuts, blocks
    blocks: int = 700  # of a batch whose rate is counted
    rate: float = 2e-3
    transform_rate: float = 0.0  # of analysis and synthesis; 0 leaves them a DCT
    steps: tuple[float, float] = (6.0, 46.0)  # of the base step, eighths of an octave below 1
    least_noise: float = 0.35  # on the order masks: without any they do not settle
    use_guide: bool = True
    fixed_order: bool = False
    fixed_step: bool = False
    seed: int = 0


def train_entropy(folder: Path, out: Path, recipe: EntropyRecipe) -> Path:
    """Train on the exposures of a folder; returns `out`/entropy.pt. A run that was cut off goes on from it."""
    torch.manual_seed(recipe.seed)
    net, transform = EntropyModel(), BlockTransform()
    groups = [{"params": net.parameters(), "base": recipe.rate}]
    groups += [{"params": transform.parameters(), "base": recipe.transform_rate}]
    optimizer = torch.optim.Adam(groups, lr=recipe.rate, betas=(0.9, 0.99))
    path, step = out / "entropy.pt", 0
    if path.exists():
        last = torch.load(path, weights_only=True)
        net.load_state_dict(last["net"]), transform.load_state_dict(last["transform"])
        optimizer.load_state_dict(last["optimizer"])
        step = last["step"]
    training, held = load_exposures(folder)
    rng = np.random.default_rng([recipe.seed, step])
    stock: dict[Path, Exposure] = {}
    watched = list(cuts([read_exposure(f) for f in held[:24]], recipe.side, None))
    began, done, saved = time.monotonic(), 0.0, 0.0
    while done < 1:
        drawn = [training[i] for i in rng.integers(len(training), size=recipe.batch)]
        stock.update({f: read_exposure(f) for f in drawn if f not in stock})
        index = torch.from_numpy(rng.uniform(*recipe.steps, size=(recipe.batch, 1, 1, 1)).astype(np.float32))
        batch = _batch(list(cuts([stock[f] for f in drawn], recipe.side, rng)), index, transform)
        noise = max(recipe.least_noise, 1 - 2 * done)
        cost, precision, image, _ = _costs(net, transform, batch, noise, recipe, recipe.blocks)
        counts = torch.bincount(image, minlength=recipe.batch).clamp(min=1)
        each = torch.zeros(recipe.batch).index_add(0, image, cost.detach()) / counts
        loss = (cost / (each[image].sqrt() + 0.05)).mean() + 0.05 * precision  # fine steps must not outvote coarse ones
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * min(1, (step + 1) / 100) * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        spent = (time.monotonic() - began) / 60 / max(recipe.minutes, 1e-9)
        done = min(1.0, max(spent, step / recipe.most_steps))
        if done >= 1 or time.monotonic() - saved > 120:
            saved = time.monotonic()
            save_run(path, {"net": net.state_dict(), "transform": transform.state_dict(),
                         "optimizer": optimizer.state_dict(), "step": step})  # fmt: skip
            print(f"entropy step {step}: {_watch(net, transform, watched, recipe)}", flush=True)
    return path


@dataclass(frozen=True)
class _Batch:
    """Exposures as the networks see them, and what their blocks should become.

    `guide` (N, 21, h, w); `gains` (N, 1, h, w) in 1/32 stops; `index` (N, 1, 1, 1) base step in eighths of an octave
    below 1; and of all B = N h w blocks: `rest` (B, 192) residual, `factor` and `weight` (B, 192), `latents` (B, 192)
    fitted where the factor is not 1 (`mixed`, (B,)).
    """

    guide: Tensor
    gains: Tensor
    index: Tensor
    rest: Tensor
    factor: Tensor
    weight: Tensor
    latents: Tensor
    mixed: Tensor


def _batch(exposures: list[Exposure], index: Tensor, transform: BlockTransform) -> _Batch:
    analysis, synthesis = (m.detach().numpy() for m in (transform.analysis, transform.synthesis))
    planes, blocks = [], []
    for one, step in zip(exposures, 2.0 ** (-index.flatten().numpy() / 8), strict=True):
        h, w = one.guide.shape[1:]
        gains = np.round(np.repeat(np.repeat(one.grid, 4, 0), 4, 1)[:h, :w] * 32)
        planes.append((one.guide.astype(np.float32), gains[None].astype(np.float32)))
        band = one.band()
        mixed = target(analysis, (h, w), [band]).mixed
        rest = to_blocks(band.rest).reshape(h * w, -1)
        factor, weight = np.ones_like(rest), np.ones_like(rest)
        light, stops = importance(band.pixels, band.light)
        weight *= blocks_of(light + np.float32(step) * stops).mean(-1).reshape(-1, 1)
        factor[mixed.where], weight[mixed.where] = mixed.at(step)
        latents, known = np.zeros_like(rest), np.zeros(h * w, bool)
        latents[mixed.where] = fitted(mixed.rest, *mixed.at(step), synthesis, step)
        known[mixed.where] = True
        blocks.append((rest, factor, weight, latents, known))
    guide, gain = (torch.from_numpy(np.stack(v)) for v in zip(*planes, strict=True))
    return _Batch(guide, gain, index, *(torch.from_numpy(np.concatenate(v)) for v in zip(*blocks, strict=True)))


def _costs(net, transform, batch: _Batch, noise: float, recipe: EntropyRecipe, blocks: int | None):
    """Per chosen block: bits per pixel plus weighted error in bits; loss of the precision; image of each block;
    coded."""
    guide, gains, step = batch.guide, batch.gains, 2 ** (-batch.index / 8)
    if not recipe.use_guide:
        guide, gains = torch.full_like(guide, 128), torch.zeros_like(gains)
    n, _, h, w = guide.shape
    whole = torch.where(batch.mixed[:, None], batch.latents, batch.rest @ transform.analysis.T)
    chosen = torch.arange(n * h * w) if blocks is None else torch.randint(n * h * w, (blocks,))
    latents = whole.view(n, h, w, -1).permute(0, 3, 1, 2)
    planes = guide_planes(guide, gains, batch.index)
    coded = net(planes, latents, step, chosen, noise, recipe.fixed_order, recipe.fixed_step)
    factor, weight = batch.factor[chosen], batch.weight[chosen]
    error = (weight * (factor * (coded.values @ transform.synthesis.T) - batch.rest[chosen]).square()).sum(1)
    image = chosen // (h * w)
    squared = step.view(-1)[image].square()
    cost = (error / (_SQUARED_STEPS_PER_BIT * squared) + coded.bits.sum(1)) / 64
    # Equal slopes everywhere: the step is as coarse as its error counts little.
    ideal = (-0.5 * torch.log2((weight * factor.square()).mean(1))).clamp(-1.9, 1.7)
    precision = (coded.octaves - ideal[:, None]).square().mean()
    return cost, precision, image, coded


@torch.no_grad()
def _watch(net, transform, watched: list[Exposure], recipe: EntropyRecipe) -> str:
    rows = []
    for index in _WATCHED_STEPS:
        costs, bits = [], []
        for first in range(0, len(watched), 4):
            part = watched[first : first + 4]
            batch = _batch(part, torch.full((len(part), 1, 1, 1), index), transform)
            cost, _, _, coded = _costs(net, transform, batch, 0.0, recipe, None)
            costs.append(float(cost.mean()))
            bits.append(float(coded.bits.sum(1).mean()) / 64)
        rows.append(f"{index:g}: cost {np.mean(costs):.4f}, {np.mean(bits):.4f} bpp")
    passes = ", ".join(f"{float(s):.2f}" for s in coded.share)
    return "; ".join(rows) + f"; share of blocks per pass {passes}"


def save_run(path: Path, state: dict) -> None:
    """Write a run's state, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    os.replace(temporary, path)
