"""What each stage learns: its network, its loss on a batch, its figures on the validation shots.

A task is all the loop knows of a stage: `name`, `score` (the figure to minimise), `network()`, `metadata()` for the
weights file, `loss(net, batch) -> (total, parts)`, `validate(net, shots) -> figures`. Batches are dictionaries from
`train.data.pairs.collate`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hdrrecon.camera.masks import OVER_CODE, UNDER_CODE
from hdrrecon.camera.response import interpolate_uniform
from hdrrecon.metrics.quick import protocol_scores
from hdrrecon.networks.linearize.linearization_net import LinearizationConfig, LinearizationNet, code_statistics
from hdrrecon.train import losses


@dataclass
class LinearizeTask:
    """Stage 1: crops and global statistics of a photo -> inverse response."""

    config: LinearizationConfig = field(default_factory=LinearizationConfig)
    name: str = "linearization-net"
    score: str = "score"

    def network(self) -> nn.Module:
        return LinearizationNet(self.config)

    def metadata(self) -> dict[str, Any]:
        return {"network": "linearization_net:LinearizationNet", "config": asdict(self.config)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        code, side = batch["code"], self.config.crop_px
        top, left = (int(torch.randint(code.shape[-1] - side + 1, ())) for _ in range(2))
        out = net(code[..., top : top + side, left : left + side], code_statistics(code))
        truth = batch["inverse"].mean(1)
        share = well_histogram(code, truth.shape[-1])
        own = out["family_curves"][torch.arange(len(code)), batch["family"]]
        curve = losses.curve_rmse(out["inverse"], truth).mean()
        stops = losses.curve_stops(out["inverse"], truth, share).mean()
        own_curve = losses.curve_rmse(own, truth).mean() + 0.1 * losses.curve_stops(own, truth, share).mean()
        family = nn.functional.cross_entropy(out["family_logits"], batch["family"])
        total = 4 * curve + 0.5 * stops + 2 * own_curve + 0.05 * family
        return total, {"curve": float(curve.detach()), "stops": float(stops.detach()), "family": float(family.detach())}

    @torch.inference_mode()
    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        rows = []
        for shot in shots:
            out = net.estimate(shot["code"])
            rmse = float((out["inverse"] - shot["inverse"][0].mean(0)).square().mean().sqrt())
            linear = interpolate_uniform(out["inverse"].view(1, 1, -1), shot["code"])
            rows.append(
                dict(
                    rmse=rmse,
                    right=float(out["families"].argmax() == shot["family"][0]),
                    family=int(shot["family"][0]),
                    **protocol_scores(linear, shot["truth"], shot["code"]),
                )
            )

        def mean(k, f=None):
            return sum(r[k] for r in rows if f in (None, r["family"])) / max(
                1, sum(f in (None, r["family"]) for r in rows)
            )

        return {
            "score": mean("rmse") + 0.1 * mean("well"),
            "rmse_camera": mean("rmse", 0),
            "rmse_srgb": mean("rmse", 1),
            "rmse_dorf": mean("rmse", 2),
            "well": mean("well"),
            "psnr": mean("psnr"),
            "right": mean("right"),
        }


def well_histogram(code: Tensor, samples: int) -> Tensor:
    """Share of well-exposed channel values at each of `samples` uniform codes, (N, samples), tempered and summing to
    1."""
    share = code.new_zeros(len(code), 256)
    index = (code * 255).round().long().flatten(1)
    share.scatter_add_(1, index, torch.ones_like(index, dtype=code.dtype))
    share = share.sqrt()  # a grey wall must not be all that counts
    share[:, :UNDER_CODE], share[:, OVER_CODE + 1 :] = 0, 0
    share = nn.functional.interpolate(share[:, None], samples, mode="linear")[:, 0] + 1e-9
    return share / share.sum(1, keepdim=True)
