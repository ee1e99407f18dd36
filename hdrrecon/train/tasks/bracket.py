"""What the exposure network learns: stacks that look right, and that give the right light and response when merged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hdrrecon.camera.bracket import BINS, merge, sampled, solve_response
from hdrrecon.camera.masks import over_mask
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.sensors.exposure_net import MOST_EV, ExposureNet, ExposureNetConfig

EXPOSURES = 4  # of a training stack
LIGHT_WEIGHT, RESPONSE_WEIGHT = 0.02, 0.005  # of merged light and of the response, in log units, beside codes
SOLVED_FROM = 256  # pixels
_TRUSTED = slice(16, 240)  # codes at which a solved response is judged
_VALIDATED_EVS = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)


@dataclass
class BracketTask:
    """Photos with their reconstruction (`train.data.reconstructed`); true exposures from the truth and the true
    curve."""

    config: ExposureNetConfig = field(default_factory=ExposureNetConfig)
    name: str = "exposure-net"
    score: str = "score"

    def network(self) -> nn.Module:
        return ExposureNet(self.config)

    def metadata(self) -> dict[str, Any]:
        return {"network": "exposure_net:ExposureNet", "config": asdict(self.config)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        total, parts = 0.0, {"codes": 0.0, "before": 0.0, "light": 0.0, "response": 0.0}
        count = len(batch["code"])
        for i in range(count):
            evs = random_evs(EXPOSURES)
            stack, shown, true = stacks(net, {name: x[i : i + 1] for name, x in batch.items()}, evs)
            light, response = merge_errors(stack, evs, batch["truth"][i], batch["inverse"][i])
            codes = (stack - true).abs().mean()
            total = total + (codes + LIGHT_WEIGHT * light + RESPONSE_WEIGHT * response) / count
            found = {"codes": codes, "before": (shown - true).abs().mean(), "light": light, "response": response}
            parts = {name: parts[name] + float(found[name].detach()) / count for name in parts}
        return total, parts

    @torch.inference_mode()
    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        rows: dict[str, list[float]] = {"psnr": [], "before": []}
        for shot in shots:
            stack, shown, true = stacks(net, shot, torch.tensor(_VALIDATED_EVS))
            for name, answer in (("psnr", stack), ("before", shown)):
                errors = (answer - true).square().mean((1, 2, 3)).clamp(min=1e-7)
                rows[name] += (-10 * errors.log10()).tolist()
        means = {name: sum(values) / len(values) for name, values in rows.items()}
        return {"score": -means["psnr"], **means}


def random_evs(count: int) -> Tensor:
    """Random exposures (count,) in stops, spread over the whole range."""
    places = (torch.arange(count) + torch.rand(count)) / count
    return (2 * places - 1) * MOST_EV


def stacks(net: nn.Module, photo: dict[str, Tensor], evs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The network's, the re-photographed and the true stack, (J, 3, H, W) each, of one photo (1, 3, H, W)."""
    estimated, inverse = (ResponseCurve(photo[name][0].double().numpy()) for name in ("estimated", "inverse"))
    shown, true = (
        torch.cat([curve.expose((light * 2.0 ** float(ev)).clamp(0, 1)) for ev in evs])
        for curve, light in ((estimated, photo["light"]), (inverse, photo["truth"]))
    )
    many = [photo[name].expand(len(evs), -1, -1, -1) for name in ("code", "light")]
    return net(many[0], shown, over_mask(many[0]), many[1], evs).float(), shown, true


def merge_errors(stack: Tensor, evs: Tensor, truth: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """Mean absolute errors, in log units, of the light merged from a stack, and of the response solved from it.

    Args:
        stack: (J, 3, H, W) code values; evs: (J,) stops; truth: (3, H, W) light; inverse: (3, 1024) the true inverse.
    """
    with torch.autocast(stack.device.type, enabled=False):
        log_times = evs.double() * np.log(2)
        solved = solve_response(sampled(stack, SOLVED_FROM), log_times)
        true = torch.nn.functional.interpolate(inverse[None].double(), BINS, mode="linear", align_corners=True)[0]
        true = true.clamp(min=1e-6).log()
        response = (solved - (true - true[:, BINS // 2, None]))[:, _TRUSTED].abs().mean()
        merged = merge(stack, solved, log_times).clamp(min=1e-5).log()
        difference = merged - truth.clamp(min=1e-3).log()
        light = (difference - difference.detach().flatten(1).median(1).values[:, None, None]).abs().mean()
    return light.float(), response.float()
