"""The guide's network changes lost light alone."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.sensors.guided import with_guide
from tests.sensors.scenes import photo_of, room


def prepared(light):
    photo = PixelCodes(torch.from_numpy(photo_of(light)))
    return HDRPipeline(None, None).prepare(photo, ResponseCurve.srgb())


def rows_of(photo, step=1000):
    height = photo.codes.size[0]
    return torch.cat([photo.light(slice(top, min(top + step, height)))[0] for top in range(0, height, step)])


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
