"""CUDA graphs: where there is no CUDA device, and where somebody watches, functions are called as ever."""

import pytest
import torch

from hdrrecon.api import Reconstructor
from hdrrecon.networks.cuda_graphs import SIZES, CudaGraphed
from tests.conftest import needs_weights

CUDA = torch.cuda.is_available()


def test_on_a_cpu_it_is_the_function():
    asked = []
    replayed = CudaGraphed(lambda pair, c: asked.append(c) or pair[0] + pair[1] * c)
    a, b, c = torch.rand(3, 2, 5)
    with torch.inference_mode():
        assert all(torch.equal(replayed((a, b), c), a + b * c) for _ in range(3)) and len(asked) == 3


def test_a_model_that_is_to_be_replayed_gives_the_same_light(small_photo):
    needs_weights()
    image = torch.from_numpy(small_photo.transpose(2, 0, 1).copy())
    plain, replayed = (Reconstructor("full", "cpu", speed=speed)(image) for speed in ("plain", "cuda-graphs"))
    assert torch.equal(plain, replayed)
    array = Reconstructor("full", "cpu")(small_photo)
    assert torch.equal(plain, torch.from_numpy(array).permute(2, 0, 1)), "a tensor gives what an array gives"


class OnGPU:
    """What `CudaGraphed` asks of a tensor."""

    is_cuda, dtype, device = True, torch.float32, "cuda:0"

    def __init__(self, *shape: int):
        self.shape = shape


def test_a_size_is_recorded_when_it_comes_again_and_anew_when_weights_have_moved(monkeypatch):
    done, network = [], torch.nn.Linear(2, 2)
    monkeypatch.setattr(
        "hdrrecon.networks.cuda_graphs._Recording",
        lambda function, tensors: done.append("record") or (lambda tensors: done.append("replay")),
    )
    replayed = CudaGraphed(lambda x: done.append("call"), network)
    with torch.inference_mode():
        for _ in range(3):
            replayed(OnGPU(2, 3))
        replayed(OnGPU(2, 4))
        network.weight = torch.nn.Parameter(torch.rand(2, 2))
        replayed(OnGPU(2, 3))
    replayed(OnGPU(2, 3))  # gradients may be wanted
    assert done == ["call", "record", "replay", "replay", "call", "call", "call"]


def test_what_cannot_be_recorded_goes_on_plainly(monkeypatch):
    def refuse(function, tensors):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr("hdrrecon.networks.cuda_graphs._Recording", refuse)
    replayed = CudaGraphed(lambda x: x.shape)
    with torch.inference_mode(), pytest.warns(UserWarning, match="not permitted when stream is capturing") as warned:
        assert [replayed(OnGPU(5)) for _ in range(4)] == [(5,)] * 4
    assert len(warned) == 1


@pytest.mark.cuda
@pytest.mark.skipif(not CUDA, reason="needs a CUDA device")
def test_recorded_at_the_second_photo_of_a_size_and_kept_for_some_sizes():
    asked = []
    replayed = CudaGraphed(lambda x, y: asked.append(len(x)) or x * y)
    with torch.inference_mode():
        for n in (*range(1, SIZES + 2), *[SIZES + 1] * 4, 1):
            x, y = torch.rand(2, n, device="cuda")
            assert torch.equal(replayed(x, y), x * y)
    assert asked.count(SIZES + 1) == 1 + 3, "once plainly, twice to warm up and once recorded; never again"
    assert asked.count(1) == 2, "forgotten, and not yet worth recording"


@pytest.mark.cuda
@pytest.mark.skipif(not CUDA, reason="needs a CUDA device")
@pytest.mark.parametrize("model", ["fast", "full"])
def test_frames_of_a_video_stay_on_cuda_and_agree_with_the_cpu(small_photo, model):
    needs_weights()
    frames = [torch.from_numpy(small_photo.transpose(2, 0, 1).copy()).roll(step, -1) for step in range(4)]
    there = Reconstructor(model, "cuda", precision="float32", speed="cuda-graphs")
    here = Reconstructor(model, "cpu")
    for frame in frames:
        light = there(frame.cuda())
        assert light.is_cuda
        torch.testing.assert_close(light.cpu(), here(frame), rtol=1e-2, atol=1e-2)
        assert torch.equal(light, there(frame.cuda())), "the same input gives the same bytes"


def test_copies_record_anew():
    from copy import deepcopy

    graphed = CudaGraphed(torch.sin)
    graphed._recordings["size"] = None
    copy = deepcopy(graphed)
    assert copy.function is torch.sin and not copy._recordings and torch.equal(copy(torch.ones(2)), torch.ones(2).sin())


def test_networks_own_their_graphs():
    """One model recorded does not make others record."""
    plain, recorded = (Reconstructor("linearize", "cpu", speed=speed).pipeline for speed in ("plain", "cuda-graphs"))
    assert isinstance(recorded.linearize._counting, CudaGraphed)
    assert not isinstance(plain.linearize._counting, CudaGraphed)
