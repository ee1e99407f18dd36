"""Stage 2's light of lost pixels is made once for both times it is wanted."""

from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.refine.kernel_prediction import DKPN, DKPNConfig
from hdrrecon.pipeline import prepared
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes
from tests.pipeline.test_pipeline import random_pipeline

SIZE = (150, 190)


def three_stages() -> HDRPipeline:
    """With random weights."""
    pipeline = random_pipeline()
    pipeline.refine = DKPN(DKPNConfig(widths=(8, 8, 8), guide=4, working_px=64))
    for p in pipeline.refine.parameters():
        torch.nn.init.normal_(p, std=0.1)
    return pipeline.eval()


def photo() -> PixelCodes:
    """Bytes with a window of clipped pixels, a shadow, and single clipped pixels."""
    stored = np.random.default_rng(5).integers(20, 230, (*SIZE, 3), dtype=np.uint8)
    stored[30:80, 40:100] = 255
    stored[100:120, 5:60] = 1
    stored[::17, ::13, 1] = 252
    return PixelCodes(torch.from_numpy(stored))


def test_kept_light_is_what_would_be_made_again():
    one = three_stages().prepare(photo(), ResponseCurve.srgb())
    again = replace(one, kept=None)
    assert one.kept is not None and len(one.kept.pixels) > 4096
    for rows in (slice(0, 150), slice(0, 1), slice(33, 101), slice(140, 150)):
        assert torch.equal(one.light(rows)[0], again.light(rows)[0])
        assert torch.equal(one.light(rows, confidence=True)[0], one.light(rows)[0])


def test_what_was_kept_does_not_serve_other_features_or_answers():
    one = three_stages().prepare(photo(), ResponseCurve.srgb())
    other = replace(one, highlights="energy")
    assert torch.equal(other.light(slice(0, 150))[0], replace(other, kept=None).light(slice(0, 150))[0])
    assert not one.kept.serves(None, "median") and one.kept.serves(one.deep, "median")


def test_means_with_what_lost_pixels_add_are_means_of_the_light():
    one = replace(three_stages().prepare(photo(), ResponseCurve.srgb()), correction=None)
    for to in ((30, 38), (64, 64), (149, 2), (150, 190)):
        light, linear = (
            adaptive_avg_pool2d(x.permute(2, 0, 1)[None].double(), to)
            for x in (one.light(slice(0, 150))[0], one.linear(slice(0, 150)))
        )
        torch.testing.assert_close(linear + one.kept.mean_gain(SIZE, to), light, rtol=1e-5, atol=1e-6)


def test_each_lost_pixel_is_shown_to_the_head_once(monkeypatch):
    pipeline = three_stages()
    shown = []
    original = pipeline.restore.answer
    monkeypatch.setattr(
        pipeline.restore, "answer", lambda *given: shown.append(given[0][:, 0].numel()) or original(*given)
    )
    one = pipeline.prepare(photo(), ResponseCurve.srgb())
    one.light(slice(0, 75)), one.light(slice(75, 150))
    assert sum(shown) < len(one.kept.pixels) + 4096


def test_too_many_lost_pixels_are_not_kept(monkeypatch):
    monkeypatch.setattr(prepared, "MOST_PX", 100)
    one = three_stages().prepare(photo(), ResponseCurve.srgb())
    assert one.kept is None and one.correction is not None
