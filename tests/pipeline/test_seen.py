"""What networks see of bytes, through lookup tables, is what they see of the same codes as floats."""

import numpy as np
import pytest
import torch

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.prepared import PreparedPhoto
from hdrrecon.pipeline.seen import seen_at


def prepared(codes: PixelCodes) -> PreparedPhoto:
    curve = ResponseCurve.srgb()
    return PreparedPhoto(codes, curve, codes.linear_table(curve))


@pytest.mark.parametrize("kind", ["all tones", "nothing clipped", "one clipped", "grey", "strided"])
def test_bytes_show_what_floats_show(kind):
    rng = np.random.default_rng(3)
    stored = rng.integers(0, 256, (90, 131, 1 if kind == "grey" else 3), dtype=np.uint8)
    if kind in ("nothing clipped", "one clipped"):
        stored = stored.clip(20, 200)
    if kind == "one clipped":
        stored[40, 50] = (250, 3, 244)
    image = torch.from_numpy(stored)
    if kind == "strided":
        image = image.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    got = seen_at(prepared(PixelCodes(image)), (24, 35))
    want = seen_at(prepared(PixelCodes(image.float().expand(-1, -1, 3) / 255)), (24, 35))
    for name, a, b in zip(want._fields, got, want):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}")
        assert a.is_contiguous()


def test_no_mask_is_looked_up_where_nothing_is_lost(monkeypatch):
    import cv2

    calls = []
    original = cv2.LUT
    monkeypatch.setattr(cv2, "LUT", lambda *given: calls.append(given[1].shape) or original(*given))
    stored = torch.randint(20, 200, (64, 64, 3), dtype=torch.uint8)
    photo = prepared(PixelCodes(stored))
    calls.clear()
    seen = seen_at(photo, (16, 16))
    assert len(calls) == 1 and not seen.over.any() and not seen.under.any()
