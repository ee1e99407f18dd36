"""What the networks of the modulo sensor learn: changes of folds between neighbours, or the published masks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.networks.sensors.small_unet import padded
from hdrrecon.networks.sensors.unwrap_net import CHANGES, FOLDS, RolloverNet, UnwrapNet, UnwrapNetConfig
from hdrrecon.sensors.modulo import ModuloCamera, photograph, rolled_over_by

CHANGE_WEIGHT = 3.0  # of pairs that differ in their folds: they are few
FOLD_WEIGHT = 1.0  # of the opinion on folds themselves: where it errs, whole regions are off
WRAPPED_PERCENT = (5.0, 45.0)  # of the pixels of a training photo
VALIDATED_PERCENT = (20.0, 35.0)
LEAST_SNR_DB, MOST_SNR_DB = 28.0, 60.0  # at one full well


@dataclass
class UnwrapTask:
    """Views of scenes, exposed so that some pixels fold."""

    config: UnwrapNetConfig = field(default_factory=UnwrapNetConfig)
    name: str = "unwrap-net"
    score: str = "score"

    def network(self) -> UnwrapNet:
        return UnwrapNet(self.config)

    def metadata(self) -> dict[str, Any]:
        return {"network": "unwrap_net:UnwrapNet", "config": asdict(self.config)}

    def loss(self, net: UnwrapNet, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        return self._loss(net, *random_modulo(batch["light"]))

    def _loss(self, net: UnwrapNet, wrapped: Tensor, folds: Tensor) -> tuple[Tensor, dict[str, float]]:
        changes, level = net(wrapped)
        loss, right = torch.zeros((), device=wrapped.device), []
        for axis, answer in ((-1, changes[:, :, 0, ..., :-1]), (-2, changes[:, :, 1, ..., :-1, :])):
            true = folds.diff(dim=axis).clamp(-(CHANGES // 2), CHANGES // 2).long() + CHANGES // 2
            weight = torch.ones(CHANGES)
            weight[torch.arange(CHANGES) != CHANGES // 2] = CHANGE_WEIGHT
            loss = loss + F.cross_entropy(answer.movedim(2, 1).float(), true, weight.to(answer.device))
            right.append((answer.argmax(2) == true)[true != CHANGES // 2].float().mean().nan_to_num(1.0))
        shares, log_level = fold_shares(folds, net), level.float().log_softmax(2)
        level_loss = -(shares * log_level).sum(2).mean()
        return loss + FOLD_WEIGHT * level_loss, {
            "changes": float(loss.detach()),
            "folds": float(level_loss.detach()),
            "right": float(torch.stack(right).mean()),
            "level": float(shares.gather(2, log_level.argmax(2, keepdim=True)).mean()),
        }

    @torch.no_grad()
    def validate(self, net: UnwrapNet, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        """Losses and shares of right changes and levels; without the solver, which takes longer than a network."""
        sums: dict[str, float] = {}
        for shot in shots:
            for percent in VALIDATED_PERCENT:
                loss, parts = self._loss(net, *photograph(exposed(shot["light"], percent)))
                for name, value in dict(score=float(loss), **parts).items():
                    sums[name] = sums.get(name, 0.0) + value / len(shots) / len(VALIDATED_PERCENT)
        return sums


@dataclass
class RolloverTask:
    """The published way: binary masks, one for each round; every round is a training photo of its own."""

    config: UnwrapNetConfig = field(default_factory=UnwrapNetConfig)
    name: str = "rollover-net"
    score: str = "score"

    def network(self) -> RolloverNet:
        return RolloverNet(self.config)

    def metadata(self) -> dict[str, Any]:
        return {"network": "unwrap_net:RolloverNet", "config": asdict(self.config)}

    def loss(self, net: RolloverNet, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        wrapped, folds = random_modulo(batch["light"])
        most = folds.amax((1, 2, 3)).clamp(max=FOLDS - 2) + 1  # the round that finds nothing is one too
        number = (torch.rand(len(folds), device=folds.device) * most).floor() + 1
        before = torch.minimum(folds, number.view(-1, 1, 1, 1) - 1)
        true = (folds >= number.view(-1, 1, 1, 1)).float()
        logits = net(wrapped, wrapped + before, number).float()
        loss = F.binary_cross_entropy_with_logits(logits, true)
        return loss, {"right": float(((logits > 0) == (true > 0)).float().mean())}

    def validate(self, net: RolloverNet, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        return folds_right(shots, lambda wrapped: rolled_over_by(net, wrapped))


def widened(state: dict[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
    """Weights of `net`: those of a smaller network of the same kind where they fit, its own elsewhere."""
    own = net.state_dict()
    return {name: state[name] if name in state and state[name].shape == own[name].shape else own[name] for name in own}


def random_modulo(light: Tensor) -> tuple[Tensor, Tensor]:
    """Modulo images and folds of views (N, 3, H, W), each at a random exposure and noise."""
    out: list[tuple[Tensor, Tensor]] = []
    for one in light:
        low, high = WRAPPED_PERCENT
        noise = 10 ** (-float(torch.empty(()).uniform_(LEAST_SNR_DB, MOST_SNR_DB)) / 20)
        camera = ModuloCamera(shot_noise=noise**2, read_noise=noise / 4)
        out.append(photograph(exposed(one[None], float(torch.empty(()).uniform_(low, high))), camera))
    wrapped, folds = zip(*out)
    return torch.cat(wrapped), torch.cat(folds)


def exposed(light: Tensor, percent: float) -> Tensor:
    """Light such that a channel of so many percent of the pixels is above one well."""
    from hdrrecon.camera.simulate import exposure_for_clipping

    return light * exposure_for_clipping(light, percent)


def fold_shares(folds: Tensor, net: UnwrapNet) -> Tensor:
    """How often each number of folds occurs in the squares a network answers for, (N, 3, FOLDS, h, w)."""
    side, whole = 2 ** (net.unet.coarse_level + 1), padded(folds, net.multiple_of)
    return torch.stack([F.avg_pool2d((whole == number).float(), side) for number in range(FOLDS)], 2)


def folds_right(shots: list[dict[str, Tensor]], solve) -> dict[str, float]:
    """Share of right folds of validation views, at 20 and 35 percent folded."""
    right: dict[str, list[float]] = {"right20": [], "right35": []}
    for shot in shots:
        for name, percent in (("right20", 20.0), ("right35", 35.0)):
            wrapped, folds = photograph(exposed(shot["light"], percent))
            right[name].append(float((solve(wrapped) == folds).float().mean()))
    means = {name: sum(values) / len(values) for name, values in right.items()}
    return dict(score=-sum(means.values()) / 2, **means)
