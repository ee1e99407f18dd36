"""Fitting of ResponseNet: two perceptrons, one for the curves and one for the families, learn from counted statistics
(`train.data.response_statistics`). Five minutes on one core.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor, nn

from hdrrecon.camera.basis import expand
from hdrrecon.networks.linearize.response_net import ResponseConfig, ResponseNet, resampled
from hdrrecon.networks.linearize.response_statistics import CLASSIC, KINDS, LEVEL_BINS
from hdrrecon.train import losses
from hdrrecon.train.data.response_statistics import HANDLED_SHARE, ODD, Counted
from hdrrecon.train.loop import log, save_weights
from hdrrecon.train.tasks.response_spread import calibrate


@dataclass(frozen=True)
class FitRecipe:
    """How to fit.

    Curves can be learnt for long; the families are the danger. Scenes and simulation are narrower than the world, and
    who is sure of the family in a simulated photo is sure and wrong in a real one. Hence two perceptrons.
    """

    # Batches of the fit.
    steps: int = 4500
    # Photos per batch.
    batch: int = 1024
    # Weight of telling families apart.
    naming: float = 0.12
    # Peak learning rate.
    rate: float = 3e-3
    # Principal components of the statistics: all that is learnt from.
    components: int = 900
    # Of the families' perceptron.
    weight_decay: float = 0.7
    # Of the curves' perceptron.
    curve_decay: float = 0.5
    # On what the families see, in standard deviations of the statistics.
    noise: float = 0.35
    # The same on what the curves see.
    curve_noise: float = 0.1
    # Share of a batch that is ordinary photos.
    photo_share: float = 0.3
    # How likely each family is for views of HDR scenes, which are soft as renderings are.
    view_odds: tuple[float, ...] = (0.24, 0.36, 0.4)
    # The same for pieces of them as sharp as the file.
    piece_odds: tuple[float, ...] = (0.85, 0.09, 0.06)
    # The same for ordinary photos as scenes, sharp as cameras' photos are, most of which are cameras'.
    photo_odds: tuple[float, ...] = (0.85, 0.09, 0.06)
    # How likely a photo of each family was worked on after it was taken.
    handled: tuple[float, ...] = (0.55, 0.18, 0.06)
    # Statistics that the families see at all. How colourful a scene is, or how light and dark are spread at its
    # ends, tells panoramas from photos more than cameras from films.
    family_kinds: tuple[str, ...] = (*CLASSIC, "places", "wide_places", "handling")
    # Chance that one of these is hidden from the families, so that none is relied on alone.
    kind_dropout: float = 0.4
    # Of everything random.
    seed: int = 0


@dataclass(frozen=True)
class Prepared:
    """What a batch is drawn from: what every kind of statistics adds to the principal components (N, kinds, K) in half
    precision, true inverse curves and `used_codes` (N, samples), families (N,), and how likely each row is to be drawn
    (N,)."""

    inputs: Tensor
    inverse: Tensor
    share: Tensor
    family: Tensor
    odds: Tensor

    def __getitem__(self, pick: Tensor) -> Prepared:
        return Prepared(*(getattr(self, f.name)[pick] for f in fields(self)))


DEFAULT_CONFIG = ResponseConfig(kinds=tuple(KINDS), samples=129, family_hidden=(64,), split=True, calibrated=True)


def fit(
    train: Counted,
    photos: Counted | None,
    validation: Counted,
    out: Path,
    config: ResponseConfig = DEFAULT_CONFIG,
    recipe: FitRecipe = FitRecipe(),
    held_out: Counted | None = None,
) -> Path:
    """Fit ResponseNet; returns the path of the weights.

    Args:
        train, photos: simulated and ordinary photos to learn from.
        validation: what the log's figures are of.
        held_out: photos of other scenes, that a `calibrated` network's spread is fitted to (`response_spread`).

    The last weights are kept, not the best on `validation`, whose photos are simulated and would choose a net that is
    too sure of simulation.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    net = ResponseNet(config)
    net.normalise_by(train.statistics)
    directions = principal(net.normalised(train.statistics), recipe.components)
    sources = [prepared(source, net, directions, recipe) for source in (train, photos) if source]
    learner = narrowed(net, directions.shape[1])
    optimizer = torch.optim.AdamW(_decayed(learner, recipe), recipe.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, recipe.steps, pct_start=0.05)
    visible = torch.tensor([kind in recipe.family_kinds for kind in config.kinds])
    running = 0.0
    for step in range(1, recipe.steps + 1):
        batch = drawn(sources, recipe)
        answer = learner.train().answer(*seen(batch.inputs.float(), visible, recipe))
        loss = curve_loss(
            answer | {k: expand(answer[k]) for k in ("inverse", "family_curves")},
            batch.inverse,
            batch.share,
            batch.family,
            recipe.naming,
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        running = float(loss.detach()) if step == 1 else 0.99 * running + 0.01 * float(loss.detach())
        if step % max(1, recipe.steps // 12) == 0:
            widened(learner, directions, net, recipe.family_kinds)
            log(out / "log.csv", dict(step=step, train_loss=running, **validate(net.eval(), validation)))
    widened(learner, directions, net, recipe.family_kinds)
    if config.calibrated and held_out is not None:
        calibrate(net.eval(), held_out, odds_of(held_out, recipe))
    save_weights(
        out / "best.safetensors",
        net.state_dict(),
        {
            "network": "response_net:ResponseNet",
            "config": asdict(config),
            "step": recipe.steps,
            "validation": validate(net.eval(), validation),
        },
    )
    return out / "best.safetensors"


def principal(inputs: Tensor, count: int) -> Tensor:
    """The first principal directions of inputs (N, D), orthonormal columns (D, up to `count`).

    Noise of equal strength on the components is noise of equal strength on the inputs, without the directions that are
    left out.
    """
    spread = inputs - inputs.mean(0)
    return torch.linalg.eigh(spread.T @ spread / len(spread))[1].flip(1)[:, : min(count, len(inputs))].contiguous()


def odds_of(source: Counted, recipe: FitRecipe) -> Tensor:
    """How likely rows are to be drawn, (N,), up to a factor: as the families are in the world, not as they were counted
    (evenly)."""
    if source.scene is None or source.handled is None:
        return torch.ones(len(source.family))
    table = torch.tensor(
        [recipe.view_odds, recipe.piece_odds, recipe.photo_odds, (1 / 3,) * 3]
    )  # by VIEW, PIECE, PHOTO, ODD
    worked_on = torch.tensor(recipe.handled)[source.family]
    life = torch.where(source.handled.bool(), worked_on / HANDLED_SHARE, (1 - worked_on) / (1 - HANDLED_SHARE))
    return table[source.scene, source.family] * torch.where(source.scene == ODD, 1.0, life)


def prepared(source: Counted, net: ResponseNet, directions: Tensor, recipe: FitRecipe) -> Prepared:
    """All that the fit needs of counted photos."""
    curves = resampled(source.inverse, net.config.samples)
    inputs = net.normalised(source.statistics)
    parts = zip(
        *(
            tensor.split([KINDS[kind] for kind in net.config.kinds], axis)
            for tensor, axis in ((inputs, 1), (directions, 0))
        )
    )
    share = used_codes(source.statistics, net.config.samples)
    inputs = torch.stack([(part @ along).half() for part, along in parts], 1)
    return Prepared(inputs, curves, share, source.family, odds_of(source, recipe))


def seen(parts: Tensor, visible: Tensor, recipe: FitRecipe) -> tuple[Tensor, None, Tensor]:
    """Arguments of `ResponseNet.answer`: what the curves see of parts (N, kinds, K), no prior, what the families
    see."""
    noise = torch.randn_like(parts[:, 0])
    shown = (torch.rand(parts.shape[:2]) >= recipe.kind_dropout) & visible
    return parts.sum(1) + recipe.curve_noise * noise, None, (parts * shown[..., None]).sum(1) + recipe.noise * noise


def narrowed(net: ResponseNet, size: int) -> ResponseNet:
    """A copy of an untrained network that reads `size` components instead of all statistics."""
    learner = deepcopy(net)
    for body in _bodies(learner):
        body[0] = nn.Linear(size, body[0].out_features)
    return learner


@torch.no_grad()
def widened(learner: ResponseNet, directions: Tensor, net: ResponseNet, family_kinds: tuple[str, ...]) -> None:
    """Copy what a `narrowed` network has learnt into `net`: the directions go into its first layers, for the families
    without those of kinds they did not see."""
    blind = torch.cat([torch.full((KINDS[kind],), kind not in family_kinds) for kind in net.config.kinds])
    for own, learnt in zip(_bodies(net), _bodies(learner)):
        own[0].weight.copy_(learnt[0].weight @ directions.T)
        if own is net.family_body:
            own[0].weight[:, blind] = 0
        own[0].bias.copy_(learnt[0].bias)
        own[1:].load_state_dict(learnt[1:].state_dict())
    net.curves.load_state_dict(learner.curves.state_dict())
    net.families.load_state_dict(learner.families.state_dict())
    if net.split is not None:
        net.split.load_state_dict(learner.split.state_dict())


def _bodies(net: ResponseNet) -> list[nn.Sequential]:
    return [body for body in (net.body, net.family_body) if body is not None]


def _decayed(net: ResponseNet, recipe: FitRecipe) -> list[dict]:
    def of(first):
        return [p for name, p in net.named_parameters() if name.startswith("famil") == first]

    return [
        {"params": of(True), "weight_decay": recipe.weight_decay},
        {"params": of(False), "weight_decay": recipe.curve_decay},
    ]


def drawn(sources: list[Prepared], recipe: FitRecipe) -> Prepared:
    """A random batch, drawn by odds; `photo_share` of it from the second source, if there is one."""
    second = round(recipe.photo_share * recipe.batch) if len(sources) > 1 else 0
    wanted = zip(sources, (recipe.batch - second, second))
    parts = [source[torch.multinomial(source.odds, count, replacement=True)] for source, count in wanted if count]
    return Prepared(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Prepared)))


