"""A response and light from brackets: known curves come back, gradients are right, nonsense is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hdrrecon.camera.bracket import (
    MotionWarning,
    from_bracket,
    merge,
    read_bracket,
    sampled,
    solve_response,
)
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.view.bracket import write_bracket
from tests.sensors.scenes import room

TIMES = (1 / 16, 1 / 4, 1, 4)
CURVES = [
    ResponseCurve.srgb(),
    ResponseCurve.gamma(2.2),
    ResponseCurve.gamma(1.0),
    ResponseCurve(np.linspace(0, 1, 1024) ** 1.5 * (0.6 + 0.4 * np.linspace(0, 1, 1024) ** 2), "with a shoulder"),
]


def shots(light, curve, times=TIMES, bits=8):
    out = []
    for seconds in times:
        code = curve.expose((light[0].permute(1, 2, 0).numpy() * seconds).clip(0, 1))
        out.append(np.rint(code * 255).astype(np.uint8) if bits else code.astype(np.float32))
    return out


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_known_curves_come_back(curve):
    found = from_bracket(shots(room(), curve), TIMES).response
    codes = slice(20, 1000)  # the ends are where a bracket says least
    assert np.abs(found.inverse - curve.inverse)[:, codes].max() < 0.04
    assert np.sqrt(np.mean((found.inverse - curve.inverse)[:, codes] ** 2)) < 0.02


def test_light_comes_back_up_to_a_scale():
    light = room()
    merged = from_bracket(shots(light, ResponseCurve.srgb()), TIMES).light
    truth = light[0].permute(1, 2, 0).numpy()
    seen = (truth > 0.02) & (truth < 12)  # the shortest exposure clips at 16
    stops = np.log2(merged / truth)[seen]
    assert np.std(stops) < 0.06


def test_the_gauge_is_the_middle_code():
    log_inverse = from_bracket(shots(room(), ResponseCurve.srgb()), TIMES).log_inverse
    assert torch.allclose(log_inverse[:, 128], torch.zeros(3, dtype=torch.float64), atol=1e-9)


def test_times_matter_only_by_their_ratios():
    photos = shots(room(), ResponseCurve.srgb())
    one, other = (from_bracket(photos, [t * k for t in TIMES]) for k in (1, 1000))
    assert np.allclose(one.response.inverse, other.response.inverse, atol=1e-9)
    assert np.allclose(one.light, 1000 * other.light, rtol=1e-4)


def test_gradients_of_the_response_are_right():
    codes = torch.rand(3, 1, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.8 + 0.1
    log_times = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    codes = ((codes * 255).floor() + 0.4) / 255  # between two bins, where the hats have no kink
    out = torch.randn(1, 256, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def loss(x):
        return (solve_response(x, log_times) * out).sum()

    assert torch.autograd.gradcheck(loss, codes.requires_grad_(), eps=1e-6, atol=1e-3, rtol=1e-3)


def test_gradients_of_merged_light_are_right():
    generator = torch.Generator().manual_seed(0)
    codes = ((torch.rand(3, 1, 2, 3, generator=generator, dtype=torch.float64) * 200 + 20).floor() + 0.4) / 255
    log_inverse = torch.linspace(-4, 1, 256, dtype=torch.float64)[None]
    log_times = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    inputs = (codes.requires_grad_(), log_inverse.requires_grad_())
    assert torch.autograd.gradcheck(lambda z, g: merge(z, g, log_times), inputs, eps=1e-6, atol=1e-5)


def test_every_photo_of_a_tensor_gets_a_gradient():
    codes = torch.from_numpy(np.stack(shots(room(64), ResponseCurve.srgb(), bits=0))).permute(0, 3, 1, 2)
    merged = from_bracket(codes.requires_grad_(), TIMES)
    assert merged.light.shape == (3, 64, 64)
    (merged.light.log().square().mean() + merged.log_inverse.square().mean()).backward()
    assert torch.isfinite(codes.grad).all()
    assert all(float(one.abs().sum()) > 0 for one in codes.grad)


def test_what_clips_in_every_photo_comes_from_the_shortest():
    code = torch.full((2, 1, 1, 2), 1.0)
    code[0, ..., 0] = 0.9  # the shortest still sees the first pixel
    log_inverse = torch.linspace(-5, 1, 256, dtype=torch.float64)[None]
    light = merge(code, log_inverse, torch.tensor([-2.0, 0.0]))
    assert torch.isfinite(light).all()
    assert light[0, 0, 1] > light[0, 0, 0]


def test_exposures_are_read_from_exif(tmp_path):
    light = room()[0].permute(1, 2, 0).numpy()
    paths = write_bracket(tmp_path, light, (-4, -2, 0, 2), quality=98)
    _, times = read_bracket(paths)
    assert np.allclose(np.array(times) / times[2], [1 / 16, 1 / 4, 1, 4], rtol=1e-3)
    found = from_bracket(paths)
    assert np.sqrt(np.mean((found.response.inverse - ResponseCurve.srgb().inverse)[:, 20:1000] ** 2)) < 0.02


def test_moving_scenes_are_said():
    photos = shots(room(), ResponseCurve.srgb())
    photos[2] = np.roll(photos[2], 40, 1)
    with pytest.warns(MotionWarning, match="moved"):
        assert from_bracket(photos, TIMES).moved_share > 0.05


def test_a_still_scene_does_not_move():
    assert from_bracket(shots(room(), ResponseCurve.srgb()), TIMES).moved_share < 0.01


@pytest.mark.parametrize(
    ("change", "times", "says"),
    [
        (lambda p: p, (1, 1, 1, 1), "all exposure times are equal"),
        (lambda p: p, (1, 2, 3), "4 photos and 3 times"),
        (lambda p: p[:1], (1,), "at least two"),
        (lambda p: p, (1, 2, -3, 4), "above 0"),
        (lambda p: p, None, "pass times"),
        (lambda p: [*p[:3], p[3][:10]], TIMES, "one size"),
        (lambda p: [a.astype(np.float32) for a in p], TIMES, "code values"),
        (lambda p: [np.full(a.shape, np.nan, np.float32) for a in p], TIMES, "NaN"),
    ],
)
def test_bad_brackets_are_refused_in_a_sentence(change, times, says):
    with pytest.raises(ValueError, match=says):
        from_bracket(change(shots(room(32), ResponseCurve.srgb())), times)


def test_a_photo_without_a_time_is_named(tmp_path):
    from PIL import Image

    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8), 128).save(tmp_path / name)
    with pytest.raises(ValueError, match=r"a\.png says no exposure time"):
        from_bracket([tmp_path / "a.png", tmp_path / "b.png"])


def test_sampling_is_a_regular_grid():
    assert sampled(torch.rand(2, 3, 100, 200)).shape[:2] == (2, 3)
    assert 700 < sampled(torch.rand(2, 3, 100, 200)).shape[2] < 1600


def test_the_function_is_at_hand():
    import hdrrecon.camera

    assert hdrrecon.camera.from_bracket is from_bracket
