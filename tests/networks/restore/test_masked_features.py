"""Stage 2 answers with a distribution where light was lost, and with nothing where it was not."""

import numpy as np
import pytest
import torch

import hdrrecon
from hdrrecon.camera.masks import over_mask
from hdrrecon.color import luminance
from hdrrecon.networks.restore.colour_hints import MAPS, colour_hints
from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig, coloured, per_pixel
from tests.conftest import needs_weights

TINY = MaskedFeaturesConfig(widths=(8, 8, 16), kernels=(3, 3, 3), recognise=0, features=4, head=8, working_px=64)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    made = MaskedFeatures(TINY)
    torch.nn.init.normal_(made.head[-1].weight, std=0.5)
    return made.eval()


def photo(height=48, width=64):
    torch.manual_seed(1)
    code = torch.rand(1, 3, height, width) * 0.8 + 0.1
    code[..., 8:24, 8:24] = 1.0
    code[..., 30:40, 30:40] = 0.0
    return code


def test_light_is_answered_where_it_was_lost_and_nowhere_else(net):
    code = photo()
    light = net(code, code**2.2)
    lost = torch.zeros(48, 64, dtype=torch.bool)
    lost[8:24, 8:24] = lost[30:40, 30:40] = True
    for answer in light:
        assert (answer[0, :, lost] > 0).all() and (answer[0, :, ~lost] == 0).all()
    assert light.shadow.max() <= 2**-8


def test_sparse_answers_are_the_dense_ones(net):
    code = photo()
    linear = code**2.2
    deep = net.look(code, linear, 64)
    from hdrrecon.networks.working_resolution import enlarge_rows

    dense = net.answer(code, linear, enlarge_rows(deep, slice(0, 48), (48, 64)))
    sparse = net(code, linear)
    for a, b in zip(dense, sparse):
        torch.testing.assert_close(a[..., 8:24, 8:24], b[..., 8:24, 8:24], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("highlights", ["median", "energy"])
def test_one_answer_is_that_of_all_answers(net, highlights):
    code = photo()
    linear, deep = code**2.2, net.look(code, code**2.2, 64).repeat_interleave(2, 2).repeat_interleave(2, 3)
    everything = net.answer(code, linear, deep)
    stops, shadow = net.answer_one(code, linear, deep, highlights)
    assert torch.equal(stops, getattr(everything, highlights)) and torch.equal(shadow, everything.shadow)


def test_heads_of_one_photo_and_of_several_are_the_same(net):
    """One photo goes through matrix products, several through convolutions."""
    x = torch.randn(2, net.head[0].in_channels, 5, 7)
    apart = torch.cat([per_pixel(net.head, one[None]) for one in x])
    torch.testing.assert_close(apart, per_pixel(net.head, x), atol=1e-5, rtol=1e-5)


def test_the_place_in_a_list_of_pixels_does_not_matter(net):
    """Light would depend on where bands end."""
    x, order = torch.randn(1, net.head[0].in_channels, 4096, 1), torch.randperm(4096)
    with torch.no_grad():
        assert torch.equal(per_pixel(net.head, x)[:, :, order], per_pixel(net.head, x[:, :, order]))


def test_what_a_clipped_value_is_does_not_reach_the_unet(net):
    """Anything from 250 to 255 is clipped; the recorded number is an accident of the camera."""
    code = photo()
    other = torch.where(over_mask(code) >= 1, torch.full_like(code, 251 / 255), code)
    # The same linear light: the head may read it, the masked network may not.
    torch.testing.assert_close(net.look(code, code**2.2, 64), net.look(other, other**2.2, 64), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (65, 33)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_photos_of_one_value_and_odd_sizes_get_finite_light(net, size, value):
    code = torch.full((1, 3, *size), value)
    assert all(torch.isfinite(x).all() for x in net(code, code))


def test_of_a_photo_that_clipped_everywhere_nothing_is_sure(net):
    """Whatever the weights, its intervals are wide; where a fifth was measured they are the network's own. Light stays
    as it is."""
    white = torch.ones(1, 3, 48, 64)
    found, deep = net(white, white), net.look(white, white, 64)
    assert found.above.min() >= 4 and found.below.min() >= 4
    deep[:, TINY.features] = 0
    own = net.answer(white[..., :1, :1], white[..., :1, :1], deep[..., :1, :1])
    assert own.above.max() < 4
    torch.testing.assert_close(found.median[..., :1, :1], own.median)
    fifth = torch.full((1, 3, 50, 40), 0.5)
    fifth[..., :39, :] = 1
    assert (net.look(fifth, fifth, 64)[:, TINY.features] == 0).all()


def test_the_classifier_joins_and_stays_as_it_was():
    torch.manual_seed(0)
    net = MaskedFeatures(MaskedFeaturesConfig(widths=(8, 8, 8, 8, 8), recognise=5, features=4, head=8, working_px=64))
    code = photo(64, 64)
    assert not any(p.requires_grad for p in net.context.classifier.parameters())
    net.eval()
    before = net.look(code, code**2.2, 64)
    with torch.no_grad():
        net.context.join["3"][1].bias.add_(1.0)
    assert not torch.equal(before, net.look(code, code**2.2, 64))


@pytest.mark.parametrize("model", ["full", "fast", "masked-features"])
def test_a_shipped_model_answers_a_white_photo_smoothly_and_without_confidence(model):
    needs_weights()
    out = hdrrecon.reconstruct(np.full((200, 300, 3), 255, np.uint8), model=model, device="cpu", details=True)
    assert np.isfinite(out.radiance).all() and out.radiance.min() >= 1 and out.confidence.max() < 0.3
    assert max(np.abs(np.diff(np.log2(out.radiance), axis=axis)).max() for axis in (0, 1)) < 0.5, (
        "stops from pixel to pixel"
    )


def test_energy_has_the_colour_of_the_median_and_leaves_what_was_measured_alone(net):
    """Also where masks are half way: all three channels are multiplied by one number."""
    torch.manual_seed(2)
    code = torch.rand(1, 3, 40, 40) * 0.04 + 0.96
    linear = code**2.2
    light, over = net(code, linear), over_mask(code)
    more = over * (light.energy - light.median)
    assert (more.amax(1) - more.amin(1)).max() < 1e-4 and more.abs().max() > 0.02
    assert (over * light.energy > -1e-5).all(), "never darker than what was measured"
    code[:, 1] = 0.5
    light = net(code, linear)
    torch.testing.assert_close(over_mask(code) * light.energy, over_mask(code) * light.median)


def test_the_head_goes_towards_the_guesses_as_far_as_it_says():
    linear = torch.tensor([1.0, 1.0, 1.0]).view(1, 3, 1, 1)
    maps = torch.zeros(1, MAPS, 1, 1)
    maps[:, :3] = torch.tensor([1.0, -0.5, -2.0]).view(3, 1, 1)
    hints, stops = colour_hints(linear, maps), torch.full((1, 3, 1, 1), 4.0)
    share = torch.zeros(1, 2, 1, 1)
    assert torch.allclose(coloured(stops, hints, share), stops, atol=1e-5)
    share[:, 0] = 1
    light = torch.exp2(coloured(stops, hints, share))
    assert float(luminance(light, 1)) == pytest.approx(16, rel=1e-4), "the luminance stays"
    assert torch.allclose(light.log2()[0, :, 0, 0].diff(), torch.tensor([-1.5, -1.5]), atol=1e-4)
