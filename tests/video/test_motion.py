"""Motion between small frames: translations, exposure, white balance, and what clips; cuts."""

import cv2
import numpy as np
import pytest

from hdrrecon.video.motion import between, warp


def textured(seed=0, height=144, width=256):
    rng = np.random.default_rng(seed)
    fine, coarse = (
        cv2.GaussianBlur(rng.random((height + 40, width + 40, 3)).astype(np.float32), (0, 0), s) for s in (2, 9)
    )
    light = (fine - fine.min()) / np.ptp(fine) * 0.3 + (coarse - coarse.min()) / np.ptp(coarse) * 0.5
    return light + 0.02


def over(light):
    return (light >= 0.95).astype(np.float32)


def view(light, x=0, y=0, gain=1.0):
    return np.ascontiguousarray(np.minimum(light[20 + y : 164 + y, 20 + x : 276 + x] * gain, 1).astype(np.float32))


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (-3, 2), (6, -5)])
def test_a_translation_is_found_and_trusted(shift):
    light = textured()
    one, other = view(light), view(light, *shift)
    there, back = between(one, other, over(one), over(other))
    inner = np.s_[12:-12, 12:-12]
    assert np.abs(there.flow[inner] + shift).mean() < 0.15 and np.abs(back.flow[inner] - shift).mean() < 0.15
    assert there.trust[inner].mean() > 0.95
    assert np.abs(there.warped(other, cubic=True) - one)[inner].mean() < 0.01


@pytest.mark.parametrize("gains", [(1.4, 1.4, 1.4), (0.7, 0.7, 0.7), (1.2, 1.0, 0.85)])
def test_exposure_and_white_balance_are_followed_for_each_channel(gains):
    light = textured() * 0.9
    one, other = view(light, 0, 0, np.array(gains)), view(light, 2, 1)
    there, back = between(one, other, over(one), over(other))
    assert there.exposure == pytest.approx(np.log2(gains), abs=0.01)
    assert back.exposure == pytest.approx(-np.log2(gains), abs=0.01)
    assert there.trust[12:-12, 12:-12].mean() > 0.9


def test_a_flat_clipped_region_moves_as_its_rim():
    light = textured()
    light[60:110, 100:170] = 5
    one, other = view(light), view(light, 4, 0)
    there, _ = between(one, other, over(one), over(other))
    inside = there.flow[50:80, 90:140]
    assert np.abs(inside - (-4, 0)).mean() < 0.5


def test_another_scene_is_not_believed():
    one, other = view(textured(0)), view(textured(1))
    assert between(one, other, over(one), over(other))[0].trust.mean() < 0.4


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (23, 23)])
def test_tiny_pictures_stand_still(size):
    rng = np.random.default_rng(0)
    one, other = rng.random((2, *size, 3)).astype(np.float32)
    there, back = between(one, other, over(one), over(other))
    assert not there.flow.any() and there.trust.shape == size and np.isfinite(back.exposure).all()


def test_warping_by_nothing_is_the_image():
    image = textured()[..., :2].copy()
    assert np.array_equal(warp(image, np.zeros((*image.shape[:2], 2), np.float32)), image)
