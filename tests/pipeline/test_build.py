"""A pipeline by its name, and a device by its."""

import pytest
import torch

from hdrrecon.options import UsageError
from hdrrecon.pipeline.build import build_pipeline, pick_device
from tests.conftest import needs_weights


@pytest.mark.parametrize(
    "cuda, mps, want", [(True, True, "cuda"), (False, True, "mps"), (True, False, "cuda"), (False, False, "cpu")]
)
def test_auto_takes_the_quickest_there_is(cuda, mps, want, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto") == torch.device(want) and pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name, words", [("cuda:1", "sees no CUDA GPU"), ("gpu", "no device 'gpu'")])
def test_a_device_that_is_not_there_is_bad_usage(name, words, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=words):
        pick_device(name)


def test_pipelines_share_no_weights():
    """Moving one to another device, or changing it, must not reach the other."""
    needs_weights()
    one, other = build_pipeline("fast"), build_pipeline("fast")
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b) and a.data_ptr() != b.data_ptr()


def test_an_unknown_model_names_those_there_are():
    with pytest.raises(UsageError, match="full"):
        build_pipeline("none such")
