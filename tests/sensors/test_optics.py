"""Plates before a lens: PSFs obey wave optics, light is conserved, and streaks tell how bright a lamp was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hdrrecon.sensors.optics import OpticsCamera, as_psf, glare_psf, photograph, psf_from_photo, recover
from hdrrecon.sensors.streaks import CLIPPED
from hdrrecon.sensors.wave_optics import (
    plate_height,
    psf_of_height,
    star_height,
)


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
