"""A sun in a panorama: the energy that was asked for, where it was asked for, and nothing else changed."""

import numpy as np
import pytest
import torch
from torch import nn

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.color import luminance
from hdrrecon.latlong import directions, pixel_solid_angle
from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig
from hdrrecon.options import check_sun
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes
from tests.networks.restore.test_light_budget import biased, network

SRGB = ResponseCurve.srgb()


def pipeline(kind: str = "hard sun") -> HDRPipeline:
    torch.manual_seed(0)
    net = MaskedFeatures(
        MaskedFeaturesConfig(widths=(8, 16, 16), kernels=(3, 3, 3), recognise=0, features=4, head=8, working_px=128)
    )
    for p in net.parameters():
        nn.init.normal_(p, std=0.3)
    return HDRPipeline(None, net, None, biased(network(), kind)).eval()


def photo(
    height: int = 128, elevation_deg: float = 40.0, azimuth_deg: float = 30.0, glare_deg: float = 8.0
) -> torch.Tensor:
    """(H, 2 H, 3) uint8 codes: a sky whose sun clipped, over ground."""
    north, east = np.radians(elevation_deg), np.radians(azimuth_deg)
    toward = np.array([np.cos(north) * np.sin(east), np.sin(north), np.cos(north) * np.cos(east)])
    vectors = directions(height)
    away = np.degrees(np.arccos(np.clip(vectors @ toward, -1, 1)))
    code = np.where(vectors[..., 1] > 0, 140 + 80 * np.exp(-away / 20), 90)[..., None] * np.array([0.9, 1.0, 1.05])
    code[(away < glare_deg) & (vectors[..., 1] > 0)] = 255
    return torch.from_numpy(np.clip(np.rint(code), 0, 255).astype(np.uint8))


def light_of(pipe: HDRPipeline, codes: torch.Tensor, sun="auto", **options):
    prepared = pipe.prepare(PixelCodes(codes), SRGB, highlights="energy", panorama=True, sun=sun, **options)
    return prepared, prepared.light(slice(0, codes.shape[0]))[0].numpy()


def added(bright: np.ndarray, plain: np.ndarray) -> tuple[float, np.ndarray]:
    """Light that came in, summed over the sphere, and its mean direction."""
    height = bright.shape[0]
    more = luminance((bright - plain).astype(np.float64)) * pixel_solid_angle(height)
    mean = (directions(height) * more[..., None]).sum((0, 1))
    return float(more.sum()), mean / np.linalg.norm(mean)


def test_the_sun_gives_what_the_estimate_says_and_only_clipped_pixels_change():
    pipe, codes = pipeline(), photo()
    prepared, light = light_of(pipe, codes)
    estimate = prepared.lost_light.estimate
    off, plain = light_of(pipe, codes, "off")
    assert estimate.has_sun and off.lost_light.disc is None
    gain = estimate.gain
    linear = prepared.linear(slice(0, 128)).numpy()
    restored = np.where((codes.numpy() > 240).any(-1, keepdims=True), linear + gain * (plain - linear), plain)
    got, toward = added(light, restored)
    assert got == pytest.approx(estimate.sun_illuminance, rel=1e-3)
    assert np.degrees(np.arcsin(toward[1])) == pytest.approx(estimate.sun_elevation_deg, abs=1)
    measured = (codes.numpy() <= 240).all(-1)
    assert np.array_equal(light[measured], plain[measured])


@pytest.mark.parametrize("kind", ["sky", "lamps", "windows"])
def test_without_a_sun_stage_2_stands_to_the_bit(kind):
    pipe, codes = pipeline(kind), photo()
    _, light = light_of(pipe, codes)
    pipe.budget = None
    assert np.array_equal(light, light_of(pipe, codes)[1])


@pytest.mark.parametrize("height", [64, 128, 512])
@pytest.mark.parametrize("where", [(35, 20), (60, 179.9), (89.5, 0), (4, -90)])
def test_a_given_sun_has_its_strength_at_any_size_and_place(height, where):
    pipe, codes = pipeline("sky"), photo(height)
    prepared, light = light_of(pipe, codes, (*where, 25.0))
    pixels = prepared.lost_light.given_pixels(slice(0, height), codes.shape[:2], "cpu").view(height, -1).numpy()
    assert 1 <= pixels.sum() < 0.02 * pixels.size
    linear = prepared.linear(slice(0, height)).numpy()
    outside = (codes.numpy() <= 240).all(-1) & ~pixels
    assert np.array_equal(light[outside], linear[outside])
    _, plain = light_of(pipe, codes, "off")
    got, toward = added(np.where(pixels[..., None], light, 0), np.where(pixels[..., None], plain, 0))
    assert got == pytest.approx(25, rel=0.02)
    north, east = np.radians(where)
    want = [np.cos(north) * np.sin(east), np.sin(north), np.cos(north) * np.cos(east)]
    assert np.degrees(np.arccos(min(toward @ want, 1))) < 180 / height


