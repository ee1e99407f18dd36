"""Trains the synthesis network on what the integer codec really decodes."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hdrrecon.networks.rawcodec.synthesis import Synthesis, SynthesisConfig
from hdrrecon.rawcodec.amplitude import blocks_of, factors
from hdrrecon.rawcodec.analysis import Chooser, target
from hdrrecon.rawcodec.bitstream import Header
from hdrrecon.rawcodec.domain import light_weight
from hdrrecon.rawcodec.latent_coder import SUBSTEPS, walk
from hdrrecon.rawcodec.latent_stage import guide_inputs, with_step
from hdrrecon.rawcodec.model import Model
from hdrrecon.rawcodec.pixel_stage import from_blocks
from hdrrecon.train.rawcodec.entropy import save_run
from hdrrecon.train.rawcodec.exposures import Exposure, cuts, load_exposures, read_exposure


@dataclass(frozen=True)
class SynthesisRecipe:
    """How to train the synthesis network."""

    minutes: float = 40.0  # of wall clock
    most_steps: int = 1_000_000  # whatever time is left
    config: SynthesisConfig = field(default_factory=SynthesisConfig)
    batch: int = 4
    side: int = 112  # pixels of a patch
    cut: int = 24  # blocks that are coded at once, of which patches are taken
    stock: int = 400  # coded cuts that are kept
    rate: float = 1.5e-3
    steps: tuple[int, int] = (60, 190)  # of the base step, 1/32 octave below 1
    seed: int = 0


@dataclass(frozen=True)
class Coded:
    """A cut and what the decoder would have of it: `residual` (H, W, 3), coded with `step`."""

    exposure: Exposure
    residual: np.ndarray
    step: int


def code_cut(model: Model, one: Exposure, step: int) -> Coded:
    """Code the residual of a cut with the integer networks."""
    base, band, shape = 2.0 ** (-step / 32), one.band(), one.guide.shape[1:]
    choose = Chooser(model, target(model.analysis, shape, [band]), base)
    planes = with_step(guide_inputs(one.guide, one.grid), Header(0, 8, 8, 0, 0, step, 0, 0))
    found = walk(planes, model.guide_nets, model.groups, model.rounding, lambda g, _, p: choose(g, p)).restored
    factor = np.repeat(factors(blocks_of(band.hot), base), 3, -1)
    pixels = from_blocks(found.astype(np.float32) * np.float32(base / SUBSTEPS) @ model.synthesis.T * factor)
    return Coded(one, pixels.astype(np.float16), step)


def train_synthesis(model: Model, folder: Path, out: Path, recipe: SynthesisRecipe) -> Path:
    """Train on the exposures of a folder; returns `out`/synthesis.pt. A run that was cut off goes on from it."""
    torch.manual_seed(recipe.seed)
    net = Synthesis(recipe.config)
    optimizer = torch.optim.Adam(net.parameters(), lr=recipe.rate, betas=(0.9, 0.99))
    average, path, step = {k: v.clone() for k, v in net.state_dict().items()}, out / "synthesis.pt", 0
    if path.exists():
        last = torch.load(path, weights_only=True)
        net.load_state_dict(last["raw"]), optimizer.load_state_dict(last["optimizer"])
        average, step = last["net"], last["step"]
    training, held = load_exposures(folder)
    rng = np.random.default_rng([recipe.seed, step])

    def draw() -> Coded:
        one = read_exposure(training[int(rng.integers(len(training)))])
        return code_cut(model, next(cuts([one], recipe.cut, rng)), int(rng.integers(*recipe.steps)))

    stock = [draw() for _ in range(4 * recipe.batch)]
    low, high = recipe.steps
    watched = []
    for i, file in enumerate(held[:12]):
        (cut,) = cuts([read_exposure(file)], recipe.cut, None)
        watched.append(code_cut(model, cut, low + (high - low) * (1 + i % 3) // 4))
    began, done, saved = time.monotonic(), 0.0, time.monotonic()
    while done < 1:
        if step % (2 if len(stock) < recipe.stock else 6) == 0:
            stock = [*stock, draw()][-recipe.stock :]
        batch = [stock[int(i)] for i in rng.integers(len(stock), size=recipe.batch)]
        error, before = _errors(net, *_patches(batch, recipe.side, rng))
        loss = (error / (before + 1e-6)).mean()
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * min(1, (step + 1) / 50) * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        spent = (time.monotonic() - began) / 60 / max(recipe.minutes, 1e-9)
        done = min(1.0, max(spent, step / recipe.most_steps))
        with torch.no_grad():
            for name, value in net.state_dict().items():
                average[name].lerp_(value, 1 - min(0.995, (1 + step) / (10 + step)))
        if done >= 1 or time.monotonic() - saved > 120:
            saved = time.monotonic()
            save_run(path, {"net": average, "raw": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                         "config": asdict(recipe.config)})  # fmt: skip
            print(f"synthesis step {step}: {_watch(average, recipe.config, watched)}", flush=True)
    return path


def load_synthesis(path: Path) -> Synthesis:
    """The averaged network of a run."""
    last = torch.load(path, weights_only=True)
    net = Synthesis(SynthesisConfig(**last["config"]))
    net.load_state_dict(last["net"])
    return net.eval()


def _patches(items: list[Coded], side: int | None, rng: np.random.Generator | None):
    """JPEG, base, residual, truth (N, 3, side, side), and step (N,); mirrored at random."""
    stacks, steps = [], []
    for item in items:
        one = item.exposure
        planes = [one.pixels.astype(np.float32) / 255, one.base, item.residual, one.truth]
        if side is not None and rng is not None:
            top, left = (2 * int(rng.integers((n - min(side, n)) // 2 + 1)) for n in one.pixels.shape[:2])
            planes = [p[top : top + side, left : left + side] for p in planes]
            planes = [p[:, ::-1] for p in planes] if rng.random() < 0.5 else planes
        stacks.append([np.ascontiguousarray(p.transpose(2, 0, 1), np.float32) for p in planes])
        steps.append(item.step / 4)
    return *(torch.from_numpy(np.stack(p)) for p in zip(*stacks, strict=True)), torch.tensor(steps)


def _errors(net, code: Tensor, base: Tensor, residual: Tensor, truth: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted squared error per image with the network, and without."""
    weight = torch.from_numpy(light_weight(np.square(truth.numpy())))
    with_net = (weight * (net(code, base, residual, step) - truth).square()).mean((1, 2, 3))
    return with_net, (weight * (base + residual - truth).square()).mean((1, 2, 3))


@torch.no_grad()
def _watch(average: dict, config: SynthesisConfig, watched: list[Coded]) -> str:
    net = Synthesis(config)
    net.load_state_dict(average)
    gains = []
    for item in watched:
        error, before = _errors(net, *_patches([item], None, None))
        gains.append(10 * math.log10(float(before) / float(error)))
    kinds = ("coarse", "middle", "fine")[: len(gains)]
    parts = (f"{name} {np.mean(gains[i::3]):+.2f} dB" for i, name in enumerate(kinds))
    return ", ".join(parts)
