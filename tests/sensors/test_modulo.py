"""A modulo sensor folds light and loses nothing; unwrapping finds the folds again, the offset included."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hdrrecon.networks.sensors.unwrap_net import FOLDS, itoh_changes
from hdrrecon.sensors.modulo import ModuloCamera, folds_of, photograph, rolled_over_by, unwrap, wrap
from tests.sensors.scenes import room


def hill(size: int = 64, top: float = 6.0) -> torch.Tensor:
    """Smooth light (1, 3, S, S) from 0 up to `top` wells, nowhere steeper than half a well per pixel."""
    y, x = np.mgrid[:size, :size] / (size - 1) - 0.5
    light = top * np.exp(-12 * (x**2 + y**2)) + 0.02
    return torch.from_numpy(np.stack([light, 0.8 * light, 0.5 * light]).astype(np.float32))[None]


def test_wrapping_keeps_what_is_below_a_well_and_loses_nothing_with_its_folds():
    light = room(peak=9)
    assert torch.equal(wrap(light) + light.floor(), light)
    assert float(wrap(light).max()) < 1
    array = light[0].permute(1, 2, 0).numpy()
    assert wrap(array).shape == array.shape and wrap(array).dtype == np.float32


def test_the_sensor_counts_in_whole_steps_and_ends():
    light = room(peak=40)
    wrapped, folds = photograph(light, ModuloCamera(bits=8))
    counted = wrapped + folds
    assert torch.equal(counted, ((light * 256).round() / 256).clamp(max=16 - 1 / 256))
    assert float(wrapped.max()) < 1 and float(folds.max()) == FOLDS - 1


def test_noise_is_that_of_the_sensor():
    camera = ModuloCamera(bits=16, shot_noise=1e-3, read_noise=0.01)
    wrapped, folds = photograph(torch.full((1, 3, 200, 200), 4.5), camera, torch.Generator().manual_seed(0))
    assert float((wrapped + folds).std()) == pytest.approx((4.5e-3 + 1e-4) ** 0.5, rel=0.02)


def test_small_steps_are_unwrapped_exactly_without_any_network():
    light = hill()
    assert torch.allclose(unwrap(wrap(light), method="poisson"), light, atol=1e-5)
    wrapped, folds = photograph(light)
    assert torch.equal(itoh_changes(wrapped)[:, :, 0, :, :-1], folds.diff(dim=-1))


def test_reliability_sorting_is_a_baseline():
    pytest.importorskip("skimage")
    light = hill()
    assert torch.allclose(unwrap(wrap(light), method="reliability"), light, atol=1e-5)


def test_the_published_loop_undoes_one_fold_in_each_round():
    _, folds = photograph(hill())

    def perfect(wrapped, current, number):
        return torch.where(folds >= number.view(-1, 1, 1, 1), 1.0, -1.0)

    wrapped, _ = photograph(hill())
    assert torch.equal(rolled_over_by(perfect, wrapped), folds)


@pytest.mark.parametrize(
    ("wrapped", "options", "says"),
    [
        (np.zeros((8, 8, 3), np.uint16), {}, "pass full_well"),
        (np.full((8, 8, 3), 1.5, np.float32), {}, "below one full well"),
        (np.full((8, 8, 3), np.nan, np.float32), {}, "NaN"),
        (np.zeros((8, 8), np.float32), {}, "must be"),
        (-np.ones((8, 8, 3), np.float32), {}, "negative"),
        (np.zeros((8, 8, 3), np.float32), {"full_well": 0}, "above 0"),
        (np.zeros((8, 8, 3), np.float32), {"method": "magic"}, "'network'"),
    ],
)
def test_bad_modulo_images_are_refused_in_a_sentence(wrapped, options, says):
    with pytest.raises(ValueError, match=says):
        unwrap(wrapped, **options)


def test_eight_bits_say_where_they_start_again():
    image = np.array([[[10, 20, 30]]], np.uint8).repeat(4, 0).repeat(4, 1)
    assert np.allclose(unwrap(image, method="poisson")[0, 0], np.array([10, 20, 30]) / 256)
    wide = image.astype(np.uint16)
    assert np.allclose(unwrap(wide, method="poisson", full_well=256), unwrap(image, method="poisson"))


def test_folds_of_a_batch_are_those_of_its_images():
    wrapped = torch.cat([photograph(hill(top=t))[0] for t in (2.0, 5.0)])
    both = folds_of(wrapped, "poisson")
    assert torch.equal(both[1:], folds_of(wrapped[1:], "poisson"))
