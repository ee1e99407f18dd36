"""Plate and decoder together: light in, light out, the sensor between (`sensors.deep_optics`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hdrrecon.metrics import highlights
from hdrrecon.metrics.pu21 import UNIT_PEAK, display_nits, pu21_encode
from hdrrecon.sensors.deep_optics import DARKEST, DeepOptics, DeepOpticsConfig
from hdrrecon.train.tasks.modulo import exposed

CLIPPED_PERCENT = (1.0, 10.0)  # of the pixels of a training view, without any plate
VALIDATED_PERCENT = 5.0
UNCLIPPED_WEIGHT = 4.0  # what is clear must stay clear: a photo is mostly that


@dataclass
class OpticsTask:
    """Views of scenes, exposed so that some pixels clip."""

    config: DeepOpticsConfig = field(default_factory=DeepOpticsConfig)
    name: str = "deep-optics"
    score: str = "score"

    def network(self) -> DeepOptics:
        return DeepOptics(self.config)

    def metadata(self) -> dict[str, Any]:
        return {"network": "deep_optics:DeepOptics", "config": asdict(self.config)}

    def loss(self, net: DeepOptics, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        shares = torch.empty(len(batch["light"])).uniform_(*CLIPPED_PERCENT).tolist()
        light = torch.cat([exposed(one[None], share) for one, share in zip(batch["light"], shares)])
        with torch.autocast(light.device.type, enabled=False):  # a PSF in bfloat16 would have no streaks
            seen, found = net(light)
        off = (found.clamp(min=DARKEST).log2() - light.clamp(min=DARKEST).log2()).abs()
        clipped = (light >= 1).float()
        lost = (off * clipped).sum() / clipped.sum().clamp(min=1)
        clear = (off * (1 - clipped)).sum() / (1 - clipped).sum().clamp(min=1)
        figures = {"clipped": float(lost.detach()), "clear": float(clear.detach())}
        return lost + UNCLIPPED_WEIGHT * clear, {**figures, "seen_clipped": float((seen >= 1).float().mean())}

    @torch.no_grad()
    def validate(self, net: DeepOptics, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        """As the table of `evaluation.sensors optics`: means over views of which 5 % clip without a plate."""
        rows = []
        for number, shot in enumerate(shots):
            light = exposed(shot["light"], VALIDATED_PERCENT)
            _, found = net(light, torch.Generator().manual_seed(number))
            rows.append(figures_of(*(x[0].permute(1, 2, 0).cpu().numpy() for x in (found, light))))
        means = {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}
        return dict(score=means["clipped"] + means["energy"] - means["unclipped"] / 10, **means)


def figures_of(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Clipped pixels' error in stops, |error of their light energy| in stops, PU21-PSNR of the others in dB."""
    clipped = truth.max(2) >= 1
    shown, true = (pu21_encode(display_nits(x))[~clipped] for x in (found, truth))
    return {
        "clipped": highlights.log_rmse(highlights.stops_map(found, truth), clipped),
        "energy": abs(highlights.light_energy(found, truth, clipped)),
        "unclipped": float(-10 * np.log10(np.square((shown - true) / UNIT_PEAK).mean())),
    }
