"""In which numbers networks run: what is asked for, and what "auto" means where there is no CUDA."""

import pytest
import torch

from hdrrecon.networks.precision import autocast


@pytest.mark.parametrize(
    "precision, dtype", [("bfloat16", torch.bfloat16), ("float32", torch.float32), ("auto", torch.float32)]
)
def test_on_a_cpu_bfloat16_is_for_whoever_asks(precision, dtype):
    layer, image = torch.nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8)
    with autocast(precision, torch.device("cpu")):
        assert layer(image).dtype == dtype
    assert layer(image).dtype == torch.float32, "and only within"


@pytest.mark.parametrize("able", [True, False])
def test_auto_is_bfloat16_on_cuda_devices_that_have_it(able, monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda emulated: asked.append(emulated) or able)
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype: (kind, dtype))
    got = autocast("auto", torch.device("cuda"))
    assert (got == ("cuda", torch.bfloat16)) == able and asked == [False], "emulated bfloat16 does not count"
