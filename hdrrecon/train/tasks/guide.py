"""What the guide's network learns: to put right, within the pixels of a guide, what the classical fusion gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hdrrecon.camera.masks import over_mask
from hdrrecon.metrics.quick import alignment_gain
from hdrrecon.networks.sensors.guide_net import GuideNet, GuideNetConfig
from hdrrecon.sensors.guide import Guided, guided
from hdrrecon.sensors.guide_cameras import EventCamera, GuideCamera, SmallCamera, SpikeCamera, take_guide
from hdrrecon.sensors.guide_fit import moved_by
from hdrrecon.train import losses

MOST_SHIFT_PX = 2.0
ABSENT_SHARE = 0.15  # of the training photos: they have no guide
FACTORS = (2, 3, 4, 4, 4, 6, 8)


@dataclass
class GuideTask:
    """Photos with their reconstruction (`train.data.reconstructed`), guides simulated from the truth."""

    config: GuideNetConfig = field(default_factory=GuideNetConfig)
    name: str = "guide-net"
    score: str = "score"

    def network(self) -> nn.Module:
        return GuideNet(self.config)

    def metadata(self) -> dict[str, Any]:
        return {"network": "guide_net:GuideNet", "config": asdict(self.config)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        cases = [self._case(_one(batch, i)) for i in range(len(batch["code"]))]
        seen = Guided(*(torch.cat(parts) for parts in zip(*cases, strict=True)))
        lost, truth = over_mask(batch["code"]), batch["truth"]
        before = seen.light(batch["light"], batch["linear"], lost)
        correction = net(batch["light"], before, lost, seen.guide, seen.present, batch["code"]).float()
        gain = alignment(batch)
        after = before * torch.exp2(lost * correction)
        parts = {
            "clipped": losses.clipped_rms_stops(gain * after, truth).mean(),
            "channels": losses.masked_log_l1(gain * after, truth, lost).mean(),
        }
        figures = {k: float(v.detach()) for k, v in parts.items()}
        figures["before"] = float(losses.clipped_rms_stops(gain * before, truth).mean())
        return parts["clipped"] + 0.5 * parts["channels"], figures

    @torch.inference_mode()
    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        rows: dict[str, list[float]] = {"clipped": [], "before": [], "without": [], "alone": []}
        for number, shot in enumerate(shots):
            random = torch.Generator().manual_seed(number)
            camera = (SpikeCamera(), EventCamera(), SmallCamera())[number % 3]
            lost, gain, truth = over_mask(shot["code"]), alignment(shot), shot["truth"]
            for name, guide in (("clipped", take_guide(truth, camera, random)), ("without", None)):
                seen = guided(shot["light"], lost, guide)
                before = seen.light(shot["light"], shot["linear"], lost)
                correction = net(shot["light"], before, lost, seen.guide, seen.present, shot["code"])
                out = before * torch.exp2(lost * correction)
                rows[name].append(float(losses.clipped_rms_stops(gain * out, truth)))
                rows["before" if guide is not None else "alone"].append(
                    float(losses.clipped_rms_stops(gain * before, truth))
                )
        means = {name: sum(values) / len(values) for name, values in rows.items()}
        return dict(score=means["clipped"], **means)

    def _case(self, photo: dict[str, Tensor]) -> Guided:
        """A random guide of one photo (1, 3, H, W), or none."""
        lost, guide = over_mask(photo["code"]), None
        if torch.rand(()) > ABSENT_SHARE:
            factor = FACTORS[int(torch.randint(len(FACTORS), ()))]
            shift = (torch.rand(2) * 2 - 1) * MOST_SHIFT_PX * float(torch.rand(()) < 0.5)
            guide = take_guide(moved_by(photo["truth"], shift), _random_camera(factor))
        # In full precision: log light in bfloat16 would be off by a tenth of a stop.
        with torch.no_grad(), torch.autocast(lost.device.type, enabled=False):
            return guided(photo["light"], lost, guide)


def alignment(batch: dict[str, Tensor]) -> Tensor:
    """Gain (N, 1, 1, 1) that brings the photo's well-exposed light to the truth: response errors are not the guide's to
    mend."""
    return alignment_gain(batch["linear"], batch["truth"], batch["code"])


def _random_camera(factor: int) -> GuideCamera:
    kind = int(torch.randint(3, ()))
    if kind == 0:
        return SpikeCamera(factor, spikes_at_clip=float(2 ** (3 + 3 * torch.rand(()))))
    if kind == 1:
        return EventCamera(
            factor, threshold_stops=float(0.15 + 0.2 * torch.rand(())), drift_stops=float(0.15 * torch.rand(()))
        )
    return SmallCamera(
        factor, darker_stops=float(3 + 7 * torch.rand(())), read_noise=float(10 ** (-5 + 2 * torch.rand(())))
    )


def _one(batch: dict[str, Tensor], i: int) -> dict[str, Tensor]:
    return {name: value[i : i + 1] for name, value in batch.items()}
