"""The cameras' U-Net: any size, nothing at first, told what is wanted, and aware of brightness."""

import pytest
import torch

from hdrrecon.networks.sensors.small_unet import SmallUNet, padded


def learnt(**options):
    torch.manual_seed(0)
    net = SmallUNet(3, 2, (8, 12, 16), **options).eval()
    torch.nn.init.normal_(net.head.weight, std=0.1)
    return net


@pytest.mark.parametrize("size", [(1, 1), (17, 30), (32, 8)])
def test_any_size_goes_in_and_nothing_comes_out_untrained(size):
    out = SmallUNet(3, 2, (8, 12, 16))(torch.rand(2, 3, *size))
    assert out.shape == (2, 2, *size) and not out.any()


def test_a_second_answer_has_the_size_of_its_level():
    fine, coarse = SmallUNet(3, 1, (8, 12, 16, 16), coarse_out=5, coarse_level=2)(torch.rand(1, 3, 40, 50))
    assert fine.shape == (1, 1, 40, 50) and coarse.shape == (1, 5, 6, 8)  # 48 x 64, at /8
    with pytest.raises(ValueError, match="coarse_level 2"):
        SmallUNet(3, 1, (8, 12, 16), coarse_out=5, coarse_level=2)


def test_a_condition_matters_once_it_is_learnt():
    net, image = learnt(condition=2), torch.rand(1, 3, 16, 16)
    one, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert torch.equal(net(image, one), net(image, other))
    for block in net.encode:
        torch.nn.init.normal_(block.film.weight)
    assert not torch.equal(net(image, one), net(image, other))


def test_brightness_is_not_normalised_away():
    net, image = learnt(), torch.rand(1, 3, 32, 32)
    assert (net(4 * image) - net(image)).abs().mean() > 0.5 * net(image).abs().mean()


def test_padding_repeats_the_edge_down_and_right():
    image = torch.arange(6.0).view(1, 1, 2, 3)
    out = padded(image, 4)
    assert torch.equal(out[..., :2, :3], image) and out.shape[-2:] == (4, 4)
    assert out[0, 0, 3].tolist() == [3, 4, 5, 5]
