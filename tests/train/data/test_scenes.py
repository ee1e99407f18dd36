"""Panoramas are looked into the right way round, and views are never empty."""

import numpy as np
import pytest

from hdrrecon.train.data.scenes import Scene, _half, load_scenes, perspective, random_piece, random_view


@pytest.fixture
def panorama():
    """(64, 128, 3): red to the left, green in the middle, blue up, with a bright spot at longitude 0, latitude 45."""
    light = np.full((64, 128, 3), 0.1, np.float32)
    light[:32] += [0, 0, 0.5]
    light[:, :64] += [0.5, 0, 0]
    light[15:17, 63:65] = 100
    return light


def test_the_middle_of_a_view_is_where_it_looks(panorama):
    view = perspective(panorama, (33, 33), fov=60, yaw=0, pitch=45)
    assert np.unravel_index(view.max(2).argmax(), (33, 33)) == (16, 16)


def test_left_is_left_and_up_is_up(panorama):
    view = perspective(panorama, (32, 32), fov=90, yaw=0, pitch=0)
    assert view[:, :12, 0].mean() > view[:, 20:, 0].mean() + 0.3
    assert view[:12, :, 2].mean() > view[20:, :, 2].mean() + 0.3


def test_the_seam_does_not_show():
    """A view across the left-right edge of a smooth panorama is smooth."""
    x = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    light = np.repeat((1 + 0.5 * np.cos(x))[None, :, None], 128, 0).repeat(3, 2).astype(np.float32)
    view = perspective(light, (64, 64), fov=90, yaw=180, pitch=0)
    assert np.abs(np.diff(view[..., 0], axis=1)).max() < 0.03


def test_field_of_view_is_what_it_says():
    """At 90 degrees the right edge of the view looks 45 degrees to the right."""
    light = np.repeat(np.linspace(0, 360, 720, endpoint=False, dtype=np.float32)[None, :, None], 360, 0).repeat(3, 2)
    view = perspective(light, (101, 101), fov=90, yaw=0, pitch=0)
    right = np.degrees(np.arctan(50 / 50.5))
    assert view[50, 100, 0] - view[50, 50, 0] == pytest.approx(right, abs=0.6)


def test_views_of_panoramas_and_of_perspective_files(panorama):
    rng = np.random.default_rng(0)
    for light in (panorama, panorama[:, :80]):
        view = random_view(Scene("x", light.astype(np.float16)), 48, rng)
        assert view.shape == (3, 48, 48) and view.dtype == np.float32 and np.isfinite(view).all() and (view >= 0).all()


def test_a_folder_without_scenes_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no HDR files"):
        load_scenes(tmp_path)


def test_pieces_are_cut_from_the_file_itself(panorama):
    rng = np.random.default_rng(0)
    piece = random_piece(Scene("x", panorama.astype(np.float16)), rng)
    assert piece.shape[0] == 3 and piece.dtype == np.float32 and piece.flags.c_contiguous
    assert set(np.unique(piece)) <= set(np.unique(panorama.astype(np.float16).astype(np.float32)))


def test_halves_of_panoramas_reach_from_pole_to_pole(panorama):
    """Rows are latitudes: each is the panorama's own, whatever part of it."""
    rows = np.linspace(0.1, 1, 64, dtype=np.float16)
    scene = Scene("bands", np.broadcast_to(rows[:, None, None], (64, 128, 3)))
    half = _half(scene.light, 32, np.random.default_rng(0))
    assert half.shape == (32, 32, 3)
    np.testing.assert_allclose(half[:, 5, 0], rows.astype(np.float32).reshape(32, 2).mean(1), rtol=1e-2)


def test_nights_are_drawn_oftener_and_clipped_scenes_seldom(tmp_path):
    rng = np.random.default_rng(0)
    light = np.exp2(rng.normal(0, 3, (32, 64, 3))).astype(np.float32)
    for name, scene in {"day": light, "dark_road": light, "cut": np.minimum(light, 2)}.items():
        np.save(tmp_path / f"{name}.npy", scene)
    (tmp_path / "scenes.csv").write_text("name,night\nday,0\ndark_road,1\n")
    assert {s.name: s.weight for s in load_scenes(tmp_path)} == {"cut": 0.2, "dark_road": 3.0, "day": 1.0}
