"""What the entropy model says is a distribution, the decoder's, and can be learnt."""

import numpy as np
import pytest
import torch

from hdrrecon.networks.rawcodec.entropy_model import EntropyModel, bits, guide_planes, symbol_bits, table_scale


def test_bits_of_all_symbols_make_a_distribution():
    symbols = torch.arange(-400, 401).float()
    for index in (0.0, 20.0, 63.0):
        cost = symbol_bits(symbols, torch.tensor(index)).double()
        assert float((2**-cost).sum()) == pytest.approx(1, abs=2e-3)
        inside = bits(symbols, table_scale(torch.tensor(index)))
        near = inside < 15  # beyond, a probability is limited
        torch.testing.assert_close(cost[near].float(), inside[near], atol=1e-2, rtol=1e-2)


def test_guide_planes_are_what_the_integers_say():
    """Training's floats times 256 are the decoder's integers."""
    from hdrrecon.rawcodec.bitstream import Header
    from hdrrecon.rawcodec.latent_stage import guide_inputs, with_step

    rng = np.random.default_rng(0)
    guide, grid = rng.integers(0, 256, (21, 8, 12)).astype(np.uint8), rng.integers(-40, 40, (2, 3)) / 32
    planes = with_step(guide_inputs(guide, grid), Header(0, 64, 96, 0, 0, 100, 0, 0))
    gains = torch.from_numpy(np.repeat(np.repeat(grid * 32, 4, 0), 4, 1)[None, None]).float()
    floats = guide_planes(torch.from_numpy(guide[None]).float(), gains, torch.tensor(25.0).view(1, 1, 1, 1))
    np.testing.assert_array_equal(floats[0].permute(1, 2, 0).numpy() * 256, planes)


def test_all_gradients_arrive():
    torch.manual_seed(0)
    net = EntropyModel()
    latents = torch.randn(1, 192, 6, 8)
    coded = net(torch.randn(1, 23, 6, 8), latents, torch.full((1, 1, 1, 1), 0.3), torch.arange(48))
    (coded.bits.sum() + coded.values.square().sum() + coded.octaves.sum()).backward()
    missing = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not missing
    assert coded.share.shape == (8,) and (coded.share <= 1).all()