def test_bands_do_not_show():
    prepared, light = light_of(pipeline(), photo())
    cut = torch.cat([prepared.light(slice(top, min(top + 13, 128)))[0] for top in range(0, 128, 13)])
    assert np.array_equal(cut.numpy(), light)
    prepared, light = light_of(pipeline("sky"), photo(), (30, 100))
    cut = torch.cat([prepared.light(slice(top, min(top + 7, 128)))[0] for top in range(0, 128, 7)])
    assert np.array_equal(cut.numpy(), light)


def test_confidence_says_that_the_sun_is_inferred():
    pipe, codes = pipeline(), photo()
    prepared, light = light_of(pipe, codes)
    sure = prepared.light(slice(0, 128), confidence=True)[1].numpy()
    assert sure[np.unravel_index(luminance(light).argmax(), sure.shape)] < 0.5
    given, light = light_of(pipeline("sky"), codes, (70, -120, 30.0))
    sure = given.light(slice(0, 128), confidence=True)[1].numpy()
    assert sure[np.unravel_index(luminance(light).argmax(), sure.shape)] == 0, "nobody measured it"


def test_a_grey_panorama_gets_a_grey_sun():
    codes = photo()[..., :1].expand(-1, -1, 3).contiguous()
    _, light = light_of(pipeline(), codes)
    assert np.array_equal(light[..., 0], light[..., 1]) and np.array_equal(light[..., 0], light[..., 2])


def test_the_median_answer_and_perspective_views_have_no_light_budget():
    pipe, codes = pipeline(), photo()
    for options in ({"highlights": "median", "panorama": True}, {"highlights": "energy", "panorama": False}):
        assert pipe.prepare(PixelCodes(codes), SRGB, **options).lost_light is None


def clipped_ground() -> torch.Tensor:
    codes = photo()
    codes[70:] = 255
    return codes


def sky_only() -> torch.Tensor:
    codes = photo()
    codes[64:] = codes[:64].flip(0)
    codes[64:][codes[64:] == 255] = 200
    return codes


def two_suns() -> torch.Tensor:
    """A window's mirror image of the sun, somewhat smaller."""
    return torch.maximum(photo(), photo(azimuth_deg=-120, glare_deg=5))


@pytest.mark.parametrize(
    "make", [clipped_ground, sky_only, two_suns, lambda: torch.full((128, 256, 3), 255, dtype=torch.uint8)]
)
def test_odd_panoramas_get_a_sensible_answer(make):
    codes = make()
    prepared, light = light_of(pipeline(), codes)
    _, plain = light_of(pipeline(), codes, "off")
    assert np.isfinite(light).all() and (light >= prepared.linear(slice(0, 128)).numpy()).all()
    changed = (light / np.maximum(plain, 1e-6)).max(-1) > 30
    assert changed.sum() <= 9, "one sun, wherever"


def test_nothing_clipped_is_nothing_to_weigh():
    codes = photo(glare_deg=0)
    codes[codes > 200] = 200
    prepared, light = light_of(pipeline(), codes)
    assert prepared.lost_light is None and np.array_equal(light, prepared.linear(slice(0, 128)).numpy())


@pytest.mark.parametrize(
    "sun, says",
    [("noon", "auto"), (40, "auto"), ((40,), "auto"), ((0, 10), "above the horizon"), ((91, 10), "above the horizon"),
     ((40, 400), "azimuth"), ((40, 10, 0), "strength"), ((40, float("nan")), "auto")],
)  # fmt: skip
def test_what_is_no_sun_is_refused(sun, says):
    with pytest.raises(ValueError, match=says):
        check_sun(sun)


def test_a_sun_in_what_is_no_panorama_is_refused():
    pipe, codes = pipeline(), photo()
    with pytest.raises(ValueError, match="panorama"):
        pipe.prepare(PixelCodes(codes[:, :200]), SRGB, highlights="energy", sun=(40, 0))
    with pytest.raises(ValueError, match="energy"):
        pipe.prepare(PixelCodes(codes), SRGB, highlights="median", panorama=True, sun=(40, 0))
    pipe.budget = None
    with pytest.raises(ValueError, match="no light budget"):
        pipe.prepare(PixelCodes(codes), SRGB, highlights="energy", panorama=True, sun=(40, 0))
