"""One response for a whole shot: a camera's curve does not change from frame to frame, so frames tell it together.

What frames show is pooled, not what was concluded from each: `HDRPipeline.response_evidence` is a vector whose mean
over frames is the evidence of all of them.
"""

from __future__ import annotations

import numpy as np
import torch

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes

MOST_FRAMES = 16  # that are looked at in a shot, evenly spaced
FIRST_STRIDE = 2
FORGETTING = 0.97  # weight of what was seen, per frame, in live use
SLEW = 0.0005  # RMS change of a curve per frame, in live use: less than 0.002 stops of mid-grey


class ShotEvidence:
    """Evidence of evenly spaced frames of a shot whose length is not known: each `stride`-th; whenever there are too
    many, every other one is dropped and the stride doubles."""

    def __init__(self, pipeline: HDRPipeline, most: int = MOST_FRAMES):
        self.pipeline, self.most = pipeline, most
        self.kept: list[torch.Tensor] = []
        self.stride, self.count = FIRST_STRIDE, 0

    def add(self, codes: PixelCodes) -> None:
        """The next frame of the shot."""
        if self.count % self.stride == 0:
            self.kept.append(self.pipeline.response_evidence(codes))
            if len(self.kept) > self.most:
                self.kept, self.stride = self.kept[::2], self.stride * 2
        self.count += 1

    def response(self) -> ResponseCurve:
        """The curve of the shot so far; at least one frame must have been added."""
        return self.pipeline.response_from(torch.stack(self.kept).mean(0))


class LiveResponse:
    """A response that follows a stream without jumps: evidence is pooled with forgetting, and the curve moves slowly.

    The first call of a shot decides where it starts; every `every`-th frame is looked at.
    """

    def __init__(self, pipeline: HDRPipeline, every: int = 8):
        self.pipeline, self.every = pipeline, every
        self.reset()

    def reset(self) -> None:
        """A new shot begins."""
        self.evidence: torch.Tensor | None = None
        self.weight, self.age = 0.0, 0
        self.curve: ResponseCurve | None = None
        self.target: ResponseCurve | None = None

    def add(self, codes: PixelCodes) -> None:
        """Evidence of a frame, at once."""
        new = self.pipeline.response_evidence(codes)
        kept = self.weight * FORGETTING ** max(1, self.age)
        self.evidence = new if self.evidence is None else (self.evidence * kept + new) / (kept + 1)
        self.weight, self.age = kept + 1, 0
        self.target = self.pipeline.response_from(self.evidence)

    def hold(self) -> ResponseCurve:
        """The curve as it stands, for frames that were seen before they are given out; one must have been added."""
        assert self.target is not None
        self.curve = self.target
        return self.curve

    def step(self, codes: PixelCodes) -> ResponseCurve:
        """The curve for the next frame."""
        self.age += 1
        if self.target is None or self.age >= self.every:
            self.add(codes)
        assert self.target is not None
        self.curve = self.target if self.curve is None else slewed(self.curve, self.target, SLEW)
        return self.curve


def slewed(one: ResponseCurve, target: ResponseCurve, most: float) -> ResponseCurve:
    """`one` moved towards `target`, its samples by no more than `most` (RMS)."""
    move = target.inverse - one.inverse
    size = float(np.sqrt(np.mean(move**2)))
    if size <= most:
        return target
    return ResponseCurve(one.inverse + move * (most / size), target.name, target.facts)
