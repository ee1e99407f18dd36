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

from hdrrecon import io
from hdrrecon.camera.basis import FAMILIES, load_basis
from hdrrecon.io.atomic import atomic_write
from hdrrecon.networks.response_net import ResponseConfig, ResponseNet
from hdrrecon.networks.response_statistics import GROUPS, LEVEL_BINS, response_statistics
from hdrrecon.train import losses
from hdrrecon.train.curves import CurveSampler
from hdrrecon.train.loop import log, save_weights
from hdrrecon.train.scenes import Scene, random_piece, random_scene, random_view
from hdrrecon.train.shots import passed_on, random_shot

CHUNK = 2500
SIDES_PX = (224, 256, 288)
SHOTS_PER_VIEW = 4
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")


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
    rows: list[tuple] = []
    while len(rows) < count:
        scene = random_scene(scenes, rng)
        view = random_view(scene, int(rng.choice(SIDES_PX)), rng) if rng.random() < 0.5 else random_piece(scene, rng)
        if view.max() <= 1e-4:
            continue
        for _ in range(SHOTS_PER_VIEW):
            sample = random_shot(view, curves, rng, used=True)
            rows.append((response_statistics(sample.code[None])[0].half(), sample.inverse.mean(0), sample.family))
    statistics, inverse, family = zip(*rows[:count])
    _save(path, torch.stack(statistics).numpy(), torch.stack(inverse).numpy(), np.array(family))


def count_photos(photos: Path, seed: int, path: Path, count: int = CHUNK) -> None:
    """The same for ordinary photos, whose response nobody knows; does nothing where `path` exists.

    They teach what simulation cannot: how pictures look that really went through a camera. The best guess for them is the
    family of cameras and its mean curve, and that is the answer they are given.
    """
    if path.exists():
        return
    rng = np.random.default_rng((78, seed))
    files = sorted(p for p in photos.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES)
    images = [io.read(p)[..., :3] for p in files]
    rows = []
    for _ in range(count):
        image = images[rng.integers(len(images))]
        tall, wide = (int(n * rng.uniform(0.4, 1.0)) for n in image.shape[:2])
        top, left = rng.integers(image.shape[0] - tall + 1), rng.integers(image.shape[1] - wide + 1)
        piece = torch.from_numpy(image[top : top + tall, left : left + wide].transpose(2, 0, 1).copy())[None].float() / 255
        rows.append(response_statistics(passed_on(piece, "srgb", rng))[0].half())
    mean = np.repeat(load_basis().camera_mean[None], count, 0).astype(np.float32)
    _save(path, torch.stack(rows).numpy(), mean, np.full(count, FAMILIES.index("camera")))


def _save(path: Path, statistics: np.ndarray, inverse: np.ndarray, family: np.ndarray) -> None:
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, statistics=statistics, inverse=inverse, family=family)


def load_chunks(paths: list[Path]) -> Counted:
    """All chunks as one."""
    chunks = [np.load(p) for p in paths]
    part = lambda name: torch.from_numpy(np.concatenate([c[name] for c in chunks]))
    return Counted(part("statistics").float(), part("inverse").float(), part("family").long())


def count_shots(shots: list[dict[str, Tensor]]) -> Counted:
    """Statistics of validation shots (train.validation)."""
    return Counted(torch.cat([response_statistics(s["code"]) for s in shots]),
                   torch.stack([s["inverse"][0].mean(0) for s in shots]), torch.cat([s["family"] for s in shots]))


@dataclass(frozen=True)
class FitRecipe:
    """How to fit. The danger is not too little learning but too much: scenes, curves and simulation are all narrower than
    the world, and a long fit without noise is sure of itself and wrong on real photos.

    `photo_share`: of a batch, ordinary photos; `noise`: on the inputs, in standard deviations; `group_dropout`: chance
    that a kind of statistics is hidden, so that no kind is relied on alone.
    """

    steps: int = 1200
    batch: int = 128
    rate: float = 2e-3
    weight_decay: float = 0.5
    photo_share: float = 0.17
    noise: float = 0.5
    group_dropout: float = 0.4
    seed: int = 0


def fit(train: Counted, photos: Counted | None, validation: Counted, out: Path, config: ResponseConfig = ResponseConfig(),
        recipe: FitRecipe = FitRecipe()) -> Path:
    """Fit ResponseNet; returns the path of the weights.

    The last weights are kept, not the best on `validation`, whose photos are simulated and would choose a net that is too
    sure of simulation.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    net = ResponseNet(config)
    net.normalise_by(train.statistics)
    optimizer = torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, recipe.steps, pct_start=0.05)
    running = 0.0
    for step in range(1, recipe.steps + 1):
        batch = drawn(train, photos, recipe)
        loss = response_loss(net.train()(disturbed(batch.statistics, net, recipe)), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        running = float(loss.detach()) if step == 1 else 0.99 * running + 0.01 * float(loss.detach())
        if step % max(1, recipe.steps // 12) == 0:
            log(out / "log.csv", dict(step=step, train_loss=running, **validate(net.eval(), validation)))
    save_weights(out / "best.safetensors", net.state_dict(), dict(
        network="response_net:ResponseNet", config=asdict(config), step=recipe.steps, validation=validate(net.eval(), validation)))
    return out / "best.safetensors"


def drawn(train: Counted, photos: Counted | None, recipe: FitRecipe) -> Counted:
    """A random batch; `photo_share` of it ordinary photos."""
    from_photos = round(recipe.photo_share * recipe.batch) if photos else 0
    parts = [(train, recipe.batch - from_photos), (photos, from_photos)]
    picks = [(source, torch.randint(len(source.family), (count,))) for source, count in parts if count]
    return Counted(*(torch.cat([getattr(source, k)[pick] for source, pick in picks]) for k in ("statistics", "inverse", "family")))


def disturbed(statistics: Tensor, net: ResponseNet, recipe: FitRecipe) -> Tensor:
    """Statistics with noise, and with some kinds of them replaced by their means."""
    noisy = statistics + recipe.noise * torch.randn_like(statistics) * net.scale
    shown = torch.rand(len(GROUPS), len(statistics)) >= recipe.group_dropout
    mask = torch.cat([row[:, None].expand(-1, size) for row, size in zip(shown, GROUPS)], 1)
    return torch.where(mask, noisy, net.centre)


def response_loss(out: dict[str, Tensor], truth: Counted) -> Tensor:
    """Curve error of the estimate and of the true family's answer, error in stops where the photo has pixels, family."""
    share = used_codes(truth.statistics, truth.inverse.shape[1])
    own = out["family_curves"][torch.arange(len(truth.family)), truth.family]
    error = lambda curve: losses.curve_rmse(curve, truth.inverse).mean() + 0.2 * losses.curve_stops(curve, truth.inverse, share).mean()
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
