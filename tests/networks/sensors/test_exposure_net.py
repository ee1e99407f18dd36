"""Exposures by a network: the plain one before training."""

from __future__ import annotations

import torch

from hdrrecon.networks.sensors.exposure_net import ExposureNet
from hdrrecon.sensors.bracket import shown_at, transferred
from tests.sensors.test_sensor_bracket import SRGB, photo


def test_an_untrained_network_re_photographs():
    shot = photo()
    out = transferred(shot["code"], shot["light"], SRGB, 1.5, ExposureNet().eval())
    assert torch.equal(out, shown_at(shot["light"], SRGB, 1.5))
