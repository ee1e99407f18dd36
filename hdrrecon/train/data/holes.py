"""Inpainting of ordinary photos: random holes, an endless stream of photos with holes, and the loss.

Sources: Santos et al. 2020 (holes of lines, circles and ellipses); the loss and its weights are those of
Liu et al., "Image inpainting for irregular holes using partial convolutions", ECCV 2018, here with the perceptual and
the style term on the composite alone: on the raw output they would cost as much again and say little more.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.color import linear_to_srgb
from hdrrecon.train.data.scenes import Scene, random_scene, random_view, random_window
from hdrrecon.train.perceptual import PerceptualLoss, composite

MOST_SHAPES = 20  # of each kind
STROKE = 0.03  # of width + height: the thickest line, the largest radius
LEAST_MEAN = 0.2  # code value of a view that is called well exposed


@dataclass(frozen=True)
class HoledPhoto:
    """`code` (3, S, S) float32 in [0, 1], the photo without holes; `hole` (1, S, S), 1 in the holes and 0 elsewhere."""

    code: Tensor
    hole: Tensor


class PhotoStream(torch.utils.data.IterableDataset):
    """Endless random `HoledPhoto`s; each DataLoader worker has its own stream.

    Args:
        photos: (H, W, 3) uint8, of any sizes (`load_photos`).
        size: side of the crops in pixels.
        seed: streams with different seeds never repeat each other, with the same seed always.
        scenes, scene_share: HDR scenes, well-exposed views of which are further photos, and how many of the photos they
            are.

    Raises:
        ValueError: without photos.
    """

    def __init__(
        self,
        photos: list[np.ndarray],
        size: int,
        seed: int,
        scenes: list[Scene] | None = None,
        scene_share: float = 0.3,
    ):
        if not photos:
            raise ValueError("PhotoStream got no photos; see load_photos")
        self.photos, self.size, self.seed, self.scenes, self.scene_share = photos, size, seed, scenes, scene_share

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            code = None
            if self.scenes and rng.random() < self.scene_share:
                code = well_exposed_view(random_scene(self.scenes, rng), self.size, rng)
            if code is None:
                code = random_square(self.photos[rng.integers(len(self.photos))], self.size, rng)
            yield HoledPhoto(torch.from_numpy(code), torch.from_numpy(irregular_hole(self.size, rng))[None])


def random_square(photo: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A square of (H, W, 3) uint8, from three quarters of `size` to all of the shorter side, half of them mirrored.

    Returns:
        (3, size, size) float32 in [0, 1].
    """
    height, width = photo.shape[:2]
    most = min(height, width)
    side = round(np.exp(rng.uniform(np.log(min(0.75 * size, most)), np.log(most))))
    crop = photo[random_window((height, width), (side, side), rng)]
    crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)
    return _chw((crop[:, ::-1] if rng.random() < 0.5 else crop).astype(np.float32) / 255)


def well_exposed_view(scene: Scene, size: int, rng: np.random.Generator) -> np.ndarray | None:
    """An sRGB photo of a random view, half a percent of it clipped, (3, size, size) float32; None if that leaves it
    dark."""
    view = random_view(scene, size, rng)
    white = max(float(np.percentile(view.max(0), 99.5)), 1e-6)
    code = linear_to_srgb((view / np.float32(white)).clip(0, 1)).astype(np.float32)
    return code if code.mean() > LEAST_MEAN else None


def irregular_hole(size: int, rng: np.random.Generator) -> np.ndarray:
    """One to twenty each of lines, filled circles and ellipse outlines at random places: (size, size) float32, 1 in the
    holes."""
    hole = np.zeros((size, size), np.float32)
    thickest = max(2, round(2 * size * STROKE))

    def point():
        return tuple(int(v) for v in rng.integers(size, size=2))

    def stroke():
        return int(rng.integers(1, thickest + 1))

    for _ in range(rng.integers(1, MOST_SHAPES + 1)):
        cv2.line(hole, point(), point(), 1.0, stroke())
    for _ in range(rng.integers(1, MOST_SHAPES + 1)):
        cv2.circle(hole, point(), stroke(), 1.0, cv2.FILLED)
    for _ in range(rng.integers(1, MOST_SHAPES + 1)):
        axes = tuple(int(v) for v in rng.integers(1, max(2, size // 4), size=2))
        cv2.ellipse(hole, point(), axes, float(rng.uniform(0, 180)), 0, float(rng.uniform(90, 360)), 1.0, stroke())
    return hole


@dataclass(frozen=True)
class InpaintingWeights:
    """What each term of the loss counts; `variation` is the total variation."""

    valid: float = 1.0
    hole: float = 6.0
    perceptual: float = 0.05
    style: float = 120.0
    variation: float = 0.1


class InpaintingLoss(nn.Module):
    """The sum of five terms over a batch. Images are code values (N, 3, H, W), holes (N, 1, H, W) with 1 in them.

    Args:
        perceptual: whose content and style terms are taken; its own weights are not. None makes the usual one.
        weights: of the terms. Those of weight 0 are not computed.
    """

    def __init__(self, perceptual: PerceptualLoss | None = None, weights: InpaintingWeights = InpaintingWeights()):
        super().__init__()
        self.weights = weights
        looks = weights.perceptual or weights.style
        self.perceptual = (perceptual or PerceptualLoss()) if looks else None

    def forward(self, painted: Tensor, code: Tensor, hole: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The network's output, the photo without holes, the holes -> the loss, and its terms before weighting."""
        error = (painted - code).abs()
        whole = composite(painted, code, hole)
        terms = {
            "valid": ((1 - hole) * error).mean(),
            "hole": (hole * error).mean(),
            "variation": hole_variation(whole, hole),
        }
        if self.perceptual is not None:
            content, style = self.perceptual.terms(whole, code)
            terms |= {"perceptual": content.mean(), "style": style.mean()}
        total = sum(getattr(self.weights, k) * v for k, v in terms.items())
        return total, {k: float(v.detach()) for k, v in terms.items()}


def hole_variation(image: Tensor, hole: Tensor) -> Tensor:
    """Total variation in the holes and across their borders: the mean over all pixels of |differences of neighbours|,
    of which one at least lies in a hole."""
    wide = F.max_pool2d(hole, (1, 2), 1) * image.diff(dim=-1).abs()
    tall = F.max_pool2d(hole, (2, 1), 1) * image.diff(dim=-2).abs()
    return wide.mean() + tall.mean()


def _chw(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image.transpose(2, 0, 1))
