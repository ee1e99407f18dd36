"""What CRF-net learns, in the two published phases.

1. `ClassifyCurveTask`: which of the training curves made a patch;
2. `RegressCurveTask`: the 11 EMoR weights, from the body of phase 1 and a new head (`regression_start`).

Both have the interface of `train.tasks.linearize`. Phase 1 wants photos taken with the very training curves: give the
loop `ClassCurves` in the place of a `CurveSampler`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.response import CODES, SAMPLES, ResponseCurve, interpolate_uniform
from hdrrecon.color import srgb_to_linear
from hdrrecon.metrics.quick import protocol_scores
from hdrrecon.networks.linearize.crf_net import CrfConfig, CrfNet
from hdrrecon.train import losses
from hdrrecon.train.data.curves import MeasuredCurves


class ClassCurves:
    """The training curves themselves, one per class: cameras (mean of the channels), sRGB, DoRF; `table` (N, 1024)."""

    def __init__(self, measured: MeasuredCurves):
        parts = {"camera": measured.camera.mean(1), "srgb": srgb_to_linear(CODES)[None], "dorf": measured.dorf}
        self.parts = {name: parts[name] for name in FAMILIES}
        self.table = np.concatenate(list(self.parts.values()))

    def sample(self, family: str, rng: np.random.Generator) -> ResponseCurve:
        """A random training curve of this family (the interface of `train.data.curves.CurveSampler`)."""
        return ResponseCurve(self.parts[family][rng.integers(len(self.parts[family]))], family)


def random_patch(code: Tensor, side: int) -> Tensor:
    """A random square of photos (N, 3, H, W), turned and mirrored at random: a response is the same in every
    direction."""
    top, left, turn, flip = (
        int(torch.randint(n, ())) for n in (code.shape[-2] - side + 1, code.shape[-1] - side + 1, 4, 2)
    )
    patch = code[..., top : top + side, left : left + side].rot90(turn, (-2, -1))
    return (patch.flip(-1) if flip else patch).contiguous(memory_format=torch.channels_last)


@dataclass
class ClassifyCurveTask:
    """Phase 1: a patch -> the training curve behind it. `table`: (N, 1024) inverse curves of the classes."""

    table: np.ndarray
    config: CrfConfig = field(default_factory=CrfConfig)
    name: str = "crf-net-classify"
    score: str = "cross_entropy"

    def network(self) -> nn.Module:
        return CrfNet(replace(self.config, outputs=len(self.table))).to(memory_format=torch.channels_last)

    def metadata(self) -> dict[str, Any]:
        return {"network": "crf_net:CrfNet", "config": asdict(replace(self.config, outputs=len(self.table)))}

    def classes(self, inverse: Tensor) -> Tensor:
        """The nearest training curve of each photo, (N,), from its inverse response (N, C, 1024)."""
        table = torch.as_tensor(self.table, dtype=inverse.dtype, device=inverse.device)
        return torch.cdist(inverse.mean(1), table).argmin(1)

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        scores, wanted = net(random_patch(batch["code"], self.config.patch_px)), self.classes(batch["inverse"])
        entropy = nn.functional.cross_entropy(scores, wanted)
        return entropy, {"right": float((scores.argmax(1) == wanted).float().mean())}

    @torch.inference_mode()
    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        side = self.config.patch_px
        entropy, right = [], []
        for shot in shots:
            scores, wanted = net(shot["code"][..., :side, :side]), self.classes(shot["inverse"])
            entropy.append(float(nn.functional.cross_entropy(scores, wanted)))
            right.append(float(scores.argmax(1) == wanted))
        return {"cross_entropy": float(np.mean(entropy)), "right": float(np.mean(right))}


def regression_start(classifier: dict[str, Tensor], config: CrfConfig = CrfConfig()) -> dict[str, Tensor]:
    """State to begin phase 2 with: the body of phase 1, and the untrained head of `config`."""
    fresh = CrfNet(config).state_dict()
    return {k: fresh[k] if k.startswith("head.") else v for k, v in classifier.items()}


@dataclass
class RegressCurveTask:
    """Phase 2: a patch -> EMoR weights; the loss is the RMSE of the forward curve they stand for."""

    config: CrfConfig = field(default_factory=CrfConfig)
    name: str = "crf-net"
    score: str = "rmse"

    def network(self) -> nn.Module:
        return CrfNet(self.config).to(memory_format=torch.channels_last)

    def metadata(self) -> dict[str, Any]:
        return {"network": "crf_net:CrfNet", "config": asdict(self.config)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        weights = net(random_patch(batch["code"], self.config.patch_px))
        wanted = (forward_curves(batch["inverse"]) - net.mean) @ net.vectors.T
        # Orthonormal vectors of 1024 samples: distances of weights are 32 times the RMSE of curves.
        curve = losses.root_mean_square(weights - wanted, -1).mean() * (weights.shape[1] / SAMPLES) ** 0.5
        return curve, {"curve": float(curve.detach())}

    @torch.inference_mode()
    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        rows = []
        for shot in shots:
            inverse = net.estimate(shot["code"])["inverse"]
            linear = interpolate_uniform(inverse.view(1, 1, -1), shot["code"])
            rows.append(
                dict(
                    rmse=float((inverse - shot["inverse"][0].mean(0)).square().mean().sqrt()),
                    family=int(shot["family"][0]),
                    **protocol_scores(linear, shot["truth"], shot["code"]),
                )
            )

        def mean(key, chosen):
            return float(np.mean([r[key] for r in chosen])) if chosen else float("nan")

        of = {f"rmse_{name}": mean("rmse", [r for r in rows if r["family"] == i]) for i, name in enumerate(FAMILIES)}
        return dict(rmse=mean("rmse", rows), **of, well=mean("well", rows), psnr=mean("psnr", rows))


def forward_curves(inverse: Tensor) -> Tensor:
    """Inverse responses (N, C, 1024) -> forward curves of their channels' mean, (N, 1024)."""
    means = inverse.mean(1).double().cpu().numpy()
    curves = np.stack([ResponseCurve(np.maximum.accumulate(g.clip(0, 1))).expose(CODES) for g in means])
    return torch.as_tensor(curves, dtype=inverse.dtype, device=inverse.device)
