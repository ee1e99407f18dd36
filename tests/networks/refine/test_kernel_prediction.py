"""DKPN: measured light is kept to the bit, untrained it changes nothing, and its options are what they say."""

from dataclasses import asdict, replace

import pytest
import torch

from hdrrecon import zoo
from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.refine.kernel_prediction import DKPN, DKPNConfig, corrected
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.train.loop import save_weights
from tests.conftest import as_code

SMALL = DKPNConfig(widths=(8, 16), guide=4, working_px=64, alone=True)


def random_net(config: DKPNConfig = SMALL, seed: int = 0) -> DKPN:
    torch.manual_seed(seed)
    net = DKPN(config)
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.1)
    return net.eval()


@pytest.fixture
def code(small_photo):
    code = as_code(small_photo)
    code[..., 70:80, 60:80] = 0  # a crushed corner
    return code


def lost(code):
    return torch.maximum(over_mask(code), under_mask(code)) > 0


@pytest.mark.parametrize("seed", range(4))
def test_measured_light_is_kept_to_the_bit_and_nothing_gets_darker(code, seed):
    linear = code**2.2
    out = random_net(seed=seed)(code, linear)
    measured = ~lost(code)
    assert measured.any() and not measured.all()
    assert torch.equal(out[measured], linear[measured]) and not torch.equal(out, linear)
    assert (out >= linear).all() and out.isfinite().all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernels": "coupled", "kernel": 3},
        {"mixing": "image"},
        {"levels": 1},
        {"kernel": 7, "levels": 2},
        {"guidance": "none"},
        {"guidance": "masked-features"},
    ],
)
def test_untrained_it_is_the_identity_and_every_weight_learns(code, options):
    torch.manual_seed(0)
    net = DKPN(replace(SMALL, **options))
    linear = code**2.2
    assert torch.equal(net(code, linear), linear)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(4):  # zero layers learn first, then what is before them
        optimizer.zero_grad()
        before = net.preliminary(code, linear)
        after = corrected(code, before, net.correction(code, linear, before))
        ((after + 0.01).log2() - 3)[lost(code)].square().mean().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
    silent = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent, silent


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (33, 47), (2, 2)])
@pytest.mark.parametrize("fill", ["black", "white", "noise"])
def test_any_size_and_any_content(size, fill):
    torch.manual_seed(1)
    code = {"black": torch.zeros, "white": torch.ones, "noise": torch.rand}[fill](1, 3, *size)
    net = random_net()
    out, correction = net(code, code**2), net.correct(code, code**2, 4 * code**2)
    assert out.shape == correction.shape == code.shape and out.isfinite().all() and correction.isfinite().all()


@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_gradients_of_an_all_white_and_an_all_black_photo_are_finite(fill):
    code = torch.full((1, 3, 16, 16), fill)
    net = random_net().train()
    net(code, code).square().mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


def test_nothing_is_corrected_where_nothing_was_lost(code):
    """At the working resolution a pixel beside a lost one may be, for corrections are enlarged bilinearly; no other."""
    code = code.clamp(0.2, 0.9)
    code[..., 20:24, 30:34] = 1
    correction = random_net().correct(code, code**2, code**2)
    assert (correction[..., 20:24, 30:34] != 0).all()
    correction[..., 19:25, 29:35] = 0
    assert (correction == 0).all()


def test_a_restored_speck_that_vanished_in_shrinking_is_still_corrected():
    code = torch.full((1, 3, 16, 16), 0.5)
    radiance = code**2
    radiance[..., 8, 8] += 3
    assert (random_net().correct(code, code**2, radiance)[..., 8, 8] != 0).all()


def test_corrections_reach_the_sun(code):
    net = DKPN(SMALL)
    torch.nn.init.constant_(net.residual.bias, 12.0)
    white = torch.ones(1, 3, 16, 16)
    assert net(white, white).min() > 2**10


def test_light_beyond_the_masks_does_not_speak_when_features_are_masked():
    net = random_net(replace(SMALL, guidance="masked-features"))
    over, under = torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    over[..., 4:10, 4:10] = 1
    image = torch.rand(1, 6, 16, 16)
    other = torch.where(over.repeat(1, 2, 1, 1) > 0, 9.0, image)
    torch.testing.assert_close(net.unet(image, over, under)[0], net.unet(other, over, under)[0], rtol=0, atol=0)
    guided = random_net().unet
    assert not torch.equal(guided(image, over, under)[0], guided(other, over, under)[0]), "guided features do look"


def test_without_guidance_there_is_no_mask_encoder():
    def count(guidance):
        return sum(p.numel() for p in DKPN(replace(SMALL, guidance=guidance)).parameters())

    assert count("none") < count("sft")


def test_coupled_and_decoupled_kernels_cost_about_the_same():
    coupled = sum(p.numel() for p in DKPN(DKPNConfig(kernels="coupled", kernel=3)).heads.parameters())
    decoupled = sum(p.numel() for p in DKPN().heads.parameters())
    assert 0.6 < coupled / decoupled < 1.4


def test_a_weights_file_rebuilds_its_network(code, tmp_path):
    config = replace(SMALL, kernel=3, levels=2, mixing="image", guidance="none", knee=0.01)
    net = random_net(config)
    path = tmp_path / "dkpn.safetensors"
    save_weights(path, net.state_dict(), {"network": "kernel_prediction:DKPN", "config": asdict(config)})
    again = zoo.load_file(path)
    assert again.config == config and torch.equal(again(code, code**2), net(code, code**2))


@pytest.mark.parametrize(
    "wrong",
    [{"guidance": "attention"}, {"kernel": 4}, {"levels": 4}, {"kernels": "full"}, {"mixing": "row"}, {"knee": 0.0}],
)
def test_an_option_that_does_not_exist_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DKPN(replace(SMALL, **wrong))


def test_a_stage_has_no_light_of_its_own(code):
    with pytest.raises(ValueError, match="alone=True"):
        DKPN(replace(SMALL, alone=False))(code, code)


def test_it_fits_into_the_product():
    assert sum(p.numel() for p in DKPN(DKPNConfig(alone=True)).parameters()) < 1.6e6


def test_the_pipeline_runs_it_standing_alone_and_says_the_same(code):
    """Its preliminary module is the pipeline's restoring stage, itself the refining one."""
    net = random_net()
    out = HDRPipeline(None, net.preliminary, net)(code, ResponseCurve.srgb())
    torch.testing.assert_close(out.radiance, net(code, ResponseCurve.srgb().linearize(code)), rtol=2e-3, atol=1e-4)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu(code):
    net = random_net()
    here = net(code, code**2)
    torch.testing.assert_close(net.cuda()(code.cuda(), code.cuda() ** 2).cpu(), here, rtol=2e-3, atol=2e-3)
