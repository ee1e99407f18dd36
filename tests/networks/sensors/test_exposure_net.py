"""Exposures by a network: the plain one before training."""

from __future__ import annotations

import torch

from hdrrecon.networks.sensors.exposure_net import ExposureNet, ExposureNetConfig
from hdrrecon.sensors.bracket import shown_at, transferred
from tests.sensors.scenes import room
from tests.sensors.test_bracket import SRGB, photo


def test_an_untrained_network_re_photographs():
    shot = photo()
    out = transferred(shot["code"], shot["light"], SRGB, 1.5, ExposureNet().eval())
    assert torch.equal(out, shown_at(shot["light"], SRGB, 1.5))


def test_a_trained_network_is_told_the_exposure_and_stays_within_codes():
    torch.manual_seed(0)
    net, light = ExposureNet(ExposureNetConfig(widths=(8, 8, 8))).eval(), room(24)
    torch.nn.init.normal_(net.unet.head.weight)
    for block in net.unet.encode:
        torch.nn.init.normal_(block.film.weight)
    code = light.clamp(0, 1)
    shown = [net(code, code, (light >= 1).float(), light, torch.tensor([ev])) for ev in (-2.0, 2.0)]
    assert not torch.equal(*shown)
    assert all(x.shape == light.shape and x.min() >= 0 and x.max() <= 1 for x in shown)
