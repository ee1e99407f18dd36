"""The first of stage 2's two steps: painting holes in ordinary photos (Santos et al. 2020, section 4.4).

What is behind a hole of an ordinary photo is known, and there are many such photos; so the network learns here how
things go on behind an edge, before the few HDR scenes teach it how bright they are.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hdrrecon.color import srgb_to_linear
from hdrrecon.networks.restore.features import Seen
from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig
from hdrrecon.networks.working_resolution import enlarge_rows
from hdrrecon.train.data.holes import InpaintingLoss, PhotoStream
from hdrrecon.train.data.pairs import collate
from hdrrecon.train.imagenet import load_imagenet
from hdrrecon.train.tasks.restore import widened


class Painter(nn.Module):
    """`MaskedFeatures` with another head: colours instead of stops."""

    def __init__(self, config: MaskedFeaturesConfig):
        super().__init__()
        self.stage = MaskedFeatures(config)
        self.paint = nn.Conv2d(config.features, 3, 1)

    def forward(self, code: Tensor) -> Tensor:
        """code (N, 3, H, W) with its holes painted 1 -> colours (N, 3, H, W)."""
        deep = self.stage.seen_by_unet(Seen.at(code, srgb_to_linear(code), max(code.shape[-2:])))
        return self.paint(enlarge_rows(deep, slice(0, code.shape[-2]), code.shape[-2:]))


@dataclass
class InpaintTask:
    """Photos with holes; `loss` is the paper's sum of valid, hole, perceptual, style and total-variation terms."""

    criterion: InpaintingLoss
    config: MaskedFeaturesConfig = field(default_factory=MaskedFeaturesConfig)
    name: str = "inpainting"
    score: str = "hole"

    def network(self) -> nn.Module:
        return Painter(self.config).to(memory_format=torch.channels_last)

    def metadata(self) -> dict[str, Any]:
        return {"task": "inpainting", "config": asdict(self.config)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        painted = net(self.holed(batch))
        total, parts = self.criterion(painted.float(), batch["code"], batch["hole"])
        return total, parts

    @staticmethod
    def holed(batch: dict[str, Tensor]) -> Tensor:
        """The photos with their holes painted white."""
        return torch.where(batch["hole"] > 0, torch.ones_like(batch["code"]), batch["code"]).contiguous(
            memory_format=torch.channels_last
        )

    @torch.inference_mode()
    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        errors = []
        for shot in shots:
            hole = shot["hole"].expand_as(shot["code"]) > 0
            errors.append(float((net(self.holed(shot)) - shot["code"])[hole].abs().mean()))
        return {"hole": sum(errors) / len(errors)}


def held_out_photos(photos: list, count: int = 24, size: int = 256) -> list[dict[str, Tensor]]:
    """`count` batches of one holed photo from (H, W, 3) uint8 `photos` that are not trained on, the same in every
    run."""
    stream = iter(PhotoStream(photos, size, seed=2026))
    return [collate([next(stream)]) for _ in range(count)]


def painting_start(task) -> dict[str, Tensor]:
    """First weights of an `InpaintTask` or `RestoreTask`: random, but for the classifier's, which come from ImageNet
    (extra `train`)."""
    net = task.network()
    classifier = getattr(net, "stage", net).context.classifier
    if classifier is not None:
        load_imagenet(classifier)
    return net.state_dict()


def restoring_start(first: dict[str, Tensor], task) -> dict[str, Tensor]:
    """First weights of a `RestoreTask`: those of a painter's stage with the untouched head of a new network, or another
    `RestoreTask`'s. One that had no classifier, no colour hints or a narrower head begins with nearly the
    answers it gave."""
    net = task.network()
    painted = {k.removeprefix("stage."): v for k, v in first.items() if k.startswith("stage.")}
    if painted:
        return {k: v if k.startswith("head.") else painted[k] for k, v in net.state_dict().items()}
    if net.context.classifier is not None and not any(k.startswith("context.classifier.") for k in first):
        load_imagenet(net.context.classifier)
        for parameter in net.context.join.parameters():
            nn.init.zeros_(parameter)
    return widened(first, net)