def response_loss(out: dict[str, Tensor], truth: Counted) -> Tensor:
    """`curve_loss` of what the network answers to counted photos."""
    return curve_loss(out, truth.inverse, used_codes(truth.statistics, truth.inverse.shape[1]), truth.family)


def curve_loss(out: dict[str, Tensor], inverse: Tensor, share: Tensor, family: Tensor, naming: float = 0.05) -> Tensor:
    """Curve error of the estimate and of the true family's answer, error in stops where the photo has pixels,
    family."""
    own = out["family_curves"][torch.arange(len(family)), family]

    def error(curve):
        return losses.curve_rmse(curve, inverse).mean() + 0.2 * losses.curve_stops(curve, inverse, share).mean()

    return (
        4 * error(out["inverse"]) + 2 * error(own) + naming * nn.functional.cross_entropy(out["family_logits"], family)
    )


def used_codes(statistics: Tensor, samples: int) -> Tensor:
    """Share of well-exposed values at `samples` uniform codes, (N, samples), from the level histograms; tempered
    (square root), so that a grey wall is not all that counts."""
    share = statistics[:, : 3 * LEVEL_BINS].reshape(-1, 3, LEVEL_BINS).clamp(min=0).mean(1)
    share[:, : round(13 / 256 * LEVEL_BINS)], share[:, round(241 / 256 * LEVEL_BINS) :] = 0, 0
    share = nn.functional.interpolate(share[:, None], samples, mode="linear")[:, 0] + 1e-6
    return share / share.sum(1, keepdim=True)


@torch.inference_mode()
def validate(net: ResponseNet, truth: Counted) -> dict[str, float]:
    """RMSE of the inverse curve, over all and per family, and how often the family is named right."""
    out = net(truth.statistics)
    rmse = losses.curve_rmse(out["inverse"], truth.inverse)

    def of(index):
        return float(rmse[truth.family == index].mean())

    right = (out["family_logits"].argmax(1) == truth.family).float().mean()
    return {
        "rmse": float(rmse.mean()),
        "rmse_camera": of(0),
        "rmse_srgb": of(1),
        "rmse_dorf": of(2),
        "right": float(right),
    }
