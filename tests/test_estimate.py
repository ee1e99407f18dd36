"""`hdrrecon response photo.jpg` and `estimate_response`, with networks of random weights."""

import numpy as np
import pytest
import torch
import typer

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.cli.response import response
from hdrrecon.estimate import estimate_response
from hdrrecon.networks.linearize.crf_net import CrfConfig, CrfNet
from hdrrecon.networks.linearize.linearization_net import LinearizationConfig, LinearizationNet

root = typer.Typer()
root.command()(response)
root.command("other")(lambda: None)

networks = [
    LinearizationNet(LinearizationConfig(crop_px=32, crops=2)),
    CrfNet(CrfConfig(patch_px=64, patches=4, candidates=8)),
]


@pytest.mark.parametrize("network", networks, ids=lambda n: type(n).__name__)
def test_facts_say_what_the_estimate_is_based_on(small_photo, network):
    curve = estimate_response(small_photo, network=network)
    assert isinstance(curve, ResponseCurve) and curve.facts["spread"].shape == (1024,)
    assert set(curve.facts["families"]) == set(FAMILIES) and sum(curve.facts["families"].values()) == pytest.approx(
        1, abs=1e-5
    )
    seen = curve.facts["evidence"]
    assert 0 <= curve.facts["confidence"] <= 1 and 4 < seen["levels"] <= seen["codes"]
    assert seen["size"] == (96, 128) and 0.2 < seen["clipped"] < 0.4 and seen["codes"] == len(np.unique(small_photo))
    several = estimate_response(torch.from_numpy(np.stack([small_photo.transpose(2, 0, 1)] * 2)), network=network)
    np.testing.assert_array_equal(several[1].inverse, curve.inverse)
