"""The inverse camera: linearize -> restore -> refine, in the reverse order of what a camera does.

`HDRPipeline` alone knows the order; a stage never knows its neighbours. Tensors in, `PipelineResult` out.

What it promises, whatever the weights:

* where the masks are zero, `radiance` equals `linear` to the bit;
* no pixel comes out darker than its linearised value, so clipped pixels stay at or above the clip level;
* a photo in which nothing is clipped never meets the restoring network;
* dequantised on demand, code values stay inside their own 8-bit cell; masks and the response come from those of the photo.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.dequantize import dequantize
from hdrrecon.camera.exposure import over_mask, under_mask
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.highlight_unet import enlarge_rows, restore

BAND_PX = 1 << 20  # pixels the full-resolution part works on at a time
SURE_STOPS = 0.25  # confidence of invented light: the chance that it is right to a quarter of a stop


@dataclass(frozen=True)
class PipelineResult:
    """Tensors (1, C, H, W): `radiance` and `linear` (C = 3, 1.0 = clip level), `confidence` (C = 1),
    `over` (C = 3) and `under` (C = 1) soft masks; and the `response` that was inverted."""

    radiance: Tensor
    linear: Tensor
    confidence: Tensor
    over: Tensor
    under: Tensor
    response: ResponseCurve


class HDRPipeline(nn.Module):
    """Three stages, each replaceable and each optional.

    Args:
        linearize: has `estimate(code, prior) -> dict(inverse, families, spread)`; needed when no response is given.
        restore: has `look(code, linear, working_px) -> features` (small) and `answer(code, linear, enlarged
            features) -> (stops, spread)`; None leaves clipped light at the clip level.
        refine: `(code, linear, radiance) -> radiance`; identity for now.
    """

    def __init__(self, linearize: nn.Module | None, restore: nn.Module | None, refine: nn.Module | None = None):
        super().__init__()
        self.linearize, self.restore, self.refine = linearize, restore, refine or Unrefined()

    def estimate_response(self, code: Tensor, prior: dict[str, float] | None = None) -> ResponseCurve:
        """The response of the photo `code` (1, 3, H, W), with family likelihoods and spread in its `facts`.

        `prior`: probability of each family before the photo is seen (`camera.prior`); then it is in the `facts` too.
        """
        if self.linearize is None:
            raise ValueError('this model has no stage that estimates a response; pass response="srgb", "camera" or a ResponseCurve')
        out = self.linearize.estimate(code, prior)
        likely = {name: float(p) for name, p in zip(FAMILIES, out["families"])}
        facts = dict(families=likely, spread=out["spread"].double().cpu().numpy())
        if prior is not None:
            facts["prior"] = dict(prior)
        return ResponseCurve(out["inverse"].double().cpu().numpy(), "estimate", facts)

    @torch.inference_mode()
    def forward(self, code: Tensor, response: ResponseCurve | None = None, prior: dict[str, float] | None = None,
                smooth: bool = False) -> PipelineResult:
        """code (1, 3, H, W) float32 code values in [0, 1]; `response` None estimates it, given `prior`;
        `smooth` dequantises 8-bit codes first."""
        if response is None:
            response = self.estimate_response(code, prior)
        linear = response.linearize(dequantize(code) if smooth else code)
        over, under = over_mask(code), under_mask(code)
        radiance, confidence = linear, 1 - under
        if self.restore is not None and bool(over.any()):
            radiance, confidence = self._restored(code, linear, over, confidence)
            radiance = self.refine(code, linear, radiance)
        elif self.restore is None:
            confidence = confidence * (1 - over.amax(1, keepdim=True))
        return PipelineResult(radiance, linear, confidence, over, under, response)

    def _restored(self, code: Tensor, linear: Tensor, over: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
        deep = self.restore.look(code, linear, self.restore.config.working_px)
        height, width = code.shape[-2:]
        radiance, confidence = (x.clone(memory_format=torch.contiguous_format) for x in (linear, confidence))
        flat = lambda x: x.reshape(*x.shape[:2], -1)
        grey = torch.equal(code[:, 0], code[:, 1]) and torch.equal(code[:, 1], code[:, 2])
        step = max(1, BAND_PX // width)
        for top in range(0, height, step):
            rows = slice(top, min(top + step, height))
            # The head works pixel by pixel, so it is shown clipped pixels alone: (1, C, n, 1).
            where = flat(over[..., rows, :].amax(1, keepdim=True))[0, 0].nonzero()[:, 0]
            if not len(where):
                continue
            here = lambda x: flat(x[..., rows, :])[..., where, None]
            stops, spread = self.restore.answer(here(code), here(linear), flat(enlarge_rows(deep, rows, (height, width)))[..., where, None])
            if grey:  # what came without colour gets none
                stops = stops.mean(1, keepdim=True).expand_as(stops)
            at = top * width + where
            light = restore(here(linear), here(code), stops)
            # One channel for all three: the same number in another lane of exp2 may differ in its last bit.
            flat(radiance)[..., at] = (light[:, :1].expand_as(light) if grey else light)[..., 0]
            flat(confidence)[..., at] *= (1 - here(over).amax(1, keepdim=True) * torch.exp(-SURE_STOPS / spread))[..., 0]
        return radiance, confidence


class Unrefined(nn.Module):
    """The refining stage of a model that has none: light passes unchanged."""

    def forward(self, code: Tensor, linear: Tensor, radiance: Tensor) -> Tensor:
        return radiance
