"""The band around an estimated response: what the two doubts give, and what a calibration changes."""

import pytest
import torch

from hdrrecon import zoo
from hdrrecon.networks.linearize.response_net import ResponseConfig, ResponseNet
from hdrrecon.networks.linearize.response_spread import INPUTS, PARTS, log_factors, raw_spread
from hdrrecon.networks.linearize.response_statistics import SIZE
from tests.conftest import needs_weights

LINE = torch.linspace(0, 1, 101)
FAMILY_CURVES = torch.stack([LINE, LINE**2, LINE**3])[None]


def test_a_family_that_is_certain_leaves_its_own_doubt():
    likely = torch.tensor([[0.0, 1.0, 0.0]])
    spread = raw_spread(FAMILY_CURVES[:, 1], FAMILY_CURVES, likely, torch.tensor([0.5, 0.03, 0.5]))[0]
    at = int((LINE**2 - 0.5).abs().argmin())
    assert float(spread[at]) == pytest.approx(0.03, rel=1e-3) and float(spread[0]) == float(spread[-1]) == 0


def test_families_that_differ_add_the_deviation_of_the_mixture():
    likely = torch.tensor([[0.5, 0.5, 0.0]])
    mean = (likely[..., None] * FAMILY_CURVES).sum(1)
    spread = raw_spread(mean, FAMILY_CURVES, likely, torch.zeros(3))[0]
    torch.testing.assert_close(spread, (LINE - LINE**2) / 2)


def test_factors_are_straight_between_the_parts_of_the_codes():
    weights = torch.zeros(INPUTS, PARTS)
    weights[0] = torch.arange(PARTS)  # the constant
    likely = torch.tensor([[1.0, 0.0, 0.0]])
    torch.testing.assert_close(log_factors(likely, weights, 9), torch.arange(9)[None] / 2)
    weights = torch.zeros(INPUTS, PARTS)
    weights[1] = 1.0  # sRGB
    both = log_factors(torch.tensor([[0.0, 0.0, 1.0], [0.2, 0.7, 0.1]]), weights, 9)
    torch.testing.assert_close(both, torch.tensor([[0.0], [0.7]]).expand(2, 9))


def test_a_calibration_of_zeros_changes_nothing():
    torch.manual_seed(0)
    plain, calibrated = (ResponseNet(ResponseConfig(calibrated=c)).eval() for c in (False, True))
    out = plain(torch.rand(2, SIZE))
    torch.testing.assert_close(plain.spread(out), calibrated.spread(out))
    calibrated.spread_weights[0] = 1.0
    torch.testing.assert_close(calibrated.spread(out), plain.spread(out) * torch.e)
    torch.testing.assert_close(calibrated.spread(out, told=0.0), plain.spread(out, told=0.0))


def test_less_told_is_more_doubt():
    needs_weights()
    net = zoo.load("response-net")
    statistics = torch.rand(1, SIZE, generator=torch.Generator().manual_seed(0))
    means = [float(net.spread(net(statistics, None, told), told).mean()) for told in (1.0, 0.5, 0.0)]
    assert means[0] < means[1] < means[2]
