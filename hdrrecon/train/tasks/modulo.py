"""What the networks of the modulo sensor learn: changes of folds between neighbours, or the published masks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.networks.sensors.small_unet import padded
from hdrrecon.networks.sensors.unwrap_net import CHANGES, FOLDS, RolloverNet, UnwrapNet, UnwrapNetConfig
from hdrrecon.sensors.modulo import ModuloCamera, photograph, rolled_over_by, unwrapped_by

CHANGE_WEIGHT = 3.0  # of pairs that differ in their folds: they are few
FOLD_WEIGHT = 0.3  # of the opinion on folds themselves
WRAPPED_PERCENT = (5.0, 45.0)  # of the pixels of a training photo
LEAST_SNR_DB, MOST_SNR_DB = 28.0, 50.0  # at one full well


@dataclass
class UnwrapTask:
    """Views of scenes, exposed so that some pixels fold."""

    config: UnwrapNetConfig = field(default_factory=UnwrapNetConfig)
    name: str = "unwrap-net"
    score: str = "score"

    def network(self) -> nn.Module:
        return UnwrapNet(self.config)

    def metadata(self) -> dict[str, Any]:
        return {"network": "unwrap_net:UnwrapNet", "config": asdict(self.config)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        wrapped, folds = random_modulo(batch["light"])
        changes, level = net(wrapped)
        loss, right = 0.0, []
        for axis, answer in ((-1, changes[:, :, 0, ..., :-1]), (-2, changes[:, :, 1, ..., :-1, :])):
            true = folds.diff(dim=axis).clamp(-(CHANGES // 2), CHANGES // 2).long() + CHANGES // 2
            weight = torch.ones(CHANGES)
            weight[torch.arange(CHANGES) != CHANGES // 2] = CHANGE_WEIGHT
            loss = loss + F.cross_entropy(answer.movedim(2, 1).float(), true, weight.to(answer.device))
            right.append((answer.argmax(2) == true)[true != CHANGES // 2].float().mean())
        shares = fold_shares(folds, net)
        level_loss = -(shares * level.float().log_softmax(2)).sum(2).mean()
        return loss + FOLD_WEIGHT * level_loss, {
            "changes": float(loss.detach()),
            "folds": float(level_loss.detach()),
            "right": float(sum(right) / 2),
        }

    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        return folds_right(shots, lambda wrapped: unwrapped_by(net, wrapped))


@dataclass
class RolloverTask:
    """The published way: binary masks, one for each round; every round is a training photo of its own."""

    config: UnwrapNetConfig = field(default_factory=UnwrapNetConfig)
    name: str = "rollover-net"
    score: str = "score"

    def network(self) -> nn.Module:
        return RolloverNet(self.config)

    def metadata(self) -> dict[str, Any]:
        return {"network": "unwrap_net:RolloverNet", "config": asdict(self.config)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        wrapped, folds = random_modulo(batch["light"])
        most = folds.amax((1, 2, 3)).clamp(max=FOLDS - 2) + 1  # the round that finds nothing is one too
        number = (torch.rand(len(folds), device=folds.device) * most).floor() + 1
        before = torch.minimum(folds, number.view(-1, 1, 1, 1) - 1)
        true = (folds >= number.view(-1, 1, 1, 1)).float()
        logits = net(wrapped, wrapped + before, number).float()
        loss = F.binary_cross_entropy_with_logits(logits, true)
        return loss, {"right": float(((logits > 0) == (true > 0)).float().mean())}

    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        return folds_right(shots, lambda wrapped: rolled_over_by(net, wrapped))


def random_modulo(light: Tensor) -> tuple[Tensor, Tensor]:
    """Modulo images and folds of views (N, 3, H, W), each at a random exposure and noise."""
    out = []
    for one in light:
        low, high = WRAPPED_PERCENT
        noise = 10 ** (-float(torch.empty(()).uniform_(LEAST_SNR_DB, MOST_SNR_DB)) / 20)
        camera = ModuloCamera(shot_noise=noise**2, read_noise=noise / 4)
        out.append(photograph(exposed(one[None], float(torch.empty(()).uniform_(low, high))), camera))
    return tuple(torch.cat(parts) for parts in zip(*out))


def exposed(light: Tensor, percent: float) -> Tensor:
    """Light such that a channel of so many percent of the pixels is above one well."""
    from hdrrecon.camera.simulate import exposure_for_clipping

    return light * exposure_for_clipping(light, percent)


def fold_shares(folds: Tensor, net: nn.Module) -> Tensor:
    """How often each number of folds occurs in the squares a network answers for, (N, 3, FOLDS, h, w)."""
    one_hot = F.one_hot(padded(folds, net.multiple_of).long(), FOLDS).movedim(-1, 2).float()
    return F.avg_pool2d(one_hot.flatten(1, 2), 2 ** (net.unet.coarse_level + 1)).unflatten(1, (3, FOLDS))


def folds_right(shots: list[dict[str, Tensor]], solve) -> dict[str, float]:
    """Share of right folds of validation views, at 20 and 35 percent folded."""
    right: dict[str, list[float]] = {"right20": [], "right35": []}
    for shot in shots:
        for name, percent in (("right20", 20.0), ("right35", 35.0)):
            wrapped, folds = photograph(exposed(shot["light"], percent))
            right[name].append(float((solve(wrapped) == folds).float().mean()))
    means = {name: sum(values) / len(values) for name, values in right.items()}
    return dict(score=-sum(means.values()) / 2, **means)
