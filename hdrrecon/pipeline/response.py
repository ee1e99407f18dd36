"""The camera response of a photo, and what the estimate is based on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from hdrrecon.camera.evidence import brightest_code, confidence, telling, varied_levels
from hdrrecon.camera.masks import OVER_FULL, UNDER_START
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.bands import in_bands
from hdrrecon.pipeline.inputs import InputImage
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.resample import BAND_PX


def estimate_with(
    pipeline: HDRPipeline, image: InputImage, device: torch.device, exif: bool = True
) -> ResponseCurve | list[ResponseCurve]:
    """The response of one photo, or of each of a batch, with all `facts` of `hdrrecon.estimate_response`."""
    curves: list[ResponseCurve] = []
    for codes in image.codes(device):
        curve = pipeline.estimate_response(codes, image.prior if exif else None)
        seen = evidence(codes)
        told = telling(seen["levels"], seen["size"][0] * seen["size"][1], seen["brightest"])
        sure = confidence(curve.facts["spread"], told)
        curves.append(replace(curve, facts={**curve.facts, "confidence": sure, "evidence": seen}))
    return curves if image.kind.batch else curves[0]


def evidence(codes: PixelCodes) -> dict[str, Any]:
    """What a photo offers to an estimate; see `hdrrecon.estimate_response`."""
    height, width = codes.size
    counts, clipped, crushed = torch.zeros(256, dtype=torch.long, device=codes.device), 0, 0
    for _, code in in_bands(height, max(1, BAND_PX // width), codes.code):
        counts += torch.bincount((code * 255).round().int().flatten(), minlength=256)
        brightest = code.amax(-1)
        clipped += int((brightest >= OVER_FULL).sum())
        crushed += int((brightest < UNDER_START).sum())

    def share(count):
        return count / (height * width)

    return {
        "size": (height, width),
        "clipped": share(clipped),
        "crushed": share(crushed),
        "codes": int((counts > 0).sum()),
        "levels": varied_levels(counts.tolist()),
        "brightest": brightest_code(counts.tolist()),
    }
