"""The encoder-decoder of DKPN: its shapes, and which of its kinds look at masks and at masked light."""

import pytest
import torch

from hdrrecon.networks.refine.guided_unet import GuidedBlock, GuidedUNet


def unet(guidance):
    torch.manual_seed(0)
    return GuidedUNet(10, (8, 16), 4, guidance).eval()


def maps(side=16):
    rng = torch.Generator().manual_seed(1)
    over, under = torch.zeros(1, 3, side, side), torch.zeros(1, 1, side, side)
    over[..., 4:10, 4:10] = 1
    return torch.rand(1, 6, side, side, generator=rng), over, under


@pytest.mark.parametrize("guidance", ["sft", "none", "masked-features"])
@pytest.mark.parametrize("size", [(4, 4), (8, 20)])
def test_features_at_half_the_size_and_a_summary(guidance, size):
    net = unet(guidance)
    assert net.multiple_of == 4
    features, summary = net(torch.rand(2, 6, *size), torch.rand(2, 3, *size), torch.rand(2, 1, *size))
    assert features.shape == (2, 8, size[0] // 2, size[1] // 2) and summary.shape == (2, 16)
    assert features.isfinite().all() and summary.isfinite().all()


@pytest.mark.parametrize("guidance, looks", [("sft", True), ("none", True), ("masked-features", False)])
def test_only_masked_features_forget_the_light_that_is_masked(guidance, looks):
    (image, over, under), net = maps(), unet(guidance)
    other = torch.where(over.repeat(1, 2, 1, 1) > 0, 9.0, image)
    assert torch.equal(net(image, over, under)[0], net(other, over, under)[0]) != looks


def test_photos_of_a_batch_do_not_meet():
    (image, over, under), net = maps(), unet("sft")
    alone = net(image, over, under)[0]
    both = net(*(torch.cat([part, torch.rand_like(part)]) for part in (image, over, under)))[0]
    torch.testing.assert_close(both[:1], alone, atol=1e-5, rtol=1e-4)


def test_a_block_without_guidance_ignores_it():
    block, x = GuidedBlock(8, 0), torch.rand(1, 8, 4, 4)
    assert block.modulation is None and torch.equal(block(x, None), block(x, torch.rand(1, 4, 4, 4)))
