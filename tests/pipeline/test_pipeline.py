"""What the pipeline promises whatever the weights; every network here has random ones."""

import numpy as np
import pytest
import torch

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.linearize.linearization_net import LinearizationConfig, LinearizationNet
from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig
from hdrrecon.networks.restore.restored_light import RestoredLight
from hdrrecon.networks.stages import Refiner, Restorer
from hdrrecon.networks.working_resolution import enlarge_rows
from hdrrecon.pipeline.inputs import ingest
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.prepared import PreparedPhoto
from hdrrecon.pipeline.result import reconstruction


def random_pipeline(seed: int = 0) -> HDRPipeline:
    torch.manual_seed(seed)
    pipeline = HDRPipeline(
        LinearizationNet(LinearizationConfig(crop_px=32, crops=2, widths=(8, 8, 16, 16))),
        MaskedFeatures(
            MaskedFeaturesConfig(widths=(8, 16, 16), kernels=(3, 3, 3), recognise=0, features=4, head=8, working_px=64)
        ),
    )
    for p in pipeline.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return pipeline.eval()


@pytest.fixture
def code(small_photo):
    return torch.from_numpy(small_photo.transpose(2, 0, 1).copy()).float()[None] / 255


@pytest.mark.parametrize("seed", range(4))
def test_measured_light_is_kept_to_the_bit_and_nothing_gets_darker(code, seed):
    out = random_pipeline(seed)(code)
    measured = (out.over == 0) & (out.under == 0)
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
    for method in ("look", "look_at"):
        monkeypatch.setattr(pipeline.restore, method, lambda *a: pytest.fail("the restoring network was called"))
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


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.uint16])
def test_bands_give_what_one_piece_gives(code, dtype):
    """Where bands end must not show: the same to the bit."""
    stored = code if dtype == torch.float32 else (code * (255 if dtype == torch.uint8 else 65535)).round().to(dtype)
    development = random_pipeline().prepare(PixelCodes.of_tensor(stored[0]), ResponseCurve.srgb())
    image = ingest(stored)
    full = reconstruction(image, [development], 96)
    for rows in (1, 7, 40):
        part = reconstruction(image, [development], rows)
        assert torch.equal(part.radiance, full.radiance) and torch.equal(part.confidence, full.confidence)


def test_8_bit_codes_give_what_their_floats_give(code):
    pipeline = random_pipeline()
    floats, bytes_ = pipeline(code), pipeline((code * 255).round().to(torch.uint8))
    for name in ("linear", "over", "under"):
        assert torch.equal(getattr(bytes_, name), getattr(floats, name)), name
    for name in ("radiance", "confidence"):  # what the networks see are means: of bytes exact, of floats rounded
        torch.testing.assert_close(getattr(bytes_, name), getattr(floats, name), rtol=1e-5, atol=1e-6)


def test_clipped_pixels_alone_are_worked_on_as_all_would_be(code):
    """The sparse result equals the dense one, which is what the network was trained with."""
    pipeline = random_pipeline()
    linear = ResponseCurve.srgb().linearize(code)
    net = pipeline.restore
    deep = enlarge_rows(net.look(code, linear, net.config.working_px), slice(0, code.shape[-2]), code.shape[-2:])
    light = net.answer(code, linear, deep)
    dense = linear * torch.exp2(over_mask(code) * light.median) + under_mask(code) * light.shadow
    torch.testing.assert_close(pipeline(code, ResponseCurve.srgb()).radiance, dense, rtol=1e-4, atol=1e-6)


class Told(torch.nn.Module, Restorer):
    """A restoring network that says what it was told to, and counts how often it looks."""

    config = MaskedFeaturesConfig(working_px=64)

    def __init__(self, median=1.0, energy=2.0, shadow=0.01):
        super().__init__()
        self.answers, self.looks = (median, energy, 1.0, 1.0, shadow), 0

    def look_at(self, seen):
        self.looks += 1
        assert seen.code.shape == seen.linear.shape and max(seen.code.shape) <= self.config.working_px
        return torch.zeros(1, 2, 5, 7)

    def answer(self, code, linear, deep):
        assert code.shape[1] == 3 and deep.shape == (len(code), 2, *code.shape[2:])
        channels = (3, 3, 1, 1, 3)
        return RestoredLight(
            *(torch.full((len(code), c, *code.shape[2:]), float(v)) for c, v in zip(channels, self.answers))
        )


@pytest.mark.parametrize("highlights, stops", [("median", 1), ("energy", 2)])
def test_one_of_two_lights_is_chosen(code, highlights, stops):
    out = HDRPipeline(None, Told())(code, ResponseCurve.srgb(), highlights=highlights)
    full = out.over == 1
    torch.testing.assert_close(out.radiance[full], out.linear[full] * 2**stops)


def test_an_unknown_light_is_refused(code):
    with pytest.raises(ValueError, match="'median', 'energy'"):
        HDRPipeline(None, Told())(code, ResponseCurve.srgb(), highlights="brightest")


def test_crushed_pixels_get_light_and_a_few_black_ones_do_not_count():
    code = torch.full((1, 3, 20, 30), 0.5)
    code[..., :3, :5] = 1 / 255  # fifteen: noise
    told = Told()
    out = HDRPipeline(None, told)(code, ResponseCurve.srgb())
    assert told.looks == 0 and torch.equal(out.radiance, out.linear)
    code[..., 5:10, :5] = 0
    out = HDRPipeline(None, told)(code, ResponseCurve.srgb())
    assert told.looks == 1
    torch.testing.assert_close(out.radiance[..., 5:10, :5], torch.full((1, 3, 5, 5), 0.01))
    assert torch.equal(out.radiance[..., 10:, :], out.linear[..., 10:, :])
    told.fills_shadows = False
    assert torch.equal(HDRPipeline(None, told)(code, ResponseCurve.srgb()).radiance, out.linear) and told.looks == 1


