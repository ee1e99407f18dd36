"""Light of each pixel by itself: nothing untrained, nothing where nothing was lost, never darker."""

import pytest
import torch

from hdrrecon.networks.refine.preliminary_light import BRIGHTEST_SHADOW, PreliminaryConfig, PreliminaryLight
from hdrrecon.networks.restore.features import Seen


def net(trained=True):
    torch.manual_seed(0)
    made = PreliminaryLight(PreliminaryConfig(hidden=8, thumbnail=(8, 8), working_px=16))
    if trained:
        for layer in (made.last, made.film[-1]):
            torch.nn.init.normal_(layer.weight)
            torch.nn.init.normal_(layer.bias)
    return made.eval()


@pytest.fixture
def code():
    made = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(2)) * 0.8 + 0.1
    made[..., :6, :8], made[..., -5:, -5:] = 1, 0
    return made


def test_untrained_it_adds_nothing_and_every_weight_of_its_last_layer_learns(code):
    made = net(trained=False)
    light = made(code, code**2)
    assert torch.equal(light, code**2)
    light.sum().backward()
    assert made.last.weight.grad.abs().sum(1).all()


def test_measured_light_is_kept_to_the_bit_and_nothing_gets_darker(code):
    linear, made = code**2, net()
    light = made(code, linear)
    assert torch.equal(light[..., 8:18, 10:25], linear[..., 8:18, 10:25]) and (light >= linear).all()
    assert (light[..., :6, :8] > linear[..., :6, :8]).any() and (light[..., -5:, -5:] > 0).any()
    assert light[..., -5:, -5:].max() <= BRIGHTEST_SHADOW


def test_pixels_answer_alone_in_any_arrangement(code):
    linear, made = code**2, net()
    deep = made.look_at(Seen.at(code, linear, 16))
    whole = made.answer(code, linear, deep)
    order = torch.randperm(24 * 32, generator=torch.Generator().manual_seed(0))

    def listed(x):
        return x.flatten(2)[..., order, None]

    some = made.answer(listed(code), listed(linear), deep)
    for a, b in zip(whole, some):
        torch.testing.assert_close(b, listed(a), atol=1e-5, rtol=1e-4)
