"""What an estimate of the response is based on: shares and codes, as numpy counts them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline import response
from hdrrecon.pipeline.inputs import ingest
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.response import estimate_with, evidence


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_shares_are_those_of_numpy(height, width, seed):
    stored = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = evidence(PixelCodes(torch.from_numpy(stored)))
    assert found["size"] == (height, width) and found["codes"] == len(np.unique(stored))
    assert found["clipped"] == pytest.approx((stored.max(-1) >= 250).mean())
    assert found["crushed"] == pytest.approx((stored.max(-1) < 13).mean())


@pytest.mark.parametrize("code, clipped, crushed", [(12, 0, 1), (13, 0, 0), (249, 0, 0), (250, 1, 0)])
def test_the_codes_at_which_counting_begins(code, clipped, crushed):
    found = evidence(PixelCodes(torch.full((2, 3, 3), code, dtype=torch.uint8)))
    assert (found["clipped"], found["crushed"]) == (clipped, crushed)


def test_counting_in_bands_counts_every_row_once(small_photo, monkeypatch):
    whole = evidence(PixelCodes(torch.from_numpy(small_photo)))
    monkeypatch.setattr(response, "BAND_PX", 7 * 128)
    assert evidence(PixelCodes(torch.from_numpy(small_photo))) == whole


class Estimating:
    """Counts as a pipeline here: it says which prior it was given."""

    def estimate_response(self, codes, prior):
        self.prior = prior
        return ResponseCurve(ResponseCurve.srgb().inverse, facts={"spread": np.full(1024, 0.05)})


@pytest.mark.parametrize("exif", [True, False])
def test_exif_counts_only_if_it_may(small_photo, exif, monkeypatch):
    monkeypatch.setattr("hdrrecon.pipeline.inputs.InputImage.prior", {"camera": 1.0})
    pipeline = Estimating()
    curve = estimate_with(pipeline, ingest(small_photo), torch.device("cpu"), exif)
    assert pipeline.prior == ({"camera": 1.0} if exif else None)
    assert curve.facts["evidence"]["size"] == (96, 128) and 0 <= curve.facts["confidence"] <= 1


def test_a_batch_gets_a_curve_for_each(small_photo):
    batch = torch.from_numpy(np.stack([small_photo, small_photo // 4]).transpose(0, 3, 1, 2).copy())
    bright, dark = estimate_with(Estimating(), ingest(batch), torch.device("cpu"))
    assert bright.facts["evidence"]["clipped"] > 0.2 and dark.facts["evidence"]["clipped"] == 0
    assert dark.facts["confidence"] <= bright.facts["confidence"], "fewer levels tell less"
