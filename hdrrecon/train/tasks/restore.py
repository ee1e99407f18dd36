"""What stage 2 learns: the light of clipped and crushed pixels, as a distribution.

Stage 1 makes mistakes, and stage 2 has to live with them: most photos are linearised by `linearizer` or with a curve
between the true one and another photo's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.camera.response import interpolate_uniform
from hdrrecon.color import luminance
from hdrrecon.metrics.quick import alignment_gain, mean_of, protocol_scores
from hdrrecon.networks.linearize.response_net import ResponseNet
from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig
from hdrrecon.networks.restore.restored_light import RestoredLight
from hdrrecon.train import losses
from hdrrecon.train.data.pairs import counted_in
from hdrrecon.train.data.response_errors import ResponseErrors

# Stage 1 is wrong about most photos a little, about some a lot; stage 2 must know both, and photos that are right.
ESTIMATED_SHARE = 0.7  # of the photos are linearised as stage 1 does it
BENT_SHARE = 0.15  # of them with a curve between the true one and another photo's
BENT_SHARE_ALONE = 0.4  # the same where there is no stage 1 to learn from
MOST_BENT = 0.6  # of the way to that other curve


@dataclass(frozen=True)
class RestoreWeights:
    """Weights of the terms of the loss."""

    clipped: float = 1.0  # RMS error in stops of luminance, where the photo clipped
    channels: float = 0.5  # mean absolute error in stops of each clipped channel
    display: float = 0.2  # error as a display of 4000 cd/m2 shows it, in tens of decibels
    interval: float = 0.2  # pinball loss of the 80 % interval
    sums: float = 0.3  # error in stops of the light of blocks, of the energy answer
    shadow: float = 0.1  # error in stops of crushed pixels
    hue: float = 0.5  # of lost pixels
    colour: float = 0.1  # distance in u'v' of lost pixels, in hundredths
    tint: float = 0.1  # stops between channels, where all three clipped


@dataclass
class RestoreTask:
    """Stage 2 on whole-camera simulation.

    Args:
        config: of the network.
        linearizer: a stage 1 whose mistakes it should learn to live with.
        errors: its mistakes, measured once (`train.data.response_errors`); then no photo is counted.
        weights: of the loss.
        working_px: at one of these the U-Net sees a batch, so that it knows things of any size.
    """

    config: MaskedFeaturesConfig = field(default_factory=MaskedFeaturesConfig)
    linearizer: ResponseNet | None = None
    errors: ResponseErrors | None = None
    weights: RestoreWeights = RestoreWeights()
    name: str = "masked-features"
    score: str = "score"
    working_px: tuple[int, ...] = (128, 160, 192, 224, 256)

    def network(self) -> nn.Module:
        return MaskedFeatures(self.config).to(memory_format=torch.channels_last)

    def metadata(self) -> dict[str, Any]:
        return {"network": "masked_features:MaskedFeatures", "config": asdict(self.config)}

    def linearized(self, batch: dict[str, Tensor]) -> Tensor:
        """(N, 3, H, W), photo by photo with the true curve, one between it and another photo's, or the estimator's."""
        curves = batch["inverse"].clone()
        kind, share = torch.rand(2, len(curves), 1, 1, device=curves.device)
        other, share = curves.mean(1, keepdim=True).roll(1, 0), share * MOST_BENT
        between = share * other + (1 - share) * curves
        alone = self.linearizer is None and self.errors is None
        curves = torch.where(kind < (BENT_SHARE_ALONE if alone else BENT_SHARE), between, curves)
        estimated = kind[:, 0, 0] > 1 - ESTIMATED_SHARE
        if self.errors is not None:
            answers = self.errors.added(batch["inverse"], batch["family"])
            curves = torch.where(estimated[:, None, None], answers, curves)
        elif self.linearizer is not None and estimated.any():
            # Counting costs as much as the network: only where it is used.
            counted = counted_in(batch, estimated)
            with (
                torch.no_grad(),
                torch.autocast(counted.device.type, enabled=False),
            ):  # in bf16 a curve has steps one can see
                curves[estimated] = self.linearizer(counted)["inverse"][:, None].expand_as(curves[estimated])
        return interpolate_uniform(curves, batch["code"])

    def loss(self, net: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        code = batch["code"].contiguous(memory_format=torch.channels_last)
        linear = self.linearized(batch)
        seen = self.working_px[int(torch.randint(len(self.working_px), ()))]
        return self.light_loss(net(code, linear, seen), linear, batch)

    def light_loss(
        self, light: RestoredLight, linear: Tensor, batch: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, float]]:
        """How wrong an answer to `linear` (N, 3, H, W) is, and the parts of that.

        Pixels may be photos, or rows of pixels of which those that were not lost are well exposed; of these `batch` has
        the `gain` (N, 1, 1, 1) too, which brings `linear` to the scale of the truth.
        """
        code, truth, weights = batch["code"], batch["truth"], self.weights
        over, under = over_mask(code), under_mask(code)
        # What stage 1 got wrong in the light below clipping is not stage 2's to mend: judge it in its own scale.
        gain = batch["gain"] if "gain" in batch else alignment_gain(linear, truth, code)

        def lit(stops):
            return gain * (linear * torch.exp2(over * stops) + under * light.shadow)

        median, energy = lit(light.median), lit(light.energy)
        clipped = losses.clipped_rms_stops(median, truth).mean()
        channels = losses.masked_log_l1(median, truth, over).mean()
        display = losses.display_error(median, truth).mean()
        missing = (luminance(truth, 1).clamp(min=1e-4) / luminance(median.detach(), 1).clamp(min=1e-4)).log2()[:, None]
        interval = losses.interval_pinball(missing, light.below, light.above, over.amax(1, keepdim=True)).mean()
        sums = losses.energy_stops(energy, truth).mean()
        shadow = losses.shadow_stops(median, truth, under).mean()
        lost = over.amax(1, keepdim=True)
        hue = losses.hue_error(median, truth, lost).mean()
        colour = 100 * losses.uv_error(median, truth, lost).mean()
        tint = losses.tint_stops(median, truth, over.amin(1, keepdim=True))
        terms = {
            "clipped": clipped,
            "channels": channels,
            "display": display,
            "interval": interval,
            "sums": sums,
            "shadow": shadow,
            "hue": hue,
            "colour": colour,
            "tint": tint,
        }
        total = sum((weight * terms[name] for name, weight in asdict(weights).items()), code.new_zeros(()))
        figures = {name: float(term.detach()) for name, term in terms.items()}
        return total, {"psnr": -10 * figures.pop("display"), **figures}

    @torch.inference_mode()
    def validate(self, net: nn.Module, shots: list[dict[str, Tensor]]) -> dict[str, float]:
        rows = []
        for shot in shots:
            code, truth = shot["code"], shot["truth"]
            linear = linearized_shot(shot, self.linearizer)
            light = net(code, linear)
            over, dark = over_mask(code), under_mask(code) * light.shadow
            gain = alignment_gain(linear, truth, code)
            median, energy = (linear * torch.exp2(over * stops) + dark for stops in (light.median, light.energy))
            ratio = luminance(truth, 1) / luminance(gain * median, 1).clamp(min=1e-4)
            missing = ratio.clamp(min=1e-4).log2()[:, None]
            clipped = truth.amax(1, keepdim=True) >= 1
            inside = ((missing <= light.above) & (missing >= -light.below))[clipped].float().mean()
            rows.append(
                dict(
                    **protocol_scores(median, truth, code),
                    inside=float(inside),
                    energy=float(losses.energy_stops(gain * energy, truth, blocks=1)),
                    uv=1000 * float(losses.uv_error(gain * median, truth, clipped.float())),
                )
            )

        figures = {k: mean_of(rows, k) for k in ("clipped", "bias", "psnr", "energy", "inside", "uv")}
        score = figures["clipped"] - 0.05 * figures["psnr"] + 0.02 * figures["uv"] + 0.2 * figures["energy"]
        return dict(score=score, **figures)


def seeing(task: Any, working_px: int) -> Any:
    """A `RestoreTask` or `RefineTask` at another working size: its network sees batches at half of it to all of it,
    for things in photos have any size."""
    sizes = tuple(working_px * eighths // 8 for eighths in range(4, 9))
    return replace(task, config=replace(task.config, working_px=working_px), working_px=sizes)


def linearized_shot(shot: dict[str, Tensor], linearizer: ResponseNet | None) -> Tensor:
    """Linear light (1, 3, H, W) of a validation shot, as `linearizer` estimates it; without one, with the true
    curve."""
    code = shot["code"]
    curve = shot["inverse"] if linearizer is None else linearizer.estimate(code)["inverse"].view(1, 1, -1)
    return interpolate_uniform(curve, code)


def widened(state: dict[str, Tensor], net: MaskedFeatures) -> dict[str, Tensor]:
    """Weights for `net` that answer as `state` of a narrower head, or one without colour hints or classifier, does:
    what is new in the head begins at 0.

    Raises:
        ValueError: if `state` is of another network.
    """
    out = net.state_dict()
    missing = [k for k in out if k not in state and not k.startswith(("context.classifier.", "context.join."))]
    if unlike := missing + [k for k in state if k not in out]:
        raise ValueError(
            f"these weights are of another network, which differs in {unlike[0]} and {len(unlike) - 1} more; give "
            "weights of the network that is trained"
        )
    for name, old in state.items():
        new = out[name]
        if old.shape != new.shape:
            if not name.startswith("head.") or any(a > b for a, b in zip(old.shape, new.shape)):
                raise ValueError(
                    f"{name} has shape {tuple(old.shape)}, the network {tuple(new.shape)}: only a head can grow"
                )
            # The first rows of a hidden layer see old inputs alone; the last layer sees old rows alone.
            rows = slice(None) if name == "head.4.weight" else slice(old.shape[0])
            if new.ndim > 1:
                new[rows] = 0
        new[tuple(slice(n) for n in old.shape)] = old
    return out
