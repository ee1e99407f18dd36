"""Simulated exposures on disk: pairs of raw and JPEG with stage 0 fitted, made once, read again in every step."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdrrecon.camera.response import CODES
from hdrrecon.io.atomic import atomic_write
from hdrrecon.rawcodec.amplitude import heat
from hdrrecon.rawcodec.analysis import Band
from hdrrecon.rawcodec.base_coder import MapPrior
from hdrrecon.rawcodec.domain import linearize, stabilize
from hdrrecon.rawcodec.fit import BaseFitter, base_light
from hdrrecon.rawcodec.guide import jpeg_guide
from hdrrecon.train.data.curves import FAMILIES, CurveSampler
from hdrrecon.train.data.raw_pairs import simulate_pair
from hdrrecon.train.data.scenes import Scene

SIDE = 512  # pixels of an exposure
GAIN_UNIT = 1 / 32  # stops
VALIDATION_EVERY = 12  # of the scenes, held out to watch training


@dataclass(frozen=True)
class Exposure:
    """Arrays of one exposure.

    `pixels` (H, W, 3) uint8 JPEG; `base` and `truth` (H, W, 3) float16, stage 0 and raw in the stabilised domain;
    `guide` (21, H/8, W/8) uint8; `grid` gains in stops.
    """

    pixels: np.ndarray
    base: np.ndarray
    truth: np.ndarray
    guide: np.ndarray
    grid: np.ndarray

    def residual(self) -> np.ndarray:
        """What stage 0 leaves, (H, W, 3) float32."""
        return self.truth.astype(np.float32) - self.base.astype(np.float32)

    def band(self) -> Band:
        """The whole exposure as the encoder sees it."""
        return Band(self.pixels, heat(self.pixels), self.residual(), linearize(self.truth.astype(np.float32)))


def make_exposures(scenes: list[Scene], sampler: CurveSampler, folder: Path, count: int, seed: int) -> None:
    """Write `count` exposures to a folder; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        index = number % len(scenes)
        path = folder / f"{number // len(scenes)}_{index}.npz"
        if path.exists():
            continue
        found = expose(scenes[index].light, sampler, np.random.default_rng([seed, number]))
        with atomic_write(path) as temporary:
            np.savez(temporary, **vars(found))


def expose(light: np.ndarray, sampler: CurveSampler, rng: np.random.Generator) -> Exposure:
    """One exposure of a random piece of a scene (H, W, 3)."""
    from PIL import Image

    top, left = (int(rng.integers(max(1, n - SIDE + 1))) for n in light.shape[:2])
    view = light[top : top + SIDE, left : left + SIDE].astype(np.float64)
    view = view[: len(view) // 32 * 32, : view.shape[1] // 32 * 32]
    view = view[:, ::-1] if rng.random() < 0.5 else view
    pair = simulate_pair(view, rng, _random_curve(sampler, rng) if rng.random() < 0.5 else None)
    with Image.open(io.BytesIO(pair.jpeg)) as image:
        pixels = np.asarray(image.convert("RGB"))
    fit = BaseFitter(pixels, pair.raw).fit(flat_prior())
    grid = np.round(fit.grid / GAIN_UNIT) * GAIN_UNIT
    base = base_light(pixels, fit.coefficients, grid)
    return Exposure(
        pixels, stabilize(base).astype(np.float16), stabilize(pair.raw).astype(np.float16), jpeg_guide(pair.jpeg),
        grid.astype(np.float32),
    )  # fmt: skip


def flat_prior() -> MapPrior:
    """Before anything is known of maps: coordinates are the coefficients themselves, of any size."""
    count = 36 * 3
    return MapPrior(np.zeros((36, 3)), np.eye(count).reshape(count, 36, 3), np.full(count, 40))


def load_exposures(folder: Path) -> tuple[list[Path], list[Path]]:
    """(training files, validation files): whole scenes are held out.

    Raises:
        FileNotFoundError: there are none.
    """
    files = sorted(folder.glob("*_*.npz"))
    if not files:
        raise FileNotFoundError(f"no exposures in {folder}; make_exposures writes them")
    held = [f for f in files if int(f.stem.split("_")[1]) % VALIDATION_EVERY == 0]
    return [f for f in files if f not in set(held)] or files, held or files[:1]


def read_exposure(path: Path) -> Exposure:
    with np.load(path) as stored:
        return Exposure(*(stored[name] for name in Exposure.__dataclass_fields__))


def cuts(exposures: list[Exposure], side_blocks: int, rng: np.random.Generator | None) -> Iterator[Exposure]:
    """Of each a square of so many 8 x 8 blocks, at a multiple of the gain grid's cells; the middle, if `rng` is
    None."""
    for one in exposures:
        rows, columns = one.guide.shape[1:]
        side = min(side_blocks, rows, columns)
        room = ((rows - side) // 4, (columns - side) // 4)
        top, left = (4 * (n // 2 if rng is None else int(rng.integers(n + 1))) for n in room)
        pixels = np.s_[8 * top : 8 * (top + side), 8 * left : 8 * (left + side)]
        cells = np.s_[top // 4 : -(-(top + side) // 4), left // 4 : -(-(left + side) // 4)]
        guide = one.guide[:, top : top + side, left : left + side]
        yield Exposure(one.pixels[pixels], one.base[pixels], one.truth[pixels], guide, one.grid[cells])


def _random_curve(sampler: CurveSampler, rng: np.random.Generator):
    inverse = np.atleast_2d(sampler.sample(FAMILIES[int(rng.integers(len(FAMILIES)))], rng).inverse)
    rising = inverse + np.arange(inverse.shape[1]) * 1e-9

    def curve(light: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(light[..., c], rising[min(c, len(rising) - 1)], CODES) for c in range(3)], -1)

    return curve
