"""Smooth gradients back, and nothing measured touched."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hdrrecon.camera.dequantize import dequantize
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.pipeline import HDRPipeline
from tests.conftest import as_code
from tests.pipeline.test_pipeline import random_pipeline


def quantised(x: torch.Tensor, last: int = 255) -> torch.Tensor:
    return (x * last).round() / last


def error(x, truth) -> float:
    return float((x - truth).square().mean().sqrt())


def plane(codes_long: float, height: int = 160, width: int = 320) -> torch.Tensor:
    """A tilted gradient whose stairs are `codes_long` pixels long, (1, 3, height, width)."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (0.3 + (0.8 * x + 0.6 * y) / codes_long / 255).expand(1, 3, -1, -1)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.just(3), st.integers(1, 50), st.integers(1, 50)), elements=st.integers(118, 122)),
    st.sampled_from([0, -118, 133]),
)
def test_every_value_rounds_to_its_own_code(codes, shift):
    """PixelCodes that differ by little, where most moves, and the same at both clipped ends."""
    code = torch.from_numpy((codes.astype(int) + shift).astype(np.float32))[None] / 255
    out = dequantize(code)
    assert ((out - code).abs() <= 0.5 / 255).all() and torch.equal((out * 255).round(), (code * 255).round())
    ends = (code == 0) | (code == 1)
    assert torch.equal(out[ends], code[ends]) and ((out == 0) | (out == 1)).equal(ends)


@pytest.mark.parametrize("length", [3, 6, 12, 24, 48])
def test_a_ramp_comes_back(length):
    truth = plane(length)
    code = quantised(truth)
    out = dequantize(code)
    assert error(out, truth) < 0.5 * error(code, truth)
    assert (out[0, 0] - out[0, 1]).abs().max() == 0, "grey stays grey"


def test_a_bowl_and_a_noisy_ramp_get_no_worse():
    y, x = torch.meshgrid(torch.arange(200), torch.arange(300), indexing="ij")
    bowl = (0.5 + ((x - 140) ** 2 + (y - 90) ** 2) / 4000 / 255).expand(1, 3, -1, -1)
    assert error(dequantize(quantised(bowl)), bowl) < 0.5 * error(quantised(bowl), bowl)
    for sigma in (0.3, 0.5, 1, 2):
        noise = torch.randn(1, 3, 160, 320, generator=torch.Generator().manual_seed(0)) * sigma / 255
        code = quantised(plane(24) + noise)
        assert error(dequantize(code), plane(24)) < error(code, plane(24))


def test_flat_edges_and_texture_stay_to_the_bit():
    flat = torch.full((1, 3, 70, 90), 77 / 255)
    edge = flat.clone()
    edge[..., 40:] = 83 / 255
    coarse = torch.randint(0, 64, (1, 3, 70, 90), generator=torch.Generator().manual_seed(0)) * 4 / 255
    for code in (flat, edge, torch.zeros_like(flat), torch.ones_like(flat)):
        assert torch.equal(dequantize(code), code)
    same = dequantize(coarse) == coarse
    assert same.float().mean() > 0.99, "only where three equal codes happen to stand in a row may anything move"


def test_bands_give_what_one_piece_gives(monkeypatch):
    code = quantised(plane(20) + 0.3 * torch.rand(1, 3, 160, 320, generator=torch.Generator().manual_seed(0)) / 255)
    whole = dequantize(code)
    assert not torch.equal(whole, code)
    for rows in (1, 7, 100):
        monkeypatch.setattr("hdrrecon.camera.dequantize.BAND_PX", rows * 320)
        assert torch.equal(dequantize(code), whole)


def test_slack_is_for_what_jpeg_moved():
    """Beside a JPEG's uncertainty the cell is narrow: with some of it a smooth photo comes nearer, and no value strays
    farther."""
    y, x = np.mgrid[:128, :192]
    light = (0.4 + 0.2 * x / 192 + 0.05 * np.sin(y / 40))[..., None] * [1, 0.9, 0.8]
    _, file = cv2.imencode(".jpg", np.rint(255 * light).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 75])
    code = torch.from_numpy(cv2.imdecode(file, 1) / np.float32(255)).permute(2, 0, 1)[None]
    wanted = torch.from_numpy(light).permute(2, 0, 1)[None].float()

    def off(found):
        return float((found - wanted).square().mean().sqrt())

    cell, loose = dequantize(code), dequantize(code, slack=0.5)
    assert off(loose) < 0.95 * off(cell) < 0.95 * off(code)
    assert (loose - code).abs().max() * 255 < 1 and ((cell * 255).round() == (code * 255).round()).all()
    with pytest.raises(ValueError, match="slack"):
        dequantize(code, slack=-1)


def test_codes_of_unknown_cells_are_left_alone():
    deep = quantised(plane(20), 65535)
    assert dequantize(deep) is deep
    assert not torch.equal(dequantize(quantised(plane(0.1, width=30), 65535), bits=16), deep[..., :30])


def test_the_pipeline_keeps_its_promises(small_photo):
    pipeline, srgb = random_pipeline(), ResponseCurve.srgb()
    code = as_code(small_photo)
    plain, out = pipeline(code, srgb), pipeline(code, srgb, smooth=True)
    assert torch.equal(out.over, plain.over) and torch.equal(out.under, plain.under)
    assert torch.equal(plain.linear, srgb.linearize(code)), "not asked for, nothing moves"
    assert not torch.equal(out.linear, plain.linear)
    measured = out.over == 0
    assert torch.equal(out.radiance[measured], out.linear[measured]) and (out.radiance >= out.linear).all()
    low, high = (srgb.linearize((code + half).clamp(0, 1)) for half in (-0.5 / 255, 0.5 / 255))
    assert ((low <= out.linear) & (out.linear <= high)).all()
    assert (out.radiance[code == 1] >= 1).all()
    estimated = HDRPipeline(pipeline.linearize, None)
    np.testing.assert_array_equal(estimated(code).response.inverse, estimated(code, smooth=True).response.inverse)
