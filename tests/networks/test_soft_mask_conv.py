"""The layer says how valid its result is; the network is the published one and forgets what is masked."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrrecon.networks.soft_mask_conv import PUBLISHED, MaskedUNet, MaskedUNetConfig, SoftMaskConv2d

SMALL = MaskedUNetConfig((8, 16, 16), (5, 3, 3), 3, blocks=1, norm=True)


@settings(max_examples=25, deadline=None)
@given(
    kernel=st.sampled_from((1, 3, 5, 7)),
    stride=st.sampled_from((1, 2)),
    height=st.integers(4, 19),
    width=st.integers(4, 19),
)
def test_a_fully_valid_mask_stays_one_everywhere(kernel, stride, height, width):
    layer = SoftMaskConv2d(3, 5, kernel, stride)
    mask = layer(torch.rand(1, 3, height, width), torch.ones(1, 3, height, width))[1]
    assert mask.shape == (1, 5, -(-height // stride), -(-width // stride))
    torch.testing.assert_close(mask, torch.ones_like(mask), atol=1e-6, rtol=0)


def test_borders_are_as_valid_as_the_middle_to_a_millionth():
    layer = SoftMaskConv2d(4, 6, 3).double()
    mask = torch.ones(1, 4, 12, 12, dtype=torch.float64)
    for _ in range(3):
        mask = SoftMaskConv2d(mask.shape[1], 6, 3).double().updated(mask)
    assert (mask - 1).abs().max() < 1e-6 and (layer.updated(torch.zeros(1, 4, 5, 5, dtype=torch.float64)) == 0).all()


def test_the_mask_is_the_papers_formula_away_from_borders():
    torch.manual_seed(0)
    layer, mask = SoftMaskConv2d(2, 3, 3), torch.rand(1, 2, 6, 6)
    found = layer.updated(mask)
    weight = layer.conv.weight.detach().abs()
    for out in range(3):
        seen = (weight[out] * mask[0, :, 1:4, 2:5]).sum() / (weight[out].sum() + 1e-6)
        assert found[0, out, 2, 3] == pytest.approx(float(seen), abs=1e-6)


def test_what_is_masked_says_nothing():
    torch.manual_seed(0)
    layer, x, mask = SoftMaskConv2d(3, 4, 3), torch.rand(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    mask[:, 2, 2:6, 2:6] = 0  # blue alone is clipped
    other = x.clone()
    other[:, 2, 2:6, 2:6] = 99
    torch.testing.assert_close(layer(x, mask)[0], layer(other, mask)[0], rtol=0, atol=0)
    other = x.clone()
    other[:, 0, 3, 3] += 1
    assert not torch.equal(layer(x, mask)[0], layer(other, mask)[0]), "its red is still measured"


def test_gradients_pass_through_the_mask_only_when_asked():
    x, mask = torch.rand(1, 2, 6, 6), torch.rand(1, 2, 6, 6, requires_grad=True)
    assert not SoftMaskConv2d(2, 2, 3)(x, mask)[1].requires_grad
    asked = SoftMaskConv2d(2, 2, 3, mask_gradient=True)
    asked(x, mask)[1].sum().backward()
    assert mask.grad.abs().sum() > 0 and asked.conv.weight.grad.abs().sum() > 0


@torch.inference_mode()
def test_the_released_network_has_its_published_size_and_runs():
    net = MaskedUNet(PUBLISHED)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(25.8e6, rel=2e-3)
    assert net.multiple_of == 128
    out = net(torch.rand(1, 3, 128, 256), torch.rand(1, 3, 128, 256))
    assert out.shape == (1, 3, 128, 256) and torch.isfinite(out).all()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_released_network_runs_on_cuda():
    net = MaskedUNet(PUBLISHED).cuda()
    assert net(torch.rand(1, 3, 128, 128).cuda(), torch.ones(1, 3, 128, 128).cuda()).shape == (1, 3, 128, 128)


def test_values_under_the_mask_reach_only_the_last_step_that_joins_the_input():
    torch.manual_seed(0)
    config = MaskedUNetConfig((8, 16), (3, 3), 3, to_full_size=False)
    net, x, mask = MaskedUNet(config), torch.rand(1, 3, 32, 32), torch.ones(1, 3, 32, 32)
    mask[..., 8:24, 8:24] = 0
    other = torch.where(mask > 0, x, torch.full_like(x, 7.0))
    torch.testing.assert_close(net(x, mask), net(other, mask), rtol=0, atol=0)
    off = MaskedUNet(MaskedUNetConfig((8, 16), (3, 3), 3, to_full_size=False, masked=False))
    assert not torch.equal(off(x, mask), off(other, mask)), "without masks they do: the ablation is one"


@pytest.mark.parametrize("masked, update", [(True, True), (True, False), (False, True)])
def test_every_weight_learns(masked, update):
    net = MaskedUNet(
        MaskedUNetConfig(SMALL.widths, SMALL.kernels, 3, blocks=1, norm=True, masked=masked, update=update)
    )
    net(torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_channels_that_are_valid_everywhere_need_no_convolution():
    layer, mask = SoftMaskConv2d(8, 5, 3), torch.rand(2, 5, 9, 11)
    whole = layer.updated(torch.cat([mask, torch.ones(2, 3, 9, 11)], 1))
    torch.testing.assert_close(layer.updated(mask, 3), whole, rtol=1e-5, atol=1e-6)


def test_shares_that_were_kept_follow_the_weights():
    layer, mask = SoftMaskConv2d(3, 4, 3), torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        before = layer.updated(mask)
        assert torch.equal(layer.updated(mask), before)
    layer.load_state_dict(SoftMaskConv2d(3, 4, 3).state_dict())
    with torch.no_grad():
        wanted = layer.updated(mask)
    with torch.inference_mode():
        assert torch.equal(layer.updated(mask), wanted) and not torch.equal(before, wanted)
        assert torch.equal(copy.deepcopy(layer).updated(mask), wanted)
