"""Blur, streaks and gains: how bright a lamp was."""

from __future__ import annotations

import pytest
import torch

from hdrrecon.sensors.optics import as_psf, glare_psf, photograph
from hdrrecon.sensors.streaks import CLIPPED, Blur, region_gains, robust_gains, sharpened
from hdrrecon.sensors.wave_optics import (
    psf_of_height,
    star_height,
)
from tests.sensors.test_optics import lamp


def test_blur_with_a_point_is_nothing_and_keeps_the_sum():
    light = torch.rand(1, 3, 40, 50)
    point = torch.zeros(3, 9, 9)
    point[:, 4, 4] = 1
    assert torch.allclose(Blur(point, (40, 50))(light), light, atol=1e-5)
    middle = torch.zeros(1, 3, 40, 50)
    middle[..., 20, 25] = 7
    psf = as_psf(glare_psf(9))
    assert float(Blur(psf, (40, 50))(middle).sum()) == pytest.approx(21, rel=1e-4)
    assert torch.allclose(Blur(psf, (40, 50))(middle)[0, :, 16:25, 21:30], 7 * psf, atol=1e-5)


def test_what_clips_is_bright_and_what_does_not_is_deblurred():
    truth, psf = lamp(30.0), psf_of_height(star_height())
    seen = photograph(truth, psf, generator=torch.Generator().manual_seed(0))
    blur, clipped = Blur(psf, (120, 120)), seen >= CLIPPED
    light = region_gains(seen, torch.where(clipped, torch.ones_like(seen), seen), blur, clipped)
    assert (light[clipped] >= 1).all()
    better = sharpened(seen, torch.where(clipped, truth.clamp(min=1), seen), blur, clipped)
    far = truth < 1
    assert (better - truth)[far & ~clipped].square().mean() < 0.5 * (seen - truth)[far & ~clipped].square().mean()


def test_robust_gains_ignore_outliers_and_keep_what_nobody_saw():
    random = torch.Generator().manual_seed(0)
    columns = torch.randn(2, 1, 4000, generator=random)
    columns[1] = 0  # a region without streaks
    target = 5.0 * columns[0] + 0.1 * torch.randn(1, 4000, generator=random)
    target[:, ::50] += 40
    gains = robust_gains(columns, target, rounds=4)
    assert float(gains[0]) == pytest.approx(5, rel=0.05)
    assert float(gains[1]) == pytest.approx(1, rel=1e-6)
