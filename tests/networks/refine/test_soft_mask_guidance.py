"""Guidance changes nothing until it has learnt, then says where light was lost."""

import torch

from hdrrecon.networks.refine.soft_mask_guidance import MaskEncoder, Modulation, modulate


def test_modulation_is_scale_and_shift():
    features, scale, shift = torch.randn(3, 2, 4, 5, 6)
    torch.testing.assert_close(modulate(features, scale, shift), (1 + scale) * features + shift)


def test_untrained_modulation_is_the_identity_and_learns():
    layer, features = Modulation(6, 4), torch.randn(2, 6, 5, 5)
    out = layer(features, torch.rand(2, 4, 5, 5))
    assert torch.equal(out, features)
    out.square().sum().backward()
    assert layer.both.weight.grad.abs().sum() > 0


def test_guidance_comes_at_every_scale():
    guides = MaskEncoder(5, 3)(torch.rand(2, 3, 16, 24), torch.rand(2, 1, 16, 24))
    assert [tuple(g.shape) for g in guides] == [(2, 5, 8, 12), (2, 5, 4, 6), (2, 5, 2, 3)]


def test_guidance_tells_what_was_lost_and_where():
    torch.manual_seed(0)
    encoder = MaskEncoder(8, 2)
    nothing = torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    blue = nothing[0].clone()
    blue[:, 2, 12:16, 12:16] = 1
    crushed = nothing[1].clone()
    crushed[..., 12:16, 12:16] = 1
    without, with_blue, with_shadow = (
        encoder(*masks)[0] for masks in (nothing, (blue, nothing[1]), (nothing[0], crushed))
    )
    assert not torch.allclose(with_blue, with_shadow), "which mask it was"
    assert torch.equal(without[..., :4, :], with_blue[..., :4, :]) and not torch.equal(
        without[..., 6:8, 6:8], with_blue[..., 6:8, 6:8]
    )
