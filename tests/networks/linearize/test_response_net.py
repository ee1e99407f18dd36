"""ResponseNet reads the kinds of statistics it was made for and answers at every code."""

import numpy as np
import pytest
import torch

from hdrrecon.networks.linearize.response_net import ResponseConfig, ResponseNet, columns_of, resampled
from hdrrecon.networks.linearize.response_statistics import CLASSIC, KINDS, SIZE


def test_classic_kinds_come_first():
    """Weights from before there were others go on reading what they read."""
    assert columns_of(CLASSIC).tolist() == list(range(sum(KINDS[kind] for kind in CLASSIC)))
    assert columns_of(tuple(KINDS)).tolist() == list(range(SIZE))


def test_other_kinds_change_nothing():
    torch.manual_seed(0)
    net = ResponseNet(ResponseConfig(kinds=("levels", "places"))).eval()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.1)
    statistics = torch.rand(1, SIZE)
    changed = statistics.clone()
    hidden = torch.ones(SIZE, dtype=torch.bool)
    hidden[columns_of(("levels", "places"))] = False
    changed[:, hidden] = 9.0
    torch.testing.assert_close(net(statistics)["inverse"], net(changed)["inverse"])
    changed[:, columns_of(("places",))] += 1
    assert not torch.allclose(net(statistics)["inverse"], net(changed)["inverse"])


def test_fewer_samples_hardly_change_a_curve():
    """Untrained, the answer is the mean of the families' means, whatever the number of codes it is made at."""
    few, many = (
        ResponseNet(ResponseConfig(samples=n)).eval()(torch.rand(1, SIZE))["inverse"].detach() for n in (129, 1024)
    )
    assert few.shape == many.shape == (1, 1024) and float((few - many).abs().max()) < 4e-3
    assert float(few[0, 0]) == 0 and float(few[0, -1]) == pytest.approx(1) and (few.diff() >= 0).all()


def test_resampled_curves_are_straight_between_their_samples():
    curves = torch.tensor([[0.0, 1.0, 4.0], [0.0, 2.0, 2.0]])
    torch.testing.assert_close(
        resampled(curves, 5), torch.tensor([[0.0, 0.5, 1.0, 2.5, 4.0], [0.0, 1.0, 2.0, 2.0, 2.0]])
    )
    assert resampled(curves, 3) is curves


@pytest.mark.parametrize("size", [(30, 40), (20, 1500)])
@pytest.mark.parametrize("grey", [False, True])
def test_bytes_tell_what_their_code_values_do(size, grey):
    rng = np.random.default_rng(0)
    stored = torch.from_numpy(rng.integers(0, 256, (1, 1 if grey else 3, *size), dtype=np.uint8)).expand(-1, 3, -1, -1)
    net = ResponseNet()
    torch.testing.assert_close(net.gather(stored), net.gather(stored.float() / 255), rtol=1e-6, atol=1e-6)
