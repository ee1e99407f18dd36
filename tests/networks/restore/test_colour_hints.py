"""The two guesses of the colour of clipped light say what their names say."""

import pytest
import torch

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.networks.restore import colour_hints as hints
from hdrrecon.pipeline.panorama import Sphere


def lamp(colour, glow=(0.6, 0.3, 0.1), size=64):
    """A dim wall, a glow in it, and a lamp of a colour far above the clip level in the middle."""
    light = torch.full((1, 3, size, size), 0.02)
    middle = slice(size // 2 - 4, size // 2 + 4)
    wide = slice(size // 2 - 12, size // 2 + 12)
    light[..., wide, wide] = torch.tensor(glow).view(3, 1, 1)
    light[..., middle, middle] = torch.tensor(colour).view(3, 1, 1)
    return light


def guessed(light):
    """Hints at the middle pixel of a photo of this light, and the light as it was measured there."""
    linear = light.clamp(max=1)
    maps = hints.colour_maps(linear, over_mask(linear), under_mask(linear))
    at = light.shape[-1] // 2
    return hints.colour_hints(
        linear[..., at : at + 1, at : at + 1], maps[..., at // 2 : at // 2 + 1, at // 2 : at // 2 + 1]
    )


def test_light_that_is_lost_altogether_gets_the_colour_of_its_glow():
    found = guessed(lamp((30.0, 15.0, 5.0)))
    glow = hints.chromaticity(torch.tensor([[0.6, 0.3, 0.1]])[..., None])[0, :, 0]
    colour = found.rim[0, :, 0, 0] - found.rim[0, :, 0, 0].mean()
    assert torch.allclose(colour, glow - glow.mean(), atol=0.1)
    assert found.rim.amin() == pytest.approx(0, abs=1e-4), "every channel at least at the clip level"


def test_a_channel_that_clips_alone_is_guessed_from_the_two_others():
    """Red is twice what the others suggest around, and so it is where it clipped."""
    ramp = torch.linspace(0.2, 0.9, 64).view(1, 1, 1, -1).expand(1, 3, 64, 64) * torch.tensor([2.0, 1.0, 1.0]).view(
        1, 3, 1, 1
    )
    linear = ramp.clamp(max=1)
    maps = hints.colour_maps(linear, over_mask(linear), under_mask(linear))
    found = hints.colour_hints(linear, maps.repeat_interleave(2, 2).repeat_interleave(2, 3))
    clipped = ramp[:, 0] > 1.02
    off = (found.opposed[:, 0] - ramp[:, 0].log2())[clipped]
    assert clipped.any() and off.abs().max() < 0.25 and off.abs().max() < 0.5 * (ramp[:, 0].log2())[clipped].max()
    assert torch.equal(found.opposed[:, 1], linear[:, 1].log2()) or (found.opposed >= linear.log2() - 1e-6).all()


def test_a_photo_without_any_well_exposed_pixel_has_finite_hints():
    for value in (0.0, 1.0):
        found = guessed(torch.full((1, 3, 32, 32), value))
        assert all(torch.isfinite(x).all() for x in (found.rim, found.opposed, *found.inputs))


def test_hints_of_a_turned_panorama_are_turned():
    torch.manual_seed(0)
    linear = (torch.rand(1, 3, 32, 64) * 1.5).clamp(max=1)
    with Sphere():
        maps = [hints.colour_maps(x, over_mask(x), under_mask(x)) for x in (linear, linear.roll(20, -1))]
    assert torch.allclose(maps[0].roll(10, -1), maps[1], atol=1e-4)


def test_there_are_as_many_channels_as_stated():
    linear = torch.rand(2, 3, 16, 16)
    maps = hints.colour_maps(linear, over_mask(linear), under_mask(linear))
    assert maps.shape == (2, hints.MAPS, 8, 8)
    assert sum(x.shape[1] for x in hints.colour_hints(linear[..., ::2, ::2], maps).inputs) == hints.HINTS
