"""The formulae of the virtual camera, each against what it says."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.camera.sensor import above_floor, balanced, clipped_by_sensor, noisy, quantised

MATRIX = torch.tensor([[1.6, -0.5, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.6, 1.6]])  # rows sum to 1


def test_noise_has_the_variance_of_foi_et_al():
    normal = torch.randn(1, 3, 300, 300, generator=torch.Generator().manual_seed(0))
    for light in (0.0, 0.1, 0.9):
        values = noisy(torch.full_like(normal, light), normal, 0.01, 0.02)
        assert values.mean().item() == pytest.approx(light, abs=1e-3)
        assert values.var().item() == pytest.approx(0.01 * light + 0.02**2, rel=0.02)


def test_each_photo_may_have_settings_of_its_own():
    light = torch.rand(2, 3, 4, 5)
    gains = torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 0.5]])
    torch.testing.assert_close(balanced(light, gains)[1], balanced(light[1:], gains[1])[0])
    floor = torch.tensor([0.1, 0.3]).view(2, 1, 1, 1)
    assert above_floor(floor, floor).abs().max() == 0 and (above_floor(torch.ones_like(floor), floor) == 1).all()


@given(st.integers(0, 99))
def test_a_sensor_clips_in_its_own_colours_and_leaves_the_rest(seed):
    light = 1.5 * torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(seed))
    inside = torch.linalg.inv(MATRIX) @ light.flatten(2)
    got = clipped_by_sensor(light, MATRIX).flatten(2)
    torch.testing.assert_close(torch.linalg.inv(MATRIX) @ got, inside.clamp(max=1), atol=1e-5, rtol=0)
    kept = (inside <= 1).all(1)[0]
    assert torch.equal(got[..., kept], light.flatten(2)[..., kept])


def test_grey_light_that_clips_stays_grey():
    torch.testing.assert_close(clipped_by_sensor(torch.full((1, 3, 2, 2), 3.0), MATRIX), torch.ones(1, 3, 2, 2))


@given(st.integers(1, 12), st.floats(0, 1, width=32))
def test_quantising_rounds_to_the_nearest_code_once(bits, value):
    code = quantised(torch.tensor(value), bits)
    levels = 2**bits - 1
    assert abs(code.item() - value) <= 0.5 / levels + 1e-6
    assert abs(code.item() * levels - round(code.item() * levels)) < 1e-3 and torch.equal(quantised(code, bits), code)
