"""All three stages trained end to end on whole-camera simulation, each with its own loss kept.

Without its own loss a stage may turn into something the next one happens to like: a curve that is no curve, a
preliminary result that is none. Stage 1 counts statistics, which have no gradient; what later stages wish reaches its
weights through the curve, hence the linear light, alone.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hdrrecon.camera.response import interpolate_uniform
from hdrrecon.metrics.quick import alignment_gain, mean_of, protocol_scores
from hdrrecon.networks.refine.kernel_prediction import corrected
from hdrrecon.train.data.pairs import counted_in
from hdrrecon.train.tasks.refine import in_proportion, light_loss, preliminary, restored
from hdrrecon.train.tasks.response import Counted, response_loss
from hdrrecon.train.tasks.restore import RestoreTask

STAGES = ("linearize", "restore", "refine")


@dataclass
class JointTask:
    """Stages 1, 2 and 3 as one network.

    Args:
        linearize, restore, refine: the trained stages, for example from `zoo.load_file`; they are copied.
        restoring: stage 2's own task. With a `linearizer` in it stage 1 stays as it is, and light is linearised as that
            task does.
        weights: of the losses of stages 1, 2 and 3.
    """

    linearize: nn.Module
    restore: nn.Module
    refine: nn.Module
    restoring: Any = field(default_factory=RestoreTask)
    weights: tuple[float, float, float] = (1.0, 0.5, 1.0)
    name: str = "joint"
    score: str = "score"
    working_px: tuple[int, ...] = (128, 160, 192, 224, 256)

    def network(self) -> nn.Module:
        stages = nn.ModuleDict({name: trainable(getattr(self, name)) for name in STAGES}).to(
            memory_format=torch.channels_last
        )
        if self.restoring.linearizer is not None:
            stages["linearize"].requires_grad_(False)
        return stages

    def metadata(self) -> dict[str, Any]:
        return {"stages": {name: stage_metadata(getattr(self, name)) for name in STAGES}}

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        code, truth = batch["code"].contiguous(memory_format=torch.channels_last), batch["truth"]
        seen = self.working_px[int(torch.randint(len(self.working_px), ()))]
        linear, first = self.linearized(net["linearize"], batch)
        light = net["restore"](code, linear, in_proportion(seen, net["restore"].config, net["refine"].config))
        second, _ = self.restoring.light_loss(light, linear, batch)
        before = restored(light, code, linear)
        after = corrected(code, before, net["refine"].correction(code, linear, before, seen))
        third, parts = light_loss(alignment_gain(linear, truth, code) * after, truth, code)
        total = sum(weight * loss for weight, loss in zip(self.weights, (first, second, third)))
        return total, dict(curve=float(first.detach()), restored=float(second.detach()), **parts)

    def linearized(self, stage: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Linear light (N, 3, H, W) of a batch, and stage 1's own loss: 0 if it stays as it is."""
        if self.restoring.linearizer is not None:
            return self.restoring.linearized(batch), batch["code"].new_zeros(())
        with torch.autocast(batch["code"].device.type, enabled=False):  # in bf16 a curve has steps one can see
            counted = Counted(counted_in(batch), batch["inverse"].mean(1), batch["family"])
            out = stage(counted.statistics)
            return interpolate_uniform(out["inverse"][:, None], batch["code"]), response_loss(out, counted)

    @torch.inference_mode()
    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        rows = []
        for shot in shots:
            code, truth = shot["code"], shot["truth"]
            inverse = net["linearize"].estimate(code)["inverse"]
            linear = interpolate_uniform(inverse.view(1, 1, -1), code)
            before = preliminary(net["restore"], code, linear)
            after = torch.maximum(corrected(code, before, net["refine"].correction(code, linear, before)), linear)
            rmse = (inverse - shot["inverse"][0].mean(0)).square().mean().sqrt()
            rows.append(
                dict(
                    **protocol_scores(after, truth, code),
                    rmse=float(rmse),
                    before=protocol_scores(before, truth, code)["clipped"],
                )
            )

        figures = {k: mean_of(rows, k) for k in ("clipped", "bias", "psnr", "well", "rmse", "before")}
        return dict(score=figures["clipped"] - 0.05 * figures["psnr"] + 0.5 * figures["well"], **figures)


def trainable(stage: nn.Module) -> nn.Module:
    """A copy that learns what a new network of its kind would learn: a classifier frozen in there stays frozen."""
    fresh = type(stage)(stage.config)
    fresh.load_state_dict(deepcopy(stage.state_dict()))
    return fresh


def stage_metadata(stage: nn.Module) -> dict[str, Any]:
    """What a weights file says so that `zoo.load_file` can rebuild the stage."""
    return {
        "network": f"{type(stage).__module__.rsplit('.', 1)[-1]}:{type(stage).__name__}",
        "config": asdict(stage.config),
    }


def split_stages(joint: Path, out: Path) -> list[Path]:
    """Write the three stages of a joint run's weights to files of their own, `out`/NAME.safetensors."""
    import json

    from safetensors import safe_open

    from hdrrecon.train.loop import save_weights

    with safe_open(joint, "pt") as file:
        facts = {k: json.loads(v) for k, v in file.metadata().items()}
        state = {k: file.get_tensor(k) for k in file.keys()}
    stages, paths = facts.pop("stages"), []
    for name, own in stages.items():
        part = {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}
        paths.append(out / f"{name}.safetensors")
        save_weights(paths[-1], part, {**own, **facts})
    return paths
