"""The training street takes the photos that the virtual camera takes, in batches, and colours light as it says."""

import numpy as np
import pytest
import torch

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.camera.sensor import clipped_by_sensor, quantised
from hdrrecon.camera.simulate import Camera, simulate
from hdrrecon.color import luminance
from hdrrecon.train.data import resident
from hdrrecon.train.data.resident import ResidentResponses, ResidentScenes, Street, StreetConfig, Views
from hdrrecon.train.data.scenes import Scene, perspective

PLAIN = StreetConfig(
    size=64, gain_stops=0, saturation_share=0, coloured_share=0, matrix_share=0, black_share=0, noisy_share=0,
    sharpened_share=0, jpeg_share=0,
)  # fmt: skip


class Curves:
    """sRGB for everybody."""

    def sample(self, family, rng):
        return ResponseCurve.srgb()


@pytest.fixture(scope="module")
def scenes():
    """A panorama with lamps in it, and an ordinary picture."""
    rng = np.random.default_rng(0)
    light = rng.uniform(0.05, 0.4, (16, 32, 3)).repeat(8, 0).repeat(8, 1)
    light[30:40, 40:60] = (60, 40, 12)
    light[70:90, 150:170] = 9
    return [Scene("panorama", light.astype(np.float16)), Scene("picture", light[:, :150].astype(np.float16), 0.5)]


@pytest.fixture(scope="module")
def resident_scenes(scenes):
    return ResidentScenes(scenes)


def street(resident_scenes, config=PLAIN, seed=0):
    return Street(resident_scenes, ResidentResponses(Curves(), 6, 0), config, seed)


def views(**facts) -> Views:
    plain = {
        "scene": 0,
        "flat": False,
        "focal": 1.0,
        "yaw": 0.0,
        "pitch": 0.0,
        "roll": 0.0,
        "top": 0.0,
        "left": 0.0,
        "tall": 1.0,
        "wide": 1.0,
        "mirrored": 1.0,
    }
    tensors = {k: torch.tensor([v]) for k, v in (plain | facts).items()}
    return Views(**{k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})


@pytest.mark.parametrize("yaw, pitch, roll", [(0, 0, 0), (170, 10, 4), (275, -35, -7)])
def test_views_are_those_of_the_virtual_lens(scenes, resident_scenes, yaw, pitch, roll):
    seen = resident_scenes.seen(
        views(
            focal=1 / np.tan(np.radians(80) / 2), yaw=np.radians(yaw), pitch=np.radians(pitch), roll=np.radians(roll)
        ),
        48,
    )
    wanted = perspective(scenes[0].light, (48, 48), 80, yaw, pitch, roll).transpose(2, 0, 1)
    # OpenCV interpolates between 32 places from pixel to pixel.
    assert np.abs(seen[0].numpy() - wanted).max() < 0.05 * wanted.max()
    assert np.abs(seen[0].numpy() - wanted).mean() < 2e-3 * wanted.max()


def test_a_rectangle_of_a_file_is_the_file(scenes, resident_scenes):
    seen = resident_scenes.seen(views(scene=1, flat=True, top=10.0, left=20.0, tall=32.0, wide=32.0), 32)
    assert np.array_equal(seen[0].numpy().transpose(1, 2, 0), scenes[1].light[10:42, 20:52].astype(np.float32))
    turned = resident_scenes.seen(views(flat=True, top=0.0, left=250.0, tall=128.0, wide=128.0), 128)
    across = np.roll(scenes[0].light, -250, 1)[:, :128].astype(np.float32)
    assert np.allclose(turned[0].numpy().transpose(1, 2, 0), across, atol=1e-3), "over the seam of the panorama"


def test_a_photo_is_the_one_that_simulate_takes(resident_scenes):
    """To rounding: of a plain camera, of one that clips in its own colours, and with JPEG."""
    light = street(resident_scenes).views(3)
    # A code that rounds the other way before JPEG moves its block after it; these scenes are harder than any photo.
    for quality, differ, by_more in ((None, 0.02, 0.0), (90, 0.3, 0.1)):
        config = StreetConfig(**{**vars(PLAIN), "jpeg_share": float(quality is not None), "jpeg_quality": (90, 90)})
        made = street(resident_scenes, config).photographed(light)
        taken = simulate(made["truth"], Camera(ResponseCurve.srgb(), clip_percent=None, jpeg_quality=quality)).code
        off = ((made["code"] - taken) * 255).abs()
        assert (off > 0.5).float().mean() <= differ and (off > 1.5).float().mean() <= by_more


