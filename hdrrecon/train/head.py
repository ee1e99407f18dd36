"""Stage 2's per-pixel head trained by itself: minutes on one core, because photos are looked at once.

What the U-Net and the classifier see of a photo does not change while they are frozen. So each photo goes through them
once, and of its lost pixels everything that the head is told is kept, with the truth: 2048 pixels weigh 170 KB. A step
then costs a tenth of a second for two dozen photos.

    hdrrecon train head --scenes DIR --curves DIR --start weights/masked-features.safetensors -o runs/head

A head may see better colours and lose the brightness that more photos taught its predecessor. `keep` holds the
luminance at that of the weights it began with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.color import luminance
from hdrrecon.metrics.quick import alignment_gain
from hdrrecon.networks.restore.masked_features import MaskedFeatures
from hdrrecon.pipeline.resample import Enlarged, replicated
from hdrrecon.train.loop import Recipe, log, rate_at, save_weights
from hdrrecon.train.tasks.restore import RestoreTask

FEWEST = 30  # lost pixels of a photo that is kept
PLAIN = 0.5  # code, light and truth of the places that are left over: well exposed, so no term sees them
HELD_OUT = 8  # one photo in so many is for validation
SMALLEST = 1e-4  # light below which stops are not counted


@dataclass(frozen=True)
class LostPixels:
    """Pixels of K photos, P each, in the order of their rows: `code`, `linear`, `truth` (K, 3, P, 1), `deep` (K, F, P,
    1), what `MaskedFeatures.look` says at each, half floats; `gain` (K, 1, 1, 1)."""

    code: Tensor
    linear: Tensor
    truth: Tensor
    deep: Tensor
    gain: Tensor

    def __len__(self) -> int:
        return len(self.code)

    def picked(self, index: Tensor) -> LostPixels:
        """Those photos, as float32."""
        return LostPixels(*(getattr(self, name)[index].float() for name in asdict(self)))


@torch.inference_mode()
def lost_pixels(
    net: MaskedFeatures, task: RestoreTask, batches: Iterator[dict[str, Tensor]], photos: int, pixels: int
) -> LostPixels:
    """Look at photos with a frozen network until `photos` of them are kept.

    Args:
        batches: as `data.resident.Street.batches` makes them.
        pixels: of each photo that are kept; of more, as many by chance.
    """
    rows: list[tuple[Tensor, ...]] = []
    while len(rows) < photos:
        batch = next(batches)
        code, truth, linear = batch["code"], batch["truth"], task.linearized(batch)
        with torch.autocast(code.device.type, torch.bfloat16):
            deep = net.look(code, linear, max(code.shape[-2:])).float()
        gain = alignment_gain(linear, truth, code)
        for i in range(len(code)):
            lost = torch.maximum(over_mask(code[i]).amax(0), under_mask(code[i])[0]) > 0
            place = lost.flatten().nonzero()[:, 0]
            if len(place) >= FEWEST:
                place = place[torch.randperm(len(place), device=place.device)[:pixels].sort().values]
                at = Enlarged(deep[i : i + 1], (lost.shape[0], lost.shape[1]), replicated)
                seen = at.at(place // lost.shape[1], place % lost.shape[1]).T
                values = (*(x[i].flatten(1)[:, place] for x in (code, linear, truth)), seen)
                rows.append((*(_filled(x, pixels) for x in values), gain[i]))
    return LostPixels(*map(torch.stack, zip(*rows[:photos])))


def _filled(values: Tensor, pixels: int) -> Tensor:
    """(C, n) as (C, pixels, 1) half floats."""
    out = values.new_full((len(values), pixels, 1), PLAIN)
    out[:, : values.shape[1], 0] = values.clamp(max=6e4)
    return out.half()


def train_head(
    net: MaskedFeatures, task: RestoreTask, seen: LostPixels, recipe: Recipe, out: Path, keep: float = 1.0
) -> Path:
    """Train the head of `net` on `seen`; returns the path of the averaged weights.

    Args:
        task: whose loss and metadata are used.
        recipe: `steps`, `batch`, `rate`, `warmup`, `ema`, `validate_every` and `seed` count.
        keep: weight of the difference in luminance from the head that `net` came with, 0 for none.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    before = deepcopy(net).requires_grad_(False)
    average, optimizer = deepcopy(net), torch.optim.AdamW(net.head.parameters(), recipe.rate, (0.9, 0.99))
    held_out = torch.arange(len(seen)) % HELD_OUT == 0
    taught, kept = (~held_out).nonzero()[:, 0], held_out.nonzero()[:, 0]
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, recipe)
        part = seen.picked(taught[torch.randint(len(taught), (recipe.batch,))])
        loss, _ = head_loss(net, before, task, part, keep)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.head.parameters(), 1.0)
        optimizer.step()
        share = 1 - min(recipe.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, now in zip(average.head.parameters(), net.head.parameters()):
                mean.lerp_(now, share)
        if (step + 1) % recipe.validate_every == 0 or step + 1 == recipe.steps:
            with torch.no_grad():
                parts = [
                    head_loss(average, before, task, seen.picked(index), keep)[1] for index in kept.split(recipe.batch)
                ]
            figures = {name: math.fsum(p[name] for p in parts) / len(parts) for name in parts[0]}
            log(out / "log.csv", {"step": step + 1, "photos": (step + 1) * recipe.batch, **figures})
            facts = {**task.metadata(), "step": step + 1, "validation": figures}
            save_weights(out / "best.safetensors", average.state_dict(), facts)
    return out / "best.safetensors"


def head_loss(
    net: MaskedFeatures, before: MaskedFeatures, task: RestoreTask, part: LostPixels, keep: float
) -> tuple[Tensor, dict[str, float]]:
    """The task's loss of the head on these pixels, and `keep` times how far its luminance is from that of `before`."""
    light = net.answer(part.code, part.linear, part.deep)
    batch = {"code": part.code, "truth": part.truth, "gain": part.gain}
    total, parts = task.light_loss(light, part.linear, batch)
    if keep:
        with torch.no_grad():
            old = before.answer(part.code, part.linear, part.deep)
        over = over_mask(part.code)
        brightness = [luminance(part.linear * torch.exp2(over * x.median), 1).clamp(min=SMALLEST) for x in (light, old)]
        lost, off = over.amax(1), (brightness[0] / brightness[1]).log2()
        moved = (lost * off.abs()).sum() / lost.sum().clamp(min=1) + (lost * off).sum().abs() / lost.sum().clamp(min=1)
        total, parts = total + keep * moved, {**parts, "moved": float(moved.detach())}
    return total, parts
