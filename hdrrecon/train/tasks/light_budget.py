"""Fitting of `LightBudget` on what `train.data.panoramas` measured: minutes on one core.

The network's answer is judged by what it is for: the light it leads to on a white ball, on level ground, facing the sun
and in its shadow. Scenes are few, so every figure is one of scenes left out: the training scenes are split into folds,
an ensemble is fitted without each, and the intervals are stretched until they hold for the scenes left out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.networks.restore.light_budget import KINDS, BudgetAnswer, LightBudget, LightBudgetConfig

FIGURES = ("diffuse", "level", "facing", "shadow")


@dataclass(frozen=True)
class BudgetRecipe:
    """How to fit."""

    steps: int = 400  # batches
    batch: int = 256  # photos of a batch, drawn anew each time
    rate: float = 4e-3  # peak learning rate
    weight_decay: float = 0.3
    dropout: float = 0.2  # of both hidden layers
    noise: float = 0.2  # on the statistics, in standard deviations
    folds: int = 6  # of the training scenes, for the figures of scenes left out
    members: int = 12  # of the ensemble that is kept
    fold_members: int = 4  # of each fold's ensemble
    ball_weight: float = 8.0  # of a white ball's relative error beside errors in stops
    prior: float = 0.1  # pull of the gain towards 1, stage 2's own answer
    naming: float = 1.0  # weight of telling the kinds of light apart
    doubt: float = 0.1  # weight of the intervals' likelihood
    sky_only: float = 0.4  # weight of scenes that have no ground, and of studios
    seed: int = 0


@dataclass(frozen=True)
class Cases:
    """Photos (N) and what light does in each; see `measured_case`. `scene` (N,) names, `weight` (N,)."""

    statistics: Tensor
    ball: Tensor
    level: Tensor
    facing: Tensor
    shaded: Tensor
    kind: Tensor
    sun_error_deg: Tensor
    radius_deg: Tensor
    scene: np.ndarray
    weight: Tensor
    names: tuple[str, ...]

    def __getitem__(self, pick: np.ndarray) -> Cases:
        at = torch.from_numpy(np.flatnonzero(pick) if pick.dtype == bool else pick)
        parts = (getattr(self, name)[at] for name in list(self.__dataclass_fields__)[:8])
        return Cases(*parts, self.scene[at.numpy()], self.weight[at], self.names)  # type: ignore[call-arg]

    @property
    def sunny(self) -> Tensor:
        return self.kind < 2


def load_cases(files: list[Path], names: tuple[str, ...] | None = None, sky_only: float = 1.0) -> Cases:
    """Cases of files SPLIT__SCENE__TAG.npz; every scene weighs as much as every other, skies without a ground
    `sky_only`."""
    loaded = [np.load(file) for file in files]
    names = names or tuple(loaded[0]["names"].tolist())
    scene = np.array([file.stem.split("__")[1] for file in files])
    count = {name: int((scene == name).sum()) for name in set(scene)}
    rows = []
    for case in loaded:
        values = dict(zip(case["names"].tolist(), case["statistics"].tolist(), strict=True))
        rows.append([values[name] for name in names])
    weight = [(sky_only if "puresky" in s or "studio" in s else 1.0) / count[s] for s in scene]

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([case[name] for case in loaded]))

    return Cases(  # type: ignore[call-arg]
        torch.tensor(rows, dtype=torch.float32),
        *(stacked(name) for name in ("ball", "level", "facing", "shaded", "kind", "sun_error_deg", "radius_deg")),  # type: ignore[arg-type]
        scene,
        torch.tensor(weight, dtype=torch.float32),
        names,
    )


def errors(cases: Cases, sun: Tensor, gain: Tensor, normals: slice = slice(None)) -> tuple[Tensor, Tensor]:
    """What light with a sun and a gain (..., N) gets wrong.

    Returns:
        (..., N, 4) in the order of `FIGURES`, the first as a share; and (..., N, 2): signed errors in stops of facing,
        level.
    """
    ball = cases.ball[:, :, normals]
    parts = ball, cases.level, cases.facing, cases.shaded
    mixed = []
    for part in parts:
        wide = part.ndim == 3
        photo, more, disc, true = part.unbind(1)
        light = photo + (gain[..., None] if wide else gain) * more + (sun[..., None] if wide else sun) * disc
        mixed.append((light, true))
    (ball, ball_true), *rest = mixed
    diffuse = (ball - ball_true).abs().mean(-1) / ball_true.mean(-1).clamp(min=1e-9)
    level, facing, shaded = ((a.clamp(min=1e-9).log2() - b.clamp(min=1e-9).log2()) for a, b in rest)
    return torch.stack([diffuse, level.abs(), facing.abs(), (facing - shaded).abs()], -1), torch.stack(
        [facing, level], -1
    )


def fit(train: Cases, out: Path, recipe: BudgetRecipe = BudgetRecipe(), held_out: Cases | None = None) -> Path:
    """Fit, print the figures of scenes left out, and write `out/light-budget.safetensors`; returns its path.

    `held_out`: cases of other scenes, whose figures are printed too; nothing is fitted or chosen on them.
    """
    from hdrrecon.train.loop import save_weights

    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(recipe.seed)
    scenes = rng.permutation(sorted(set(train.scene)))
    fold_of = {name: i % recipe.folds for i, name in enumerate(scenes)}
    folds = np.array([fold_of[name] for name in train.scene])
    count = len(folds)
    answer = BudgetAnswer(
        torch.zeros(recipe.fold_members, count, len(KINDS)), *torch.zeros(4, recipe.fold_members, count)
    )
    for fold in range(recipe.folds):
        away = folds == fold
        network = fitted(train[~away], recipe, recipe.fold_members, seed=recipe.seed + 1 + fold)
        with torch.no_grad():
            for mine, theirs in zip(answer, network(train[away].statistics), strict=True):
                mine[:, away] = theirs
    network = fitted(train, recipe, recipe.members, seed=recipe.seed)
    network.sharpness.copy_(_sharpness(train, answer, recipe))
    answer = answer._replace(kinds=network.sharpness * answer.kinds)
    seen, sun, gain = answer.decided()
    left_out, signed = errors(train, sun, gain)
    doubt = network.half_intervals(answer)
    network.stretch.copy_((signed.abs() / doubt.clamp(min=1e-3)).quantile(0.8, dim=0))
    network.direction.copy_(_direction_interval(train))
    lines = [
        f"{len(train.scene)} photos of {len(scenes)} scenes; sun told in "
        f"{100 * float((seen.gt(0.5) == train.sunny).float().mean()):.0f} %, "
        f"logits times {float(network.sharpness):.1f}"
    ]
    lines += table("left out", train, left_out)
    for title, wrong in (
        ("a sun too many", ~train.sunny & (seen > 0.5)),
        ("a sun missed", train.sunny & (seen <= 0.5)),
    ):
        counts = {name: int((wrong.numpy() & (train.scene == name)).sum()) for name in scenes}
        lines.append(f"  {title}: " + ", ".join(f"{name} {n}" for name, n in sorted(counts.items()) if n))
    if held_out is not None:
        with torch.no_grad():
            answer = network(held_out.statistics)
            _, sun, gain = answer.decided()
            found, signed = errors(held_out, sun, gain)
            inside = signed.abs() <= network.half_intervals(answer)
        lines += table("held out", held_out, found)
        lines.append(
            f"held out: 80 % intervals hold {(100 * inside.float().mean(0)).round().int().tolist()} % (facing, level)"
        )
    (out / "figures.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(*lines, sep="\n")
    path = out / "light-budget.safetensors"
    save_weights(path, network.state_dict(), {"network": "light_budget:LightBudget", "config": asdict(network.config)})
    return path


def fitted(cases: Cases, recipe: BudgetRecipe, members: int, seed: int) -> LightBudget:
    """An ensemble fitted on `cases`, each member on its own weights of the scenes (Rubin 1981)."""
    torch.manual_seed(seed)
    network = LightBudget(LightBudgetConfig(cases.names, members=members))
    mean, deviation = cases.statistics.mean(0), cases.statistics.std(0, correction=0) + 1e-3
    network.mean.copy_(mean)
    network.deviation.copy_(deviation)
    inputs = network.standardised(cases.statistics)
    balance, brightest = network.physics(cases.statistics)
    names, index = np.unique(cases.scene, return_inverse=True)
    drawn = torch.distributions.Exponential(1.0).sample((members, len(names)))[:, torch.from_numpy(index)]
    weight = cases.weight * (0.5 + 0.5 * drawn)
    matrices = [p for name, p in network.named_parameters() if name.startswith("weight")]
    biases = [p for name, p in network.named_parameters() if name.startswith("bias")]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": biases, "weight_decay": 0.0}],
        lr=recipe.rate,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, recipe.steps)
    for _ in range(recipe.steps):
        pick = torch.randperm(len(inputs))[: recipe.batch]
        noisy = inputs[pick] + recipe.noise * torch.randn(members, len(pick), inputs.shape[1])
        share = weight[:, pick] / weight[:, pick].sum(1, keepdim=True)
        loss = (
            share
            * _loss(cases[pick.numpy()], network.answer(noisy, balance[pick], brightest[pick], recipe.dropout), recipe)
        ).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def _loss(cases: Cases, answer: BudgetAnswer, recipe: BudgetRecipe) -> Tensor:
    """(members, N)."""
    every_fourth = slice(0, None, 4)
    found, off = errors(cases, answer.sun.exp2(), answer.gain.exp2(), every_fourth)
    _, off_plain = errors(cases, torch.zeros_like(answer.sun), torch.ones_like(answer.sun), every_fourth)
    sunny = cases.sunny.float()
    cost = _cost(found, recipe) + recipe.prior * answer.gain**2
    kinds = F.cross_entropy(answer.kinds.flatten(0, 1), cases.kind.repeat(len(cost)), reduction="none").view_as(cost)
    off = torch.where(cases.sunny[:, None], off, off_plain).detach().abs()
    log_scale = torch.stack([answer.facing, answer.level], -1)
    doubt = (off / log_scale.exp() + log_scale).sum(-1)
    # Where a sun is believed in that is none, its strength must be small.
    believed = sunny + (1 - sunny) * answer.sun_probability.detach()
    return believed * cost + recipe.naming * kinds + recipe.doubt * doubt


def _sharpness(cases: Cases, left_out: BudgetAnswer, recipe: BudgetRecipe) -> Tensor:
    """The factor on the logits with which the decisions of an ensemble on scenes left out lead to the best light: how
    far its odds of a sun may be trusted."""
    best, answer = float("inf"), torch.ones(())
    for factor in torch.linspace(0.5, 3, 26):
        _, sun, gain = left_out._replace(kinds=factor * left_out.kinds).decided()
        found, _ = errors(cases, sun, gain)
        cost = float((cases.weight * _cost(found, recipe)).sum())
        if cost < best:
            best, answer = cost, factor
    return answer


def _cost(found: Tensor, recipe: BudgetRecipe) -> Tensor:
    """(...): one number of the four figures (..., 4); a single photo that is very wrong does not rule a batch."""
    return (recipe.ball_weight * found[..., 0] + found[..., 1:].sum(-1)).clamp(max=12)


def _direction_interval(cases: Cases) -> Tensor:
    """(2,) for `LightBudget.direction`: from the suns, where the thickest clipped region was the sun's."""
    found = cases.sunny & (cases.sun_error_deg < 45)
    if int(found.sum()) < 8:
        return torch.tensor([3.0, 0.3])
    error, radius = cases.sun_error_deg[found], cases.radius_deg[found]
    best, answer = float("inf"), torch.zeros(2)
    for slope in torch.linspace(0, 1.5, 16):  # the narrowest intervals that hold 80 %
        base = (error - slope * radius).quantile(0.8).clamp(min=0.3)
        if (width := float((base + slope * radius).mean())) < best:
            best, answer = width, torch.stack([base, slope])
    return answer


def table(title: str, cases: Cases, found: Tensor) -> list[str]:
    """Lines: the four figures, of stage 2's own answer and of the new one, for all, suns, and the rest."""
    plain, _ = errors(cases, torch.zeros(len(cases.kind)), torch.ones(len(cases.kind)))
    lines = [f"{title}: " + "  ".join(FIGURES) + "  (stage 2 alone -> with the light budget)"]
    groups = {"all": torch.ones_like(cases.sunny), "suns": cases.sunny}
    groups |= {f"no sun: {KINDS[i]}": cases.kind == i for i in range(2, len(KINDS))}
    for name, group in groups.items():
        if group.any():
            a, b = ((e[group] * torch.tensor([100.0, 1, 1, 1])).mean(0).tolist() for e in (plain, found))
            cells = [
                f"{x:.1f} -> {y:.1f} %" if i == 0 else f"{x:.2f} -> {y:.2f}"
                for i, (x, y) in enumerate(zip(a, b, strict=True))
            ]
            lines.append(f"  {name:18} {int(group.sum()):4}  " + "  ".join(cells))
    return lines
