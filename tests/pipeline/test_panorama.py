"""Turning a panorama turns its light, whatever the weights; nothing marks the place where it was cut open."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hdrrecon.api import Reconstructor
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig
from hdrrecon.pipeline.panorama import Sphere, around, is_panorama, working_px
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes


def pano_pipeline() -> HDRPipeline:
    torch.manual_seed(0)
    net = MaskedFeatures(
        MaskedFeaturesConfig(widths=(8, 16, 16), kernels=(3, 3, 3), recognise=0, features=4, head=8, working_px=128)
    )
    for p in net.parameters():
        nn.init.normal_(p, std=0.3)
    return HDRPipeline(None, net).eval()


@pytest.fixture
def sun_on_the_seam() -> torch.Tensor:
    """(1, 3, 256, 512): a sky with clouds, ground, and a sun cut in two by the seam."""
    lat, lon = np.mgrid[0:256, 0:512].astype(np.float32)
    turn = 2 * np.pi * (lon + 0.5) / 512
    sky = 0.45 + 0.2 * np.cos(turn + 1) * np.sin(lat / 40) + 0.05 * np.sin(5 * turn)
    away = np.minimum(lon, 511 - lon) + 0.5
    sun = 40 * np.exp(-(away**2 + (lat - 70) ** 2) / 60)
    light = (
        np.where(lat > 150, 0.12 + 0.05 * np.cos(3 * turn), sky)[None] * np.float32([0.8, 0.9, 1.0])[:, None, None]
        + sun
    )
    code = np.rint(255 * np.clip(light, 0, 1) ** (1 / 2.2)) / 255
    return torch.from_numpy(code.astype(np.float32))[None]


def test_turning_the_panorama_turns_its_light(sun_on_the_seam):
    pipeline, srgb = pano_pipeline(), ResponseCurve.srgb()
    here = pipeline(sun_on_the_seam, srgb)
    assert here.panorama, "2:1, and its edges meet"
    there = pipeline(sun_on_the_seam.roll(256, -1), srgb).radiance.roll(256, -1)
    stops = (here.radiance / there).log2().abs()
    clipped = here.over.amax(1) > 0
    assert (
        clipped[..., 0].any() and clipped[..., -1].any() and (here.radiance / here.linear)[here.over > 0].max() > 1.05
    )
    assert stops.max() < 1e-3
    flat = pipeline(sun_on_the_seam, srgb, panorama=False).radiance
    turned = pipeline(sun_on_the_seam.roll(256, -1), srgb, panorama=False).radiance.roll(256, -1)
    assert (flat / turned).log2().abs().max() > 1e-2, (
        "an ordinary picture does depend on where it ends, or this shows nothing"
    )


def test_the_step_at_the_seam_is_unchanged(sun_on_the_seam):
    """The sun is symmetrical about the seam, and so is its light: no step where the photo has none."""
    out = pano_pipeline()(sun_on_the_seam, ResponseCurve.srgb())
    full = (sun_on_the_seam[..., [0, -1]] == 1).all(-1).all(1)[0]
    assert full.sum() > 5

    def step(image, a, b):
        return (image[..., a] / image[..., b]).log2()[0, :, full].abs()

    assert torch.equal(out.linear[..., full, 0], out.linear[..., full, -1])
    inside = step(out.radiance, 0, 1).max()
    assert step(out.radiance, 0, -1).max() <= inside + 0.02
    measured = (out.over[..., [0, -1]] == 0).all(-1)
    assert torch.equal(out.radiance[..., 0][measured], out.linear[..., 0][measured])


def test_bands_do_not_show_in_a_panorama(sun_on_the_seam):
    from hdrrecon.pipeline.inputs import ingest
    from hdrrecon.pipeline.result import whole

    development = pano_pipeline().prepare(PixelCodes.of_tensor(sun_on_the_seam[0]), ResponseCurve.srgb())
    image = ingest(sun_on_the_seam)
    one, two = (whole(image, [development], rows, "radiance") for rows in (256, 13))
    assert torch.equal(one, two)


def test_padding_goes_around_and_over_the_poles():
    x = torch.arange(32.0).view(1, 1, 4, 8)
    out = around(x, 2, 1)[0, 0]
    assert torch.equal(out[2:-2, 1:-1], x[0, 0])
    assert torch.equal(out[2:-2, 0], x[0, 0, :, -1]) and torch.equal(out[2:-2, -1], x[0, 0, :, 0])
    opposite = x[0, 0].roll(4, -1)
    assert torch.equal(out[1, 1:-1], opposite[0]) and torch.equal(out[0, 1:-1], opposite[1])
    assert torch.equal(out[-2, 1:-1], opposite[-1]) and torch.equal(out[-1, 1:-1], opposite[-2])


@pytest.mark.parametrize(
    "net",
    [
        nn.Conv2d(2, 3, 3, padding=1),
        nn.Conv2d(2, 3, 5, stride=2, padding=2),
        nn.Conv2d(2, 4, (1, 3), padding=(0, 1), groups=2),
        lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False),
        lambda x: F.avg_pool2d(F.pad(x, (1, 0, 1, 0)), 2),
    ],
)
def test_inside_the_sphere_operations_turn_with_their_input(net):
    x = torch.rand(1, 2, 8, 16)
    with torch.no_grad(), Sphere():
        here, there = net(x), net(x.roll(8, -1))
    torch.testing.assert_close(there, here.roll(here.shape[-1] // 2, -1), atol=1e-6, rtol=1e-5)
    with torch.no_grad():
        assert net(x).shape == here.shape and not torch.allclose(net(x), here), "outside of it they see an edge"


def test_what_is_taken_for_a_panorama(sun_on_the_seam):
    code = sun_on_the_seam[0]
    assert is_panorama(PixelCodes.of_tensor(code))
    assert not is_panorama(PixelCodes.of_tensor(code[:, :-1])), "not 2:1"
    assert not is_panorama(PixelCodes.of_tensor(code[:, ::2, ::2])), "a banner"
    gradient = torch.linspace(0, 1, 512).expand(3, 256, 512)
    assert not is_panorama(PixelCodes.of_tensor(gradient)), "its edges do not meet"


def test_a_panorama_that_is_none_is_refused(small_photo):
    with pytest.raises(ValueError, match="128 x 96"):
        Reconstructor(pano_pipeline(), device="cpu")(small_photo, response="srgb", panorama=True)


@pytest.mark.parametrize(
    "longest, width, multiple, want",
    [(256, 8192, 32, 256), (768, 600, 32, 576), (512, 600, 32, 512), (512, 600, 1, 512), (256, 40, 32, 40)],
)
def test_the_size_at_which_a_panorama_is_seen(longest, width, multiple, want):
    got = working_px(longest, width, multiple)
    assert got == want


def coded(picture: np.ndarray) -> PixelCodes:
    return PixelCodes(torch.from_numpy(np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)), None, "cpu")


def test_ordinary_pictures_of_2_to_1_are_no_panoramas():
    """Their edges are alike, but nothing goes on from one to the other."""
    rng, (height, width) = np.random.default_rng(0), (256, 512)
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    thing = rng.random((height, width, 3))

    def framed(ground: np.ndarray) -> np.ndarray:
        picture = np.broadcast_to(ground, (height, width, 3)).copy()
        picture[:, width // 4 : -width // 4] = thing[:, width // 4 : -width // 4]
        return picture

    sweep = (0.95 - 0.35 * y)[..., None]
    vignette = sweep * (1 - 0.3 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None]
    waves = rng.normal(0, 0.05, (height, width, 1))
    sea = np.where(y[..., None] < 0.5, 0.6 + 0.3 * y[..., None], 0.25 + waves * y[..., None]) * np.ones(3)
    for name, picture in {
        "a product on white": framed(np.full((1, 1, 3), 0.97)),
        "a product on a sweep": framed(sweep),
        "a product in a vignette": framed(vignette),
        "a film with bars": framed(np.zeros((1, 1, 3))),
        "the sea": sea,
        "noise": thing,
    }.items():
        assert not is_panorama(coded(picture)), name


def test_a_picture_that_goes_around_is_found():
    """Noise smoothed around the cylinder: detail goes on over the seam; cut elsewhere or shifted against itself it does
    not."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.fft2(rng.normal(0, 1, (256, 512)))
    fy, fx = np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(512), indexing="ij")
    around = np.fft.ifft2(spectrum * np.exp(-((fx**2 + fy**2) * 60))).real
    picture = np.repeat((0.5 + 0.15 * around / around.std())[..., None], 3, -1)
    assert is_panorama(coded(picture))
    broken = picture.copy()
    broken[:, 256:] = np.roll(picture[:, 256:], 40, 0)
    assert not is_panorama(coded(broken))


@pytest.mark.parametrize("height", [1, 2, 3, 5, 8, 15, 16, 17, 31, 33])
def test_small_panoramas_are_reconstructed(height):
    torch.manual_seed(0)
    net = MaskedFeatures(MaskedFeaturesConfig(widths=(8, 16, 16, 16, 16), kernels=(3, 5, 5, 5, 5), recognise=0))
    pipeline = HDRPipeline(None, net).eval()
    for width in (2 * height, 2 * height + 1, max(2, 2 * height - 1)):
        code = torch.rand(1, 3, height, width).clamp(0.5)
        code[..., : max(1, height // 3), :] = 1
        assert pipeline(code, ResponseCurve.srgb(), panorama=True).radiance.isfinite().all()


def test_around_a_small_panorama_goes_on_as_around_a_large_one():
    x = torch.rand(1, 2, 3, 6)
    once = around(x, 3, 6)
    assert torch.equal(around(x, 5, 8)[..., 2:-2, 2:-2], once)
    assert torch.equal(around(around(x, 3, 0), 0, 6), once)