def test_the_camera_that_clips_in_its_own_colours_is_the_same(resident_scenes):
    truth = street(resident_scenes).views(2) * 3
    made = clipped_by_sensor(truth, torch.tensor(resident.USUAL_MATRIX))
    code = resident.respond(made, resident.forward_table(ResponseCurve.srgb())[None], torch.zeros(2, dtype=torch.int64))
    taken = simulate(truth, Camera(ResponseCurve.srgb(), clip_percent=None, matrix=resident.USUAL_MATRIX)).code
    off = ((code - taken) * 255).abs()
    assert off.max() <= 1.01 and (off > 0.5).float().mean() < 0.02
    unclipped = (torch.linalg.inv(torch.tensor(resident.USUAL_MATRIX)) @ truth.flatten(2) <= 1).all(1).view(2, 64, 64)
    where = unclipped[:, None].expand_as(truth)
    assert torch.allclose(made[where], truth[where], atol=1e-5) and not torch.allclose(
        made, truth.clamp(max=1), atol=0.01
    )


@pytest.mark.parametrize("curve", [ResponseCurve.srgb(), ResponseCurve.gamma(3.0), ResponseCurve.camera()])
def test_forward_tables_round_as_the_curve_does(curve):
    light = torch.rand(2, 3, 40, 40) ** 3 * 1.2
    tables = torch.stack([resident.forward_table(ResponseCurve.gamma(1.0)), resident.forward_table(curve)])
    off = (resident.respond(light, tables, torch.tensor([1, 1])) - quantised(curve.expose(light), 8)).abs() * 255
    assert off.max() <= 1.01 and (off > 0.5).float().mean() < 0.01


def test_the_wanted_share_clips(resident_scenes):
    config = StreetConfig(**{**vars(PLAIN), "clip_percent": (10.0, 0.0)})
    made = street(resident_scenes, config).photographed(street(resident_scenes).views(6))
    share = (made["truth"].amax(1) >= 1).float().mean((1, 2))
    assert ((share > 0.05) & (share < 0.25)).all()


def test_sources_get_colours_and_keep_their_luminance(resident_scenes):
    made = street(resident_scenes, StreetConfig(**{**vars(PLAIN), "coloured_share": 1.0}))
    light = made.views(4)
    truth = light / 2
    coloured = made._coloured_sources(truth.clone())
    assert torch.allclose(luminance(coloured, 1), luminance(truth, 1), rtol=1e-3)
    dark, bright = luminance(truth, 1) < 0.15, luminance(truth, 1) > 2
    moved = (coloured - truth).abs().amax(1) / luminance(truth, 1)
    assert moved[dark].max() < 1e-3 and moved[bright].mean() > 0.2


def test_batches_are_endless_varied_and_the_same_for_a_seed(resident_scenes):
    config = StreetConfig(size=32, previews=2, preview_px=16)
    first, second, other = (next(street(resident_scenes, config, seed).batches(5)) for seed in (1, 1, 2))
    assert all(torch.equal(first[k], second[k]) for k in first) and not torch.equal(first["code"], other["code"])
    assert (
        first["code"].shape == (5, 3, 32, 32)
        and first["inverse"].shape == (5, 3, 1024)
        and first["family"].max() < len(FAMILIES)
    )
    assert torch.equal(first["code"] * 255, (first["code"] * 255).round()) and torch.isfinite(first["truth"]).all()
    assert first["code"].min() >= 0 and first["code"].max() <= 1


def test_two_photos_of_a_view_show_one_place_by_two_cameras(resident_scenes):
    config = StreetConfig(**{**vars(PLAIN), "size": 32, "gain_stops": 0.5, "photos_per_view": 2})
    made = next(street(resident_scenes, config, 3).batches(3))
    truth = made["truth"].flatten(2)
    ratio = truth[0::2] / truth[0::2].mean(2, keepdim=True)
    same = truth[1:2] / truth[1:2].mean(2, keepdim=True)
    assert len(made["code"]) == 3 and torch.allclose(ratio[:1], same, rtol=1e-3)
    assert not torch.allclose(ratio[1:], same, rtol=0.1) and not torch.allclose(truth[0], truth[1], rtol=0.01)


@pytest.mark.parametrize("count", [2, 5, 16])
def test_shares_hold_on_average_whatever_the_size_of_a_batch(resident_scenes, count):
    made = street(resident_scenes)
    changed = sum(float(made._some(torch.zeros(count, 1), 0.3, lambda x: x + 1).mean()) for _ in range(400)) / 400
    assert changed == pytest.approx(0.3, abs=0.03)


def test_dull_and_dark_views_are_seldom_kept():
    flat, dark = torch.full((1, 3, 20, 20), 0.5), torch.zeros(1, 3, 20, 20)
    lamp = flat.clone()
    lamp[..., 8:12, 8:12] = 30
    worth = resident.interest(torch.cat([flat, dark, lamp]))
    assert worth[1] == 0 and worth[0] == pytest.approx(0.2) and worth[2] > 0.9


def test_no_scenes_is_an_error():
    with pytest.raises(ValueError, match="load_scenes"):
        ResidentScenes([])
