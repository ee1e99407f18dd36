"""The virtual camera does what its settings say."""

import pytest
import torch

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.camera.simulate import Camera, simulate
from hdrrecon.color import linear_to_srgb


@pytest.fixture
def light(small_hdr):
    return torch.from_numpy(small_hdr.transpose(2, 0, 1).copy())[None]


@pytest.mark.parametrize("percent", [0.5, 5.0, 20.0])
def test_the_stated_share_of_pixels_clips(light, percent):
    shot = simulate(light, Camera(ResponseCurve.srgb(), clip_percent=percent))
    assert float((shot.truth.amax(1) >= 1).float().mean()) * 100 == pytest.approx(percent, abs=0.1)


def test_a_plain_shot_is_the_textbook_formula(light):
    shot = simulate(light, Camera(ResponseCurve.srgb(), clip_percent=None, exposure=0.5))
    expected = (linear_to_srgb((0.5 * light).clamp(0, 1)) * 255).round() / 255
    assert (shot.code - expected).abs().max() <= 1 / 255 + 1e-6
    assert (
        (shot.code - expected).abs() > 1e-6
    ).float().mean() < 0.02  # the sampled curve differs by a rounding here and there


def test_linearising_the_photo_gives_unclipped_light_back(light):
    curve = ResponseCurve.gamma(2.2)
    shot = simulate(light, Camera(curve, bits=16))
    unclipped = shot.truth < 1
    assert (curve.linearize(shot.code) - shot.truth)[unclipped].abs().max() < 1e-4


def test_noise_has_the_stated_variance():
    flat = torch.full((1, 3, 200, 200), 0.25)
    camera = Camera(ResponseCurve.gamma(1), clip_percent=None, shot_noise=1e-3, read_noise=0.01, bits=None)
    code = simulate(flat, camera, torch.Generator().manual_seed(0)).code
    assert float(code.var()) == pytest.approx(1e-3 * 0.25 + 1e-4, rel=0.03)
    assert torch.equal(code, simulate(flat, camera, torch.Generator().manual_seed(0)).code)


def test_black_percent_crushes_that_share(light):
    shot = simulate(light, Camera(ResponseCurve.srgb(), black_percent=10.0))
    assert float((shot.code.amax(1) == 0).float().mean()) >= 0.095


def test_jpeg_is_eight_bit_and_close(light):
    camera = Camera(ResponseCurve.srgb(), jpeg_quality=95)
    code = simulate(light, camera).code
    assert torch.allclose(code * 255, (code * 255).round(), atol=1e-3)
    assert (code - simulate(light, Camera(ResponseCurve.srgb())).code).abs().mean() < 0.02


@pytest.mark.parametrize(
    "bad", [torch.ones(3, 4, 4), torch.full((1, 3, 4, 4), float("nan")), torch.full((1, 3, 4, 4), -1.0)]
)
def test_bad_light_is_refused(bad):
    with pytest.raises(ValueError):
        simulate(bad, Camera(ResponseCurve.srgb()))
