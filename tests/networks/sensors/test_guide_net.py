"""The guide's network changes lost light alone."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from hdrrecon.networks.sensors.guide_net import DARKEST_STOPS, GuideNet, GuideNetConfig, stops_of
from hdrrecon.sensors.guided import with_guide
from tests.sensors.scenes import room
from tests.sensors.test_guided import prepared, rows_of


def test_the_network_changes_lost_light_alone_and_keeps_its_brightness():
    truth = room(seed=5)
    true, plain = truth[0].permute(1, 2, 0), prepared(truth)
    small = F.avg_pool2d(truth, 4)[0]
    classical, learned = (rows_of(with_guide(plain, small, network=n)) for n in (False, True))
    measured = plain.over(slice(0, 128)) == 0
    assert torch.equal(learned[measured], classical[measured])
    clipped = true >= 1
    assert not torch.equal(learned, classical)
    assert abs(float((learned[clipped].sum() / true[clipped].sum()).log2())) < 0.25


def test_where_there_is_no_guide_what_it_says_is_not_seen():
    torch.manual_seed(0)
    net = GuideNet(GuideNetConfig(widths=(8, 8))).eval()
    light, mask = room(32), torch.zeros(1, 1, 32, 32)
    same = light, light, (light >= 1).float()
    code = light.clamp(0, 1)
    assert not net(*same, light[:, :1], mask, code).any(), "an untrained network corrects nothing"
    torch.nn.init.normal_(net.unet.head.weight)
    one, other = (net(*same, factor * light[:, :1], mask, code) for factor in (1, 50))
    assert torch.equal(one, other) and one.any()
    assert not torch.equal(net(*same, light[:, :1], mask + 1, code), one)


def test_stops_end_at_the_darkest():
    assert stops_of(torch.tensor([0.0, 2.0**-20, 0.5, 8.0])).tolist() == [DARKEST_STOPS, DARKEST_STOPS, -1, 3]
