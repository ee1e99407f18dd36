"""Pooled evidence: one photo's is its own estimate; a live curve moves slowly."""

import numpy as np
import pytest
import torch

import hdrrecon
from hdrrecon.pipeline.build import build_pipeline
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.video.response import SLEW, LiveResponse, ShotEvidence, slewed


@pytest.fixture(scope="module", params=["linearize", "crf-net"])
def pipeline(request):
    return build_pipeline(request.param)


def codes(seed):
    rng = np.random.default_rng(seed)
    smooth = np.cumsum(rng.normal(size=(48, 64, 3)), 1) * 8 + 128
    return PixelCodes(torch.from_numpy(np.clip(smooth, 0, 255).astype(np.uint8)))


def test_one_frame_alone_tells_what_the_photo_tells(pipeline):
    curve = pipeline.response_from(pipeline.response_evidence(codes(0)))
    alone = pipeline.estimate_response(codes(0))
    assert np.array_equal(curve.inverse, alone.inverse)
    assert curve.facts["families"] == alone.facts["families"]


def test_frames_of_a_long_shot_are_evenly_spaced_and_few(pipeline):
    evidence = ShotEvidence(pipeline, most=4)
    evidence.pipeline = Counting()
    for index in range(100):
        evidence.add(index)
    kept = [int(x) for x in evidence.kept]
    assert len(kept) <= 4 and len(set(np.diff(kept))) == 1 and kept[0] == 0 and kept[-1] >= 48


class Counting:
    def response_evidence(self, index):
        return torch.tensor(float(index))


def test_a_live_curve_never_jumps(pipeline):
    live = LiveResponse(pipeline, every=1)
    before = live.step(codes(0)).inverse
    for seed in range(1, 6):
        after = live.step(codes(seed)).inverse
        assert np.sqrt(np.mean((after - before) ** 2)) <= SLEW * 1.001
        before = after


def test_slewing_arrives():
    one, other = hdrrecon.ResponseCurve.srgb(), hdrrecon.ResponseCurve.gamma(2.2)
    for _ in range(100):
        one = slewed(one, other, 0.001)
    assert one is other
