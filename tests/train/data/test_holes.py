"""Holes, photos with holes, and the loss over them."""

from itertools import islice

import numpy as np
import pytest
import torch

from hdrrecon.networks.restore.efficientnet_lite import EfficientNetConfig, EfficientNetLite0
from hdrrecon.train.data.holes import (
    InpaintingLoss,
    InpaintingWeights,
    PhotoStream,
    hole_variation,
    irregular_hole,
    random_square,
)
from hdrrecon.train.data.pairs import collate
from hdrrecon.train.data.photos import load_photos
from hdrrecon.train.data.scenes import Scene
from hdrrecon.train.perceptual import PerceptualLoss

PIXELS = InpaintingWeights(perceptual=0, style=0)


@pytest.fixture
def photo():
    """(120, 160, 3) uint8: red says the row, green the column."""
    row, column = np.mgrid[0:120, 0:160]
    return np.stack([row, column, np.full_like(row, 77)], -1).astype(np.uint8)


def test_holes_are_binary_irregular_and_leave_most_of_the_photo():
    rng = np.random.default_rng(0)
    holes = np.stack([irregular_hole(128, rng) for _ in range(100)])
    assert set(np.unique(holes)) == {0.0, 1.0}
    share = holes.mean((1, 2))
    assert 0 < share.min() < 0.2 and 0.4 < share.max() < 0.8
    assert 0 < holes.mean(0).min() and holes.mean(0).max() < 1  # anywhere in the picture


@pytest.mark.parametrize("size", [4, 33])
def test_small_holes(size):
    assert irregular_hole(size, np.random.default_rng(0)).shape == (size, size)


def test_a_stream_repeats_itself_and_no_other(photo):
    def drawn(seed):
        return collate(list(islice(PhotoStream([photo], 48, seed), 6)))

    first, again, other = drawn(3), drawn(3), drawn(4)
    assert first["code"].shape == (6, 3, 48, 48) and first["hole"].shape == (6, 1, 48, 48)
    assert torch.equal(first["code"], again["code"]) and torch.equal(first["hole"], again["hole"])
    assert not torch.equal(first["code"], other["code"]) and not torch.equal(first["hole"], other["hole"])


def test_workers_draw_different_photos(photo):
    loader = torch.utils.data.DataLoader(PhotoStream([photo], 32, 0), 2, collate_fn=collate, num_workers=2)
    batches = [b["code"] for b in islice(loader, 2)]
    assert not torch.equal(*batches)


def test_crops_are_upright_and_mirrored_half_of_the_time(photo):
    rng = np.random.default_rng(0)
    crops = np.stack([random_square(photo, 32, rng) for _ in range(200)])
    assert (np.diff(crops[:, 0].mean(2), axis=1) >= 0).all()  # rows go down
    assert 0.4 < (np.diff(crops[:, 1].mean(1), axis=1) >= 0).all(1).mean() < 0.6
    steps = 255 * np.abs(np.diff(crops[:, 1], axis=2)).mean((1, 2))  # source pixels per pixel
    assert steps.min() < 0.85 and steps.max() > 2.5


def test_photos_smaller_than_the_crop(photo):
    assert random_square(photo[:20, :30], 48, np.random.default_rng(0)).shape == (3, 48, 48)


def test_scenes_join_as_well_exposed_photos(photo):
    """A scene brighter than any photo: its views come as code values, hardly clipped, as often as asked for."""
    light = np.random.default_rng(0).uniform(20, 400, (64, 64, 3)).astype(np.float16)
    samples = list(islice(PhotoStream([photo // 4], 32, 0, [Scene("hall", light)], scene_share=0.5), 60))
    from_scene = [s.code for s in samples if s.code.mean() > 0.3]
    assert 18 <= len(from_scene) <= 42
    assert all(c.max() > 0.9999 and (c > 0.9999).float().mean() < 0.01 for c in from_scene)


def test_dark_scenes_are_left_out(photo):
    light = np.zeros((64, 64, 3), np.float16)
    light[30:33, 30:33] = 100
    samples = list(islice(PhotoStream([photo], 32, 0, [Scene("night", light)], scene_share=1.0), 5))
    assert all((s.code[2] * 255 - 77).abs().max() < 1 for s in samples)  # photos instead


def test_no_photos(tmp_path):
    with pytest.raises(FileNotFoundError, match="no photos"):
        load_photos(tmp_path)
    with pytest.raises(ValueError, match="no photos"):
        PhotoStream([], 32, 0)


def test_photos_are_read_in_order(photo, tmp_path):
    import cv2

    for name in ("b.png", "a.png"):
        cv2.imwrite(str(tmp_path / name), photo[: 40 if name == "a.png" else 50, ::, ::-1])
    (tmp_path / "notes.csv").write_text("file\n")
    photos = load_photos(tmp_path)
    assert [p.shape for p in photos] == [(40, 160, 3), (50, 160, 3)] and np.array_equal(photos[0], photo[:40])


def test_terms_and_weights():
    """One hole of a quarter, off by 0.2 in it and 0.1 outside: both are means over all pixels, as published."""
    code, hole = torch.full((2, 3, 8, 8), 0.5), torch.zeros(2, 1, 8, 8)
    hole[..., :4, :4] = 1
    total, parts = InpaintingLoss(weights=PIXELS)(code + 0.1 + 0.1 * hole, code, hole)
    assert parts["hole"] == pytest.approx(0.2 / 4) and parts["valid"] == pytest.approx(0.1 * 3 / 4)
    assert parts["variation"] == pytest.approx(2 * 0.2 * 4 / 56)  # the composite's step along two sides of four pixels
    assert float(total) == pytest.approx(parts["valid"] + 6 * parts["hole"] + 0.1 * parts["variation"])


def test_variation_counts_holes_and_their_borders_alone():
    hole = torch.zeros(1, 1, 8, 8)
    hole[..., 2:5, 2:5] = 1
    image = torch.zeros(1, 3, 8, 8)
    image[..., 7] = 1  # a line far from the hole
    assert hole_variation(image, hole) == 0
    image[..., 5] = 1  # a line beside it
    assert hole_variation(image, hole) > 0


def test_every_term_has_a_gradient_into_the_hole():
    torch.manual_seed(0)
    trunk = EfficientNetLite0(EfficientNetConfig(stages=3))
    code, hole = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    hole[..., 8:20, 8:20] = 1
    for term in ("hole", "perceptual", "style", "variation"):
        painted = torch.rand(1, 3, 32, 32, requires_grad=True)
        only = InpaintingWeights(**{k: float(k == term) for k in ("valid", "hole", "perceptual", "style", "variation")})
        InpaintingLoss(PerceptualLoss(trunk), only)(painted, code, hole)[0].backward()
        inside = hole.expand_as(painted) > 0
        assert (painted.grad[inside] != 0).float().mean() > 0.5 and (painted.grad[~inside] == 0).all(), term