class Corrects(torch.nn.Module, Refiner):
    """A refining network with one answer everywhere; checks what it is shown."""

    config = MaskedFeaturesConfig(working_px=32)

    def __init__(self, stops: float):
        super().__init__()
        self.stops, self.shown = stops, None

    def correct(self, code, linear, radiance):
        assert code.shape == linear.shape == radiance.shape and max(code.shape) == 32
        self.shown = radiance
        return torch.full_like(radiance, self.stops)


def test_refinement_is_for_what_is_missing_and_never_darkens_the_photo(code):
    srgb, brighter, darker = ResponseCurve.srgb(), Corrects(0.5), Corrects(-9.0)
    plain = HDRPipeline(None, Told(shadow=0))(code, srgb)
    out = HDRPipeline(None, Told(shadow=0), brighter)(code, srgb)
    mask = torch.maximum(out.over, out.under.expand(-1, 3, -1, -1))
    torch.testing.assert_close(out.radiance, plain.radiance * 2 ** (mask * 0.5))
    assert torch.equal(out.radiance[mask == 0], out.linear[mask == 0])
    shown = torch.nn.functional.interpolate(plain.radiance.contiguous(), (24, 32), mode="area")
    torch.testing.assert_close(brighter.shown, shown, msg="the area mean of the light of stage 2")
    assert torch.equal(HDRPipeline(None, Told(), darker)(code, srgb).radiance, plain.linear)


def test_nothing_missing_means_no_refinement():
    code = torch.full((1, 3, 20, 30), 0.5)
    refine = Corrects(1.0)
    refine.correct = lambda *a: pytest.fail("the refining network was called")
    assert torch.equal(
        HDRPipeline(None, None, refine)(code, ResponseCurve.srgb()).radiance, ResponseCurve.srgb().linearize(code)
    )


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 12 bytes"),
    ],
)
def test_out_of_memory_means_smaller_bands(code, error, monkeypatch):
    pipeline, light, asked = random_pipeline(), PreparedPhoto.light, []
    whole = pipeline(code, ResponseCurve.srgb()).radiance

    def scarce(self, rows, confidence=False):
        asked.append(rows.stop - rows.start)
        if asked[-1] > 10:
            raise error
        return light(self, rows, confidence)

    monkeypatch.setattr(PreparedPhoto, "light", scarce)
    assert torch.equal(pipeline(code, ResponseCurve.srgb()).radiance, whole)
    assert asked[:4] == [96, 48, 24, 12] and max(asked[4:]) <= 10, "what has been too much once is not tried again"


def test_a_budget_bounds_the_bands(code, monkeypatch):
    pipeline = random_pipeline()
    with pytest.raises(ValueError, match='the least that works is memory="[0-9]+MB"') as refused:
        pipeline(code, ResponseCurve.srgb(), memory=10**6)
    least = int(str(refused.value).split('memory="')[1].split("MB")[0]) * 10**6
    free = pipeline(code, ResponseCurve.srgb()).radiance
    light, heights = PreparedPhoto.light, []

    def watched(self, rows, confidence=False):
        heights.append(rows.stop - rows.start)
        return light(self, rows, confidence)

    monkeypatch.setattr(PreparedPhoto, "light", watched)
    out = pipeline(code, ResponseCurve.srgb(), memory=least)
    assert heights and max(heights) < 96
    assert torch.equal(out.radiance, free)


def test_bfloat16_is_close_and_stays_out_of_the_light(code):
    pipeline = random_pipeline()
    exact = pipeline(code, ResponseCurve.srgb())
    pipeline.precision = "bfloat16"
    out = pipeline(code, ResponseCurve.srgb())
    assert out.radiance.dtype == torch.float32 and torch.equal(out.linear, exact.linear)
    stops = (out.radiance / exact.radiance.clamp(min=1e-6)).clamp(min=1e-6).log2()
    measured = exact.over == 0
    assert torch.equal(out.radiance[measured], exact.radiance[measured])
    assert not torch.equal(out.radiance, exact.radiance) and stops.abs().max() < 0.5
    pipeline.precision = "float16"
    with pytest.raises(ValueError, match="bfloat16"):
        pipeline(code, ResponseCurve.srgb())


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
    pipeline.precision = "float32"
    here = pipeline(code, ResponseCurve.srgb()).radiance
    there = pipeline.cuda()(code.cuda(), ResponseCurve.srgb()).radiance.cpu()
    torch.testing.assert_close(there, here, rtol=2e-3, atol=2e-3)


def test_stage_3_mends_both_lights_alike_and_looks_at_the_median(code):
    """So that both have one colour; what it looked at would differ otherwise."""
    srgb, told, brighter, seen = ResponseCurve.srgb(), Told(shadow=0), Corrects(1.0), []
    for highlights in ("median", "energy"):
        plain, refined = (
            HDRPipeline(None, told, refine)(code, srgb, highlights=highlights) for refine in (None, brighter)
        )
        full = plain.over == 1
        torch.testing.assert_close(refined.radiance[full], 2 * plain.radiance[full])
        seen.append(brighter.shown)
    assert torch.equal(*seen)
