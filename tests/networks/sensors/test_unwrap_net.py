"""Unwrapping networks: any size, and Itoh's answer before training."""

from __future__ import annotations

import torch

from hdrrecon.networks.sensors.unwrap_net import FOLDS, RolloverNet, UnwrapNet, itoh_changes
from hdrrecon.sensors.modulo import photograph, unwrapped_by
from tests.sensors.test_modulo import hill


def test_networks_answer_for_any_size():
    for size in ((33, 50), (16, 16), (64, 47)):
        wrapped = torch.rand(2, 3, *size)
        net = UnwrapNet().eval()
        changes, level = net(wrapped)
        assert changes.shape == (2, 3, 2, 5, *size)
        assert level.shape[:3] == (2, 3, FOLDS) and level.shape[3] * 8 >= size[0] and level.shape[4] * 8 >= size[1]
        assert unwrapped_by(net, wrapped).shape == wrapped.shape
        assert RolloverNet()(wrapped, wrapped, torch.ones(2)).shape == wrapped.shape


def test_an_untrained_network_says_what_itoh_says():
    wrapped, _ = photograph(hill())
    changes, _ = UnwrapNet()(wrapped)
    assert torch.equal(changes.argmax(3) - 2, itoh_changes(wrapped).long())
