"""A prepared photo with a guide: lost light alone changes, in any bands."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.sensors.guided import GuideWarning, with_guide
from tests.sensors.scenes import photo_of, room
from tests.sensors.test_guide import stops_off


def prepared(light):
    photo = PixelCodes(torch.from_numpy(photo_of(light)))
    return HDRPipeline(None, None).prepare(photo, ResponseCurve.srgb())


def rows_of(photo, step=1000):
    height = photo.codes.size[0]
    return torch.cat([photo.light(slice(top, min(top + step, height)))[0] for top in range(0, height, step)])


def test_a_prepared_photo_with_a_guide_gives_the_same_light_in_any_bands():
    truth = room()
    plain = prepared(truth)
    photo = with_guide(plain, F.avg_pool2d(truth, 4)[0])
    light, before = rows_of(photo), rows_of(plain)
    assert torch.equal(light, rows_of(photo, 7))
    measured = plain.over(slice(0, 128)) == 0
    assert torch.equal(light[measured], before[measured])
    true = truth[0].permute(1, 2, 0)
    assert stops_off(light, true, true >= 1) < 0.35 * stops_off(before, true, true >= 1)
    sure = photo.light(slice(0, 128), confidence=True)[1]
    assert (sure[(true >= 1).any(-1)] > 0.5).all()


def test_a_wrong_guide_is_said_and_changes_nothing():
    plain = prepared(room())
    with pytest.warns(GuideWarning, match="not used"):
        photo = with_guide(plain, F.avg_pool2d(room(seed=9).flip(-2), 4)[0])
    assert torch.equal(rows_of(photo), rows_of(plain))


def test_a_photo_that_lost_nothing_needs_no_guide():
    plain = prepared(0.3 * room().clamp(max=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert with_guide(plain, np.ones((32, 32), np.float32)) is plain


def test_reconstruct_takes_a_guide_of_any_kind(tmp_path):
    import hdrrecon

    truth = room(96)
    photo, small = photo_of(truth), F.avg_pool2d(truth, 4)[0]
    array = np.ascontiguousarray(small.permute(1, 2, 0).numpy())
    hdrrecon.write(tmp_path / "guide.exr", array, dtype="float")
    reconstructor = hdrrecon.Reconstructor("linearize", "cpu")
    lights = [reconstructor(photo, response="srgb", guide=g) for g in (array, small, tmp_path / "guide.exr")]
    for light in lights[1:]:
        assert np.allclose(light, lights[0], rtol=1e-3)
    true = truth[0].permute(1, 2, 0).numpy()
    clipped = true >= 1
    assert abs(np.log2(lights[0][clipped].sum() / true[clipped].sum())) < 0.15
    with pytest.raises(ValueError, match="one photo"):
        reconstructor(torch.from_numpy(photo).permute(2, 0, 1)[None].repeat(2, 1, 1, 1), guide=array)
