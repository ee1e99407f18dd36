"""Calibration of a band: it holds 68 % of what it was fitted to, whichever way it was off before."""

import pytest
import torch

from hdrrecon.networks.linearize.response_net import ResponseConfig, ResponseNet
from hdrrecon.networks.linearize.response_statistics import SIZE
from hdrrecon.train.data.response_statistics import Counted
from hdrrecon.train.tasks.response_spread import EVEN, balanced, calibrate, held_share

PHOTOS = 300


def answered(net, error):
    """Photos whose true curves are off by `error` times a normal number, the same at all codes but for the ends."""
    generator = torch.Generator().manual_seed(1)
    statistics = torch.rand(PHOTOS, SIZE, generator=generator)
    with torch.no_grad():
        curves = net(statistics)["inverse"]
    off = error * torch.randn(PHOTOS, 1, generator=generator) * curves * (1 - curves)
    return Counted(statistics, curves + off, torch.arange(PHOTOS) % 3)


@pytest.mark.parametrize("error", [0.01, 1.0])
def test_the_band_holds_what_it_should(error):
    net = ResponseNet(ResponseConfig(calibrated=True)).eval()
    photos, odds = answered(net, error), torch.ones(PHOTOS)
    before = torch.tensor(list(held_share(net, photos, odds).values())).mean()
    calibrate(net, photos, odds, steps=120, rate=0.15)
    after = torch.tensor(list(held_share(net, photos, odds).values())).mean()
    assert float(after) == pytest.approx(0.68, abs=0.05) and abs(float(before) - 0.68) > 0.2


def test_weights_are_half_the_worlds_and_half_the_families_alike():
    family, odds = torch.tensor([0, 0, 1, 2]), torch.tensor([6.0, 2.0, 1.0, 1.0])
    weights = balanced(odds, family)
    assert float(weights.sum()) == pytest.approx(1)
    assert float(weights[2]) == pytest.approx((1 - EVEN) * 0.1 + EVEN / 3)
    assert float(weights[0] / weights[1]) == pytest.approx(3)
