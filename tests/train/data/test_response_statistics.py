"""Counting for ResponseNet: once, kept, with ordinary photos as scenes and as themselves."""

import numpy as np
import torch

from hdrrecon.camera.basis import load_basis
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.train.data.photos import load_photos
from hdrrecon.train.data.response_statistics import (
    count_chunk,
    count_odd,
    count_photos,
    exposed_anew,
    load_chunks,
    odd_picture,
    photo_as_light,
    taken,
)


def test_a_chunk_is_counted_once(scenes, curves, small_photo, tmp_path):
    path = tmp_path / "counts" / "000.npz"
    count_chunk(scenes, [small_photo], curves, 0, path, 6)
    first = path.read_bytes()
    count_chunk(scenes, [small_photo], curves, 1, path, 6)
    assert path.read_bytes() == first
    chunk = load_chunks([path, path])
    assert chunk.statistics.shape[0] == 12 and torch.isfinite(chunk.statistics).all()
    assert (chunk.inverse.diff(dim=1) >= -1e-6).all()


def test_ordinary_photos_answer_with_the_camera_mean(tmp_path, small_photo):
    import imageio.v3 as imageio

    imageio.imwrite(tmp_path / "a.png", small_photo)
    count_photos(load_photos(tmp_path), 0, tmp_path / "photos.npz", 4)
    chunk = load_chunks([tmp_path / "photos.npz"])
    assert (chunk.family == 0).all() and torch.allclose(
        chunk.inverse[0], torch.from_numpy(load_basis().camera_mean).float()
    )


def test_what_clipped_in_a_photo_clips_again(curves):
    """Nobody knows the light of a clipped sky: photographed again, it may not become a flat grey that never was."""
    photo = np.full((400, 400, 3), 255, np.uint8)
    photo[:, ::8] = 90
    for seed in range(5):
        rng = np.random.default_rng(seed)
        light = photo_as_light(photo, curves, rng)
        assert light.min() >= 0 and np.isfinite(light).all()
        flat = np.ones((3, 120, 120), np.float32)
        flat[:, :60] = 0.1
        code, inverse, family, worked_on = taken(flat, 0.85, curves, rng)
        assert (
            float(code[..., -20:, :].amax(1).median()) > 0.85
            and inverse.shape == (1024,)
            and family in (0, 1, 2)
            and worked_on in (True, False)
        )


def test_odd_pictures_answer_with_any_family(curves, tmp_path):
    count_odd(curves, 0, tmp_path / "odd.npz", 24)
    chunk = load_chunks([tmp_path / "odd.npz"])
    assert chunk.family.unique().tolist() == [0, 1, 2] and torch.isfinite(chunk.statistics).all()
    for kind in range(6):
        picture = odd_picture(kind, np.random.default_rng(kind))
        assert picture.dtype == np.float32 and picture.shape[2] == 3 and 0 <= picture.min() and picture.max() <= 1


def test_another_exposure_is_what_the_camera_would_have_shown(small_photo):
    """Twice the light through the mean camera is twice the light in linear values, up to the clip level; none is the
    same photo."""
    curve = ResponseCurve.camera()
    np.testing.assert_allclose(exposed_anew(small_photo, 1.0), small_photo / np.float32(255), atol=2e-2)
    brighter = curve.linearize(exposed_anew(small_photo, 2.0))
    light = curve.linearize(small_photo / np.float32(255))
    well = (light > 0.01) & (light < 0.45)
    np.testing.assert_allclose(brighter[well] / light[well], 2, rtol=0.02)
    assert (exposed_anew(np.full((2, 2, 3), 255, np.uint8), 0.5) == 1).all()  # nobody knows how bright it was
