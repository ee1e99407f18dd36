"""What the pipeline promises whatever the weights; every network here has random ones."""
import numpy as np
import pytest
import torch

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.highlight_unet import HighlightConfig, HighlightUNet, enlarge_rows
from hdrrecon.networks.linearization_net import LinearizationConfig, LinearizationNet
from hdrrecon.pipeline import HDRPipeline


def random_pipeline(seed: int = 0) -> HDRPipeline:
    torch.manual_seed(seed)
    pipeline = HDRPipeline(LinearizationNet(LinearizationConfig(crop_px=32, crops=2, widths=(8, 8, 16, 16))),
                           HighlightUNet(HighlightConfig(widths=(8, 16, 16), features=4, head=8, working_px=64)))
    for p in pipeline.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return pipeline.eval()


@pytest.fixture
def code(small_photo):
    return torch.from_numpy(small_photo.transpose(2, 0, 1).copy()).float()[None] / 255


@pytest.mark.parametrize("seed", range(4))
def test_measured_light_is_kept_to_the_bit_and_nothing_gets_darker(code, seed):
    out = random_pipeline(seed)(code)
    measured = out.over == 0
    assert measured.any() and not measured.all()
    assert torch.equal(out.radiance[measured], out.linear[measured])
    assert (out.radiance >= out.linear).all() and out.radiance.isfinite().all()
    assert (out.radiance[code >= 250 / 255] >= 0).all()
    fully = code == 1
    assert (out.radiance[fully] >= 1).all()


def test_a_channel_that_is_not_clipped_keeps_its_value(code):
    code = code.clone()
    code[:, 2, 10:20, 10:20] = 1.0
    code[:, :2, 10:20, 10:20] = 0.5
    out = random_pipeline()(code)
    assert torch.equal(out.radiance[:, :2, 10:20, 10:20], out.linear[:, :2, 10:20, 10:20])
    assert (out.radiance[:, 2, 10:20, 10:20] > out.linear[:, 2, 10:20, 10:20]).all()


def test_a_grey_photo_gets_no_colour(code):
    out = random_pipeline()(code[:, :1].expand(-1, 3, -1, -1)).radiance
    assert torch.equal(out[:, 0], out[:, 1]) and torch.equal(out[:, 1], out[:, 2])


def test_memory_layout_does_not_matter(code):
    """A tensor that is a view with other strides gives the same light and the same doubts."""
    turned = code.transpose(-1, -2).contiguous().transpose(-1, -2)
    one, two = random_pipeline()(code), random_pipeline()(turned)
    torch.testing.assert_close(two.radiance, one.radiance, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(two.confidence, one.confidence, rtol=1e-4, atol=1e-5)


def test_nothing_clipped_means_no_network(code, monkeypatch):
    pipeline = random_pipeline()
    monkeypatch.setattr(pipeline.restore, "look", lambda *a: pytest.fail("the restoring network was called"))
    out = pipeline(code.clamp(max=0.9), ResponseCurve.srgb())
    assert torch.equal(out.radiance, out.linear)
    assert (out.confidence[out.under == 0] == 1).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (33, 47), (2, 2), (65, 31)])
@pytest.mark.parametrize("fill", ["black", "white", "noise"])
def test_any_size_and_any_content(size, fill):
    torch.manual_seed(1)
    code = {"black": torch.zeros, "white": torch.ones, "noise": torch.rand}[fill](1, 3, *size)
    out = random_pipeline()(code)
    for image in (out.radiance, out.linear, out.confidence):
        assert image.isfinite().all() and image.shape[-2:] == code.shape[-2:]
    assert ((out.confidence >= 0) & (out.confidence <= 1)).all()
    assert (np.diff(out.response.inverse) >= 0).all()


def test_bands_give_what_one_piece_gives(code, monkeypatch):
    """The full-resolution head works in bands of rows; where they end must not show."""
    pipeline = random_pipeline()
    whole = pipeline(code, ResponseCurve.srgb()).radiance
    monkeypatch.setattr("hdrrecon.pipeline.BAND_PX", 7 * code.shape[-1])
    torch.testing.assert_close(pipeline(code, ResponseCurve.srgb()).radiance, whole, rtol=1e-5, atol=1e-6)


def test_enlarged_rows_are_rows_of_the_enlarged_image():
    features = torch.rand(1, 3, 13, 9)
    whole = torch.nn.functional.interpolate(features, (50, 41), mode="bilinear", align_corners=False)
    for rows in (slice(0, 50), slice(0, 7), slice(20, 33), slice(49, 50)):
        torch.testing.assert_close(enlarge_rows(features, rows, (50, 41)), whole[..., rows, :], atol=1e-5, rtol=1e-5)


def test_training_and_inference_run_the_same_network(code):
    pipeline = random_pipeline()
    linear = ResponseCurve.srgb().linearize(code)
    stops, _ = pipeline.restore(code, linear)
    from hdrrecon.networks.highlight_unet import restore

    torch.testing.assert_close(pipeline(code, ResponseCurve.srgb()).radiance, restore(linear, code, stops), rtol=1e-5, atol=1e-6)


def test_stages_may_be_left_out(code):
    out = HDRPipeline(None, None)(code, ResponseCurve.srgb())
    assert torch.equal(out.radiance, out.linear)
    assert (out.confidence[(out.over.amax(1, keepdim=True) == 1)] == 0).all()
    with pytest.raises(ValueError, match="response="):
        HDRPipeline(None, None)(code)


@pytest.mark.cuda
def test_cuda_agrees_with_the_cpu(code):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    pipeline = random_pipeline()
    here = pipeline(code, ResponseCurve.srgb()).radiance
    there = pipeline.cuda()(code.cuda(), ResponseCurve.srgb()).radiance.cpu()
    torch.testing.assert_close(there, here, rtol=2e-3, atol=2e-3)
