"""Training pairs: a random view through a random camera, without end.

Everything about the camera is drawn at random: clipped share, response family, noise, white balance, JPEG and
sharpness. What is never varied would be learnt as a clue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.camera.simulate import Camera, simulate
from hdrrecon.color import LUMINANCE_REC709
from hdrrecon.networks.cuda_graphs import CudaGraphed
from hdrrecon.networks.linearize.response_statistics import photo_statistics, response_statistics
from hdrrecon.train.data.curves import CurveSampler
from hdrrecon.train.data.postprocess import unsharp
from hdrrecon.train.data.scenes import Scene, random_scene, random_view

_recorded = CudaGraphed(photo_statistics)  # photos of a batch on a GPU have one size


@dataclass(frozen=True)
class Sample:
    """`code` and `truth` (3, S, S) float32; the response's inverse (3, 1024); the family's index; what stage 1 counts
    in the photo (`networks.linearize.response_statistics`), if it was counted."""

    code: torch.Tensor
    truth: torch.Tensor
    inverse: torch.Tensor
    family: int
    statistics: torch.Tensor | None = None


class ShotStream(torch.utils.data.IterableDataset):
    """Endless random samples; each DataLoader worker has its own stream.

    Args:
        scenes, curves: what to draw from.
        size: side of the views in pixels.
        seed: streams with different seeds never repeat each other.
        shots_per_view: photos taken of one rendered view (rendering costs as much as the photo).
        worth: probability of keeping a sample, for example `train.data.texture_selection.worth`; None keeps all.
        counted: count each photo's statistics too; for tasks with a stage 1 in them, whose device should not wait for
            that.
    """

    def __init__(
        self,
        scenes: list[Scene],
        curves: CurveSampler,
        size: int,
        seed: int,
        shots_per_view: int = 2,
        worth: Callable[[Sample], float] | None = None,
        counted: bool = False,
    ):
        self.scenes, self.curves, self.size, self.seed = scenes, curves, size, seed
        self.shots_per_view, self.worth, self.counted = shots_per_view, worth, counted

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            view = random_view(random_scene(self.scenes, rng), self.size, rng)
            if view.max() <= 1e-4 or rng.random() > interest(view):  # a tripod hole fills the view, or a dull one
                continue
            for _ in range(self.shots_per_view):
                sample = random_shot(view, self.curves, rng)
                if self.worth is None or rng.random() < self.worth(sample):
                    yield (
                        replace(sample, statistics=response_statistics(sample.code[None])[0])
                        if self.counted
                        else sample
                    )


def interest(view: np.ndarray) -> float:
    """Probability of keeping a view (3, H, W): 0.2 where the brightest 7 % are flat, 1 where they rise 2 stops on
    average.

    Most random views clip to dull white; photos worth reconstructing have lamps, windows and suns in them.
    """
    brightest = view.max(0)
    level = max(float(np.percentile(brightest, 93)), 1e-6)
    rise = np.log2(brightest[brightest >= level] / level).mean() if (brightest >= level).any() else 0.0
    return float(min(1.0, 0.2 + 0.4 * rise))


def random_shot(view: np.ndarray, curves: CurveSampler, rng: np.random.Generator) -> Sample:
    """Photograph a view (3, H, W) with a random camera."""
    family = int(rng.integers(len(FAMILIES)))
    response = curves.sample(FAMILIES[family], rng)
    hdr = torch.from_numpy(recoloured(view, rng))[None]
    shot = simulate(hdr, random_camera(response, rng), torch.Generator().manual_seed(int(rng.integers(2**62))))
    code = _resharpened(shot.code, rng)
    inverse = torch.from_numpy(np.broadcast_to(response.inverse, (3, response.inverse.shape[1])).astype(np.float32))
    return Sample(code[0], shot.truth[0], inverse, family)


def random_camera(response: ResponseCurve, rng: np.random.Generator) -> Camera:
    """A camera with this response: 0.2 to 40 percent clipped, mostly 2 to 20; half of the photos are JPEGs."""
    noisy = rng.random() < 0.5
    return Camera(
        response,
        clip_percent=float(np.exp(rng.normal(np.log(7), 1.0)).clip(0.2, 40)),
        black_percent=float(rng.uniform(0, 8)) if rng.random() < 0.15 else 0.0,
        shot_noise=float(10 ** rng.uniform(-5, -3)) if noisy else 0.0,
        read_noise=float(10 ** rng.uniform(-4, -2.3)) if noisy else 0.0,
        jpeg_quality=int(rng.integers(70, 99)) if rng.random() < 0.6 else None,
    )


def recoloured(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White balance gains of up to about half a stop, saturation 0.6 to 1.3; light stays positive."""
    out = view * np.exp2(rng.normal(0, 0.2, size=(3, 1, 1))).astype(np.float32)
    if rng.random() < 0.5:
        grey = np.tensordot(np.float32(LUMINANCE_REC709), out, 1)[None]
        out = np.maximum(grey + np.float32(rng.uniform(0.6, 1.3)) * (out - grey), 0.05 * np.minimum(out, grey))
    return out.astype(np.float32)


def _resharpened(code: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """A third of the photos sharpened or smoothed, in place: code values stay those of `truth` pixel by pixel."""
    if rng.random() > 0.33:
        return code
    radius, strength = float(rng.uniform(0.5, 1.2)), float(rng.uniform(-0.7, 0.9))
    mixed = unsharp(code[0].permute(1, 2, 0).numpy(), strength, radius)
    return (torch.from_numpy(mixed).permute(2, 0, 1)[None] * 255).round() / 255


def counted_in(batch: dict[str, torch.Tensor], pick=slice(None)) -> torch.Tensor:
    """What stage 1 counts in the picked photos of a batch: as the workers did, or else now."""
    return batch["statistics"][pick] if "statistics" in batch else response_statistics(batch["code"][pick], _recorded)


def collate(samples: list) -> dict[str, torch.Tensor]:
    """Batch of `Sample`s, or of other dataclasses of tensors and numbers, as a dictionary of stacked tensors; without
    what is None."""

    def stack(values):
        return torch.stack(values) if torch.is_tensor(values[0]) else torch.tensor(values)

    return {
        f.name: stack([getattr(s, f.name) for s in samples])
        for f in fields(samples[0])
        if getattr(samples[0], f.name) is not None
    }
