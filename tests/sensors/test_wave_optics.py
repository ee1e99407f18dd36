"""Plates before a lens: PSFs obey wave optics and conserve light."""

from __future__ import annotations

import pytest
import torch

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
