"""Plates before a lens: PSFs obey wave optics, light is conserved, and streaks tell how bright a lamp was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hdrrecon.sensors.optics import OpticsCamera, as_psf, glare_psf, photograph, psf_from_photo, recover
from hdrrecon.sensors.streaks import CLIPPED, Blur, region_gains, robust_gains, sharpened
from hdrrecon.sensors.wave_optics import (
    Lens,
    full_turn_um,
    plate_height,
    psf_of_height,
    rank_height,
    refractive_index,
    star_height,
)

SMALL = Lens(size_px=32, plate_px=32)


def test_glass_bends_blue_more():
    """Fused silica at the sodium line, as every table has it."""
    assert refractive_index(589.3) == pytest.approx(1.4585, abs=1e-4)
    assert refractive_index(450) > refractive_index(550) > refractive_index(650)


@pytest.mark.parametrize("height", ["none", "star", "rank1", "random"])
def test_energy_is_conserved(height):
    random = torch.rand(32, 32, generator=torch.Generator().manual_seed(0))
    map_um = random if height == "random" else plate_height(height, SMALL)
    psf = psf_of_height(map_um, SMALL)
    assert psf.shape == (3, 32, 32) and (psf >= 0).all()
    assert torch.allclose(psf.sum((1, 2)), torch.ones(3), atol=1e-4)


def test_without_a_plate_the_psf_is_a_centred_symmetric_disc_that_grows_with_wavelength():
    psf = psf_of_height(torch.zeros(128, 128))
    assert all(divmod(int(one.argmax()), 128) == (64, 64) for one in psf)
    inner = psf[:, 33:96, 33:96]  # 31 pixels around the centre
    assert torch.allclose(inner, inner.flip(1), atol=2e-4) and torch.allclose(inner, inner.transpose(1, 2), atol=2e-4)
    assert psf[0, 64, 64] < psf[1, 64, 64] < psf[2, 64, 64]  # red spreads most


def test_a_whole_turn_of_height_changes_nothing_at_its_wavelength():
    lens = Lens(size_px=32, plate_px=32, channels_nm=(550.0, 550.0, 550.0))
    flat = psf_of_height(torch.zeros(32, 32), lens)
    raised = psf_of_height(torch.full((32, 32), full_turn_um()), lens)
    assert torch.allclose(flat, raised, atol=1e-4)


def test_a_star_has_its_streaks_where_gratings_are():
    psf = psf_of_height(star_height(covered=0.1))[1]
    axis, between = psf[64, 84:124].mean(), psf[84:124, 64 + 10].mean()
    assert axis > 20 * between


def test_the_psf_is_differentiable():
    lens = Lens(size_px=8, plate_px=8)
    height = torch.rand(8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    weight = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))
    (psf_of_height(height, lens) * weight).sum().backward()
    step, base = 1e-3, height.detach()
    for y, x in ((3, 3), (4, 5)):
        moved = [base.clone() for _ in range(2)]
        moved[0][y, x] += step
        moved[1][y, x] -= step
        up, down = ((psf_of_height(m, lens) * weight).sum() for m in moved)
        assert float(height.grad[y, x]) == pytest.approx(float((up - down) / (2 * step)), rel=0.05, abs=1e-3)


def test_a_rank_one_plate_is_one_turn_high_at_most():
    height = rank_height(10 * torch.randn(16, 1), 10 * torch.randn(16, 1))
    assert height.shape == (16, 16)
    assert float(height.min()) >= 0 and float(height.max()) <= full_turn_um() * 1.0001


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


def test_noise_and_steps_are_those_of_the_sensor():
    camera = OpticsCamera(bits=12, full_well=8000, read_noise=3)
    seen = photograph(torch.full((1, 3, 200, 200), 0.5), glare_psf(5), camera, torch.Generator().manual_seed(0))
    assert float(seen.std()) == pytest.approx((4000 + 9) ** 0.5 / 8000, rel=0.03)
    assert torch.allclose(seen * 4095, (seen * 4095).round(), atol=1e-3)


def lamp(brightness: float) -> torch.Tensor:
    """A dark wall of soft texture with a lamp of 5 pixels, (1, 3, 120, 120)."""
    y, x = np.mgrid[:120, :120]
    wall = 0.05 + 0.02 * np.sin(x / 7) * np.cos(y / 9)
    light = np.stack([wall] * 3)
    light[:, np.hypot(y - 60, x - 55) < 2.5] = brightness
    return torch.from_numpy(light.astype(np.float32))[None]


@pytest.mark.parametrize("brightness", [8.0, 60.0])
def test_streaks_say_how_bright_a_lamp_was(brightness):
    """From a start that is stops too dark, all of the lamp's light: most of the error goes, the prior holds the
    rest."""
    truth, psf = lamp(brightness), psf_of_height(star_height())
    seen = photograph(truth, psf, generator=torch.Generator().manual_seed(0))
    clipped, start = seen >= CLIPPED, torch.full_like(seen, 1.2)
    out = recover(seen, psf, start=start, refine=False)
    missing, left = (float((truth[clipped].sum() / x[clipped].sum()).log2()) for x in (start, out))
    assert missing > 1
    assert -0.3 < left < 0.7 * missing


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


def test_a_psf_comes_from_photos_of_a_lamp():
    psf = glare_psf(65, share=0.2)
    light = np.zeros((151, 161, 3), np.float32)
    light[70 - 32 : 70 + 33, 80 - 32 : 80 + 33] = psf
    times = (1.0, 30.0, 1000.0)
    photos = [np.clip(light * t + 0.001, 0, 1) for t in times]
    found = psf_from_photo(photos, list(times), size=65)
    assert np.abs(found.sum((0, 1)) - 1).max() < 1e-5
    assert np.abs(found - psf).max() < 0.02
    assert np.unravel_index(found[..., 1].argmax(), (65, 65)) == (32, 32)


@pytest.mark.parametrize(
    ("psf", "says"),
    [
        (np.full((5, 5), 0.1, np.float32), "sum to 1"),
        (np.full((5, 5, 3), -1.0, np.float32), "not negative"),
        (np.full((5, 5), np.nan, np.float32), "finite"),
        (np.ones((5, 4), np.float32), "must be"),
    ],
)
def test_bad_psfs_are_refused_in_a_sentence(psf, says):
    with pytest.raises(ValueError, match=says):
        as_psf(psf)


def test_bad_photos_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="divide by the level"):
        recover(np.full((8, 8, 3), 3.0, np.float32), glare_psf(5), start=np.ones((8, 8, 3), np.float32))
    with pytest.raises(ValueError, match="clips even in the shortest"):
        psf_from_photo([np.ones((40, 40, 3), np.float32)], size=9)
    with pytest.raises(ValueError, match="nearer than"):
        corner = np.zeros((40, 40, 3), np.float32)
        corner[1, 1] = 0.5
        psf_from_photo([corner], size=9)
    with pytest.raises(ValueError, match="exposure above 0"):
        psf_from_photo([np.zeros((40, 40, 3), np.float32)] * 2, size=9)
    with pytest.raises(ValueError, match="'star'"):
        plate_height("magic")
