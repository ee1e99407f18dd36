"""What DKPN learns: to mend a preliminary result, its own (standing alone) or that of stages 1 and 2 (as stage 3).

Kernels are judged by the light they give: error in stops where the photo clipped, per channel, as displays show it, its
edges and its hue. No term asks that clipping the result gives the photo again: well-exposed light cannot change, by
construction.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.metrics.quick import alignment_gain, mean_of, protocol_scores
from hdrrecon.networks.linearize.response_net import ResponseNet
from hdrrecon.networks.refine.kernel_prediction import DKPN, DKPNConfig, corrected
from hdrrecon.networks.restore.restored_light import RestoredLight
from hdrrecon.train import losses
from hdrrecon.train.tasks.restore import RestoreTask, linearized_shot


@dataclass
class RefineTask:
    """Stage 3 on whole-camera simulation.

    Args:
        config: of the network; `alone` as there is a restorer or not.
        linearizer: stage 1, as it is; None linearises with curves near the true one.
        restorer: stage 2, as it is. None trains DKPN standing alone.
        working_px: at one of these DKPN sees a batch, stage 2 as much larger as it does in use; `config.working_px`
            should be among them: at other sizes things look larger or smaller than they ever did.
    """

    config: DKPNConfig = field(default_factory=DKPNConfig)
    linearizer: ResponseNet | None = None
    restorer: nn.Module | None = None
    name: str = "dkpn"
    score: str = "score"
    working_px: tuple[int, ...] = (128, 160, 192, 224, 256)

    def __post_init__(self):
        if self.config.alone != (self.restorer is None):
            raise ValueError(
                f"DKPNConfig.alone is {self.config.alone}, but {'no' if self.restorer is None else 'a'} restorer "
                f"was given; "
                "a stage refines a restorer's light, a DKPN that stands alone its own"
            )
        self.stages_before = RestoreTask(linearizer=self.linearizer)

    def network(self) -> nn.Module:
        return DKPN(self.config).to(memory_format=torch.channels_last)

    def metadata(self) -> dict[str, Any]:
        return {"network": "kernel_prediction:DKPN", "config": asdict(self.config)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        code, truth = batch["code"].contiguous(memory_format=torch.channels_last), batch["truth"]
        linear = self.stages_before.linearized(batch)
        seen = self.working_px[int(torch.randint(len(self.working_px), ()))]
        before = self.before(net, code, linear, seen)
        # Not held above `linear` as in use: a pixel that fell below it would have no gradient to get out.
        after = corrected(code, before, net.correction(code, linear, before, seen))
        # What stage 1 got wrong in the light below clipping is not this stage's to mend: judge it in its own scale.
        gain = alignment_gain(linear, truth, code)
        total, parts = light_loss(gain * after, truth, code)
        first, first_parts = light_loss(gain * before, truth, code)
        if self.restorer is None:
            total = total + 0.3 * first
        return total, {**parts, "before": first_parts["clipped"]}

    def before(self, net: nn.Module, code: Tensor, linear: Tensor, working_px: int | None = None) -> Tensor:
        """The preliminary result, (N, 3, H, W), where DKPN works at `working_px`."""
        if self.restorer is None:
            return net.preliminary(code, linear)
        if working_px:
            working_px = in_proportion(working_px, self.restorer.config, self.config)
        with torch.no_grad():
            return preliminary(self.restorer, code, linear, working_px)

    @torch.inference_mode()
    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        rows = []
        for shot in shots:
            code, truth = shot["code"], shot["truth"]
            linear = linearized_shot(shot, self.linearizer)
            before = self.before(net, code, linear)
            after = torch.maximum(corrected(code, before, net.correction(code, linear, before)), linear)
            first = protocol_scores(torch.maximum(before, linear), truth, code)
            rows.append(dict(**protocol_scores(after, truth, code), before=first["clipped"], before_psnr=first["psnr"]))

        figures = {k: mean_of(rows, k) for k in ("clipped", "bias", "psnr", "before", "before_psnr")}
        return dict(score=figures["clipped"] - 0.05 * figures["psnr"], **figures)


def in_proportion(working_px: int, restoring: Any, refining: DKPNConfig) -> int:
    """Size at which stage 2 sees a photo that stage 3 sees at `working_px`, so that it is as much larger as in use."""
    return working_px * restoring.working_px // refining.working_px


def preliminary(restorer: nn.Module, code: Tensor, linear: Tensor, working_px: int | None = None) -> Tensor:
    """What a restoring network makes of photos (N, 3, H, W), as `HDRPipeline` would: radiance (N, 3, H, W)."""
    return restored(restorer(code, linear, working_px), code, linear)


def restored(light: RestoredLight, code: Tensor, linear: Tensor) -> Tensor:
    """Radiance (N, 3, H, W) of what a restorer's `forward` returned: its median answer."""
    return linear * torch.exp2(over_mask(code) * light.median) + under_mask(code) * light.shadow


def light_loss(radiance: Tensor, truth: Tensor, code: Tensor) -> tuple[Tensor, dict[str, float]]:
    """How wrong reconstructed light is, over a batch (N, 3, H, W), and the parts of that."""
    over, under = over_mask(code), under_mask(code)
    lost = torch.maximum(over, under)
    parts = {
        "clipped": losses.clipped_rms_stops(radiance, truth),
        "channels": losses.masked_log_l1(radiance, truth, over),
        "display": losses.display_error(radiance, truth),
        "shadow": losses.shadow_stops(radiance, truth, under),
        "edges": edge_stops(radiance, truth, lost),
        "hue": losses.hue_error(radiance, truth, lost.amax(1, keepdim=True)),
    }
    weights = {"clipped": 1.0, "channels": 0.5, "display": 0.3, "shadow": 0.1, "edges": 0.05, "hue": 0.2}
    total = sum(weight * parts[name].mean() for name, weight in weights.items())
    figures = {k: float(v.detach().mean()) for k, v in parts.items()}
    figures["psnr"] = -10 * figures.pop("display")
    return total, figures


def edge_stops(prediction: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Mean |difference| of steps in stops between neighbours, down and right, weighted by `mask` (N, 3, H, W), (N,)."""
    d = (prediction.clamp(min=losses.FLOOR) / truth.clamp(min=losses.FLOOR)).log2()
    total = sum(
        (weight * step.abs()).sum((1, 2, 3))
        for weight, step in (
            (mask[..., 1:, :], d[..., 1:, :] - d[..., :-1, :]),
            (mask[..., 1:], d[..., 1:] - d[..., :-1]),
        )
    )
    return total / (2 * mask.sum((1, 2, 3))).clamp(min=1)
