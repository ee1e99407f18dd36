"""A guide says how bright lost light is: it is fitted, checked, and used where light was lost, nowhere else."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hdrrecon.camera.masks import over_mask
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.sensors.guide import as_guide, back_project, guided
from hdrrecon.sensors.guide_cameras import EventCamera, SmallCamera, SpikeCamera, take_guide
from hdrrecon.sensors.guide_fit import ceiling, fit_guide, moved_by, pooled
from hdrrecon.sensors.guided import GuideWarning, with_guide
from tests.sensors.scenes import photo_of, room

EXACT = SmallCamera(darker_stops=16, read_noise=0, shot_noise=0)


def ordinary(light):
    """Linear light of an ordinary photo, and the mask of what it lost."""
    linear = light.clamp(0, 1)
    return linear, over_mask(ResponseCurve.srgb().expose(linear))


def stops_off(light, truth, where):
    return float((light.clamp(min=1e-4) / truth).log2()[where].square().mean().sqrt())


@pytest.mark.parametrize("camera", [EXACT, SmallCamera(), SpikeCamera(), EventCamera()], ids=lambda c: type(c).__name__)
def test_a_guide_brings_lost_light_back(camera):
    truth = room()
    linear, lost = ordinary(truth)
    guide = take_guide(truth, camera, torch.Generator().manual_seed(0))
    out = guided(linear, lost, guide).light(linear, linear, lost)
    clipped = truth >= 1
    assert stops_off(out, truth, clipped) < 0.35 * stops_off(linear, truth, clipped)


def test_what_was_measured_stays_to_the_bit_and_nothing_gets_darker():
    truth = room()
    linear, lost = ordinary(truth)
    out = guided(linear, lost, take_guide(truth, EXACT)).light(linear, linear, lost)
    assert torch.equal(out[lost == 0], linear[lost == 0])
    assert (out >= linear).all()


def test_area_means_are_those_of_the_guide():
    """The equation that back-projection solves."""
    truth = room()
    linear, lost = ordinary(truth)
    guide = F.avg_pool2d(truth, 4)
    gain = back_project(linear, lost, guide, torch.zeros(2), spread_stops=0.0, rounds=30)
    means = F.avg_pool2d(linear * torch.exp2(lost * gain), 4)
    full = F.avg_pool2d(lost, 4) == 1
    assert (means / guide).log2()[full].abs().mean() < 0.02


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.5, -2.0), (-0.7, 0.4)])
@pytest.mark.parametrize("factor", [0.1, 1.0, 700.0])
def test_shift_and_scale_are_found(shift, factor):
    truth = room(seed=3)
    linear, lost = ordinary(truth)
    guide = factor * take_guide(moved_by(truth, torch.tensor(shift)), EXACT)
    fit = fit_guide(linear, lost, guide)
    assert fit.used, fit.reason
    assert np.allclose(fit.shift_px, shift, atol=0.4)
    assert np.allclose(np.array(fit.scale) * factor, 1, rtol=0.06)


@pytest.mark.parametrize("seed", range(4))
def test_a_guide_of_another_scene_is_not_used(seed):
    truth, other = room(seed=seed), room(seed=seed + 20).flip(-1)
    linear, lost = ordinary(truth)
    fit = fit_guide(linear, lost, take_guide(other, EXACT))
    assert not fit.used and fit.reason
    assert not guided(linear, lost, take_guide(other, EXACT)).stops.any()


def test_a_clipped_guide_says_at_least():
    truth = room()
    linear, lost = ordinary(truth)
    low = take_guide(truth, SmallCamera(darker_stops=1, read_noise=0, shot_noise=0))
    assert ceiling(low).any()
    restored = torch.where(truth >= 1, truth, linear)  # as if a network had found it all
    out = guided(restored, lost, low).light(restored, linear, lost)
    bright = truth > 4
    assert stops_off(out, truth, bright) < 0.1


def test_spikes_count_light_and_end_at_one_in_each_tick():
    light = torch.tensor([0.5, 1.0, 4.0, 100.0]).view(1, 1, 1, 4).expand(1, 3, 4, 4).repeat_interleave(4, -1)
    camera = SpikeCamera(factor=4, gain_noise=0.0)
    out = take_guide(F.interpolate(light, (16, 16)), camera)
    top = camera.ticks / camera.spikes_at_clip
    assert torch.allclose(out[0, 0, 0], torch.tensor([0.5, 1.0, 4.0, top]), rtol=0.06)


def test_moving_and_pooling_keep_the_mean():
    light = room()
    assert torch.allclose(pooled(light, (8, 8), torch.zeros(2)).mean(), light.mean(), rtol=1e-5)
    assert torch.equal(moved_by(light, torch.zeros(2)), light)


@pytest.mark.parametrize(
    ("guide", "says"),
    [
        (np.full((8, 8), np.nan, np.float32), "NaN"),
        (-np.ones((8, 8), np.float32), "no negative"),
        (np.zeros((8, 8), np.float32), "black everywhere"),
        (np.ones((8, 8, 2), np.float32), "got .8, 8, 2."),
        (np.ones((8, 30), np.float32), "crop the guide"),
        (np.ones((2, 2), np.float32), "at least 4 x 4"),
    ],
)
def test_bad_guides_are_refused_in_a_sentence(guide, says):
    with pytest.raises(ValueError, match=says):
        as_guide(guide, (64, 64))


def test_guides_of_any_size_become_small():
    assert as_guide(np.ones((200, 300, 3), np.float32), (100, 150)).shape == (1, 3, 100, 150)
    assert as_guide(torch.ones(1, 25, 37), (100, 150)).shape == (1, 1, 25, 37)


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
