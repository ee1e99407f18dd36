"""PixelCodes as they were stored give what the same codes as floats give."""

import numpy as np
import pytest
import torch

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.pixels import ABOVE_BLACK, LIT, OVER, PixelCodes

ROWS = slice(3, 17)


@pytest.fixture(params=["uint8", "uint16", "grey", "strided", "profile"])
def stored_and_code(request):
    rng = np.random.default_rng(0)
    dtype = np.uint16 if request.param == "uint16" else np.uint8
    last = np.iinfo(dtype).max
    stored = rng.integers(0, last + 1, (20, 31, 1 if request.param == "grey" else 3), dtype=dtype)
    stored[4:9] = last
    stored[9:12] = 0
    values = None
    code = stored.astype(np.float32) / np.float32(last)
    if request.param == "profile":
        values = torch.linspace(0, 1, 256)[:, None] ** torch.tensor([0.8, 1.0, 1.3])
        code = np.stack([values[:, c].numpy()[stored[..., c]] for c in range(3)], -1)
    tensor = torch.from_numpy(stored)
    if request.param == "strided":
        tensor = tensor.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    return PixelCodes(tensor, values), torch.from_numpy(code).expand(-1, -1, 3)


def test_rows_and_pixels(stored_and_code):
    codes, code = stored_and_code
    assert torch.equal(codes.code(ROWS), code[ROWS])
    y, x = torch.tensor([3, 19, 0, 3]), torch.tensor([30, 0, 0, 7])
    assert torch.equal(codes.code_at(y, x), code[y, x])


@pytest.mark.parametrize(
    "curve", [ResponseCurve.srgb(), ResponseCurve(np.linspace(0, 1, 1024) ** np.array([[1.8], [2.0], [2.2]]))]
)
def test_light_by_table_is_light_by_curve(stored_and_code, curve):
    codes, code = stored_and_code
    want = curve.linearize(code[ROWS].permute(2, 0, 1)[None].contiguous())[0].permute(1, 2, 0)
    assert torch.equal(codes.linear(ROWS, curve, codes.linear_table(curve)), want)


def test_flags_say_what_the_masks_say(stored_and_code):
    codes, code = stored_and_code
    flags = codes.flags(ROWS)
    assert torch.equal((flags & OVER) > 0, (over_mask(code[ROWS]) > 0).any(-1))
    assert torch.equal((flags & LIT) == 0, under_mask(code[ROWS], -1)[..., 0] > 0)
    assert torch.equal((flags & ABOVE_BLACK) == 0, code[ROWS].amax(-1) <= 1.0001 / 255)


def test_grey_is_found_out():
    grey = torch.randint(0, 256, (40, 9, 1), dtype=torch.uint8)
    coloured = grey.repeat(1, 1, 3)
    assert PixelCodes(grey).grey and PixelCodes(coloured).grey
    coloured[39, 8, 2] ^= 1
    assert not PixelCodes(coloured).grey
