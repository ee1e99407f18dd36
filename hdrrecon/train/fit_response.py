"""Training of ResponseNet: statistics of many simulated photos are counted once, then a perceptron is fitted to them.

Counting takes hours, fitting minutes; so the statistics are kept in the run's folder, in chunks, and a run that was
cut off goes on where it stopped.
"""
from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hdrrecon.io.atomic import atomic_write
from hdrrecon.networks.response_net import ResponseConfig, ResponseNet
from hdrrecon.networks.response_statistics import LEVEL_BINS, response_statistics
from hdrrecon.train import losses
from hdrrecon.train.curves import CurveSampler
from hdrrecon.train.loop import log, save_weights
from hdrrecon.train.scenes import Scene, random_view
from hdrrecon.train.shots import random_shot

CHUNK = 5000
SIDES_PX = (224, 256, 288)
SHOTS_PER_VIEW = 4


@dataclass(frozen=True)
class Counted:
    """Statistics (N, SIZE), true inverse responses (N, 1024), family indices (N,)."""

    statistics: Tensor
    inverse: Tensor
    family: Tensor


def count_chunk(scenes: list[Scene], curves: CurveSampler, seed: int, path: Path, count: int = CHUNK) -> None:
    """Photograph `count` times and save what was counted; does nothing where `path` exists."""
    if path.exists():
        return
    rng = np.random.default_rng((77, seed))
    odds = np.array([s.weight for s in scenes])
    rows: list[tuple] = []
    while len(rows) < count:
        view = random_view(scenes[rng.choice(len(scenes), p=odds / odds.sum())], int(rng.choice(SIDES_PX)), rng)
        if view.max() <= 1e-4:
            continue
        for _ in range(SHOTS_PER_VIEW):
            sample = random_shot(view, curves, rng, passed_on=True)
            rows.append((response_statistics(sample.code[None])[0].half(), sample.inverse.mean(0), sample.family))
    statistics, inverse, family = zip(*rows[:count])
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, statistics=torch.stack(statistics).numpy(), inverse=torch.stack(inverse).numpy(), family=np.array(family))


def load_chunks(paths: list[Path]) -> Counted:
    """All chunks as one."""
    chunks = [np.load(p) for p in paths]
    part = lambda name: torch.from_numpy(np.concatenate([c[name] for c in chunks]))
    return Counted(part("statistics").float(), part("inverse").float(), part("family").long())


def count_shots(shots: list[dict[str, Tensor]]) -> Counted:
    """Statistics of validation shots (train.validation)."""
    return Counted(torch.cat([response_statistics(s["code"]) for s in shots]),
                   torch.stack([s["inverse"][0].mean(0) for s in shots]), torch.cat([s["family"] for s in shots]))


def fit(train: Counted, validation: Counted, out: Path, config: ResponseConfig = ResponseConfig(), steps: int = 12_000,
        batch: int = 256, rate: float = 2e-3, weight_decay: float = 0.05, seed: int = 0) -> Path:
    """Fit ResponseNet; returns the path of the weights that did best on `validation`."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    net = ResponseNet(config)
    net.normalise_by(train.statistics)
    optimizer = torch.optim.AdamW(net.parameters(), rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.05)
    best, running = float("inf"), 0.0
    for step in range(1, steps + 1):
        pick = torch.randint(len(train.family), (batch,))
        loss = response_loss(net.train()(train.statistics[pick]), Counted(*(getattr(train, k)[pick] for k in ("statistics", "inverse", "family"))))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        running = float(loss.detach()) if step == 1 else 0.99 * running + 0.01 * float(loss.detach())
        if step % max(1, steps // 24) == 0:
            figures = validate(net.eval(), validation)
            log(out / "log.csv", dict(step=step, train_loss=running, **figures))
            if figures["rmse"] < best:
                best = figures["rmse"]
                save_weights(out / "best.safetensors", net.state_dict(),
                             dict(network="response_net:ResponseNet", config=asdict(config), step=step, validation=figures))
    return out / "best.safetensors"


def response_loss(out: dict[str, Tensor], truth: Counted) -> Tensor:
    """Curve error of the estimate and of the true family's answer, error in stops where the photo has pixels, family."""
    share = used_codes(truth.statistics, truth.inverse.shape[1])
    own = out["family_curves"][torch.arange(len(truth.family)), truth.family]
    error = lambda curve: losses.curve_rmse(curve, truth.inverse).mean() + 0.05 * losses.curve_stops(curve, truth.inverse, share).mean()
    return 4 * error(out["inverse"]) + 2 * error(own) + 0.05 * nn.functional.cross_entropy(out["family_logits"], truth.family)


def used_codes(statistics: Tensor, samples: int) -> Tensor:
    """Share of well-exposed values at `samples` uniform codes, (N, samples), from the level histograms; tempered (square
    root), so that a grey wall is not all that counts."""
    share = statistics[:, : 3 * LEVEL_BINS].reshape(-1, 3, LEVEL_BINS).clamp(min=0).mean(1)
    share[:, : round(13 / 256 * LEVEL_BINS)], share[:, round(241 / 256 * LEVEL_BINS) :] = 0, 0
    share = nn.functional.interpolate(share[:, None], samples, mode="linear")[:, 0] + 1e-6
    return share / share.sum(1, keepdim=True)


@torch.inference_mode()
def validate(net: ResponseNet, truth: Counted) -> dict[str, float]:
    """RMSE of the inverse curve, over all and per family, and how often the family is named right."""
    out = net(truth.statistics)
    rmse = losses.curve_rmse(out["inverse"], truth.inverse)
    of = lambda index: float(rmse[truth.family == index].mean())
    right = (out["family_logits"].argmax(1) == truth.family).float().mean()
    return dict(rmse=float(rmse.mean()), rmse_camera=of(0), rmse_srgb=of(1), rmse_dorf=of(2), right=float(right))
