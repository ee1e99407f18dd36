"""Training photos beside what `reconstruct` makes of them: made once, kept in files, cropped at random.

A shard is an .npz of arrays (n, 3, S, S): `code` uint8, and `truth`, `light`, `linear` as half-float stops (log2, at
least -14); with `inverse` and `estimated` (n, C, 1024), the true and the estimated inverse response.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hdrrecon.camera.masks import CLIP_CODE

SHARD = 40  # photos of a file
DARKEST_STOPS = -14.0


@dataclass(frozen=True)
class ReconstructedPhoto:
    """One photo and its reconstruction, each (3, H, W), 1.0 = clip level; `inverse`, `estimated` (3, 1024)."""

    code: Tensor
    truth: Tensor
    light: Tensor
    linear: Tensor
    inverse: Tensor
    estimated: Tensor


def make_shard(file: Path, scenes: list, curves: Any, pipeline: Any, size: int, seed: list[int]) -> None:
    """Photograph `SHARD` random views of scenes, reconstruct them, and keep all in `file`. An existing file is kept."""
    from hdrrecon.io.atomic import atomic_write
    from hdrrecon.train.data.pairs import interest, random_shot
    from hdrrecon.train.data.scenes import random_scene, random_view

    if file.exists():
        return
    rng, rows = np.random.default_rng(seed), []
    while len(rows) < SHARD:
        view = random_view(random_scene(scenes, rng), size, rng)
        if rng.random() > interest(view):
            continue
        shot = random_shot(view, curves, rng)
        result = pipeline(shot.code[None])
        rows.append(
            {
                "code": (shot.code.numpy() * 255).round().astype(np.uint8),
                "truth": _stops(shot.truth),
                "light": _stops(result.radiance[0]),
                "linear": _stops(result.linear[0]),
                "inverse": shot.inverse.numpy().astype(np.float32),
                "estimated": result.response.inverse.astype(np.float32),
            }
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as temporary, open(temporary, "wb") as out:
        np.savez(out, **{name: np.stack([row[name] for row in rows]) for name in rows[0]})


def _stops(light: Tensor) -> np.ndarray:
    return light.clamp(min=2.0**DARKEST_STOPS).log2().numpy().astype(np.float16)


def load_shards(files: list[Path]) -> list[dict[str, np.ndarray]]:
    """Photos of some shards as dictionaries of arrays, one per photo.

    Raises:
        FileNotFoundError: if there are none.
    """
    if not files:
        raise FileNotFoundError("no shards of reconstructed photos; make them first with `make_shard`")
    out = []
    for file in files:
        with np.load(file) as data:
            arrays = {name: data[name] for name in data.files}
        out += [{name: array[i] for name, array in arrays.items()} for i in range(len(arrays["code"]))]
    return out


def photo_of(row: dict[str, np.ndarray], crop: tuple[slice, slice] = (slice(None), slice(None)), flip: bool = False):
    """`ReconstructedPhoto` of a row of `load_shards`."""
    light = {name: np.exp2(row[name][:, *crop].astype(np.float32)) for name in ("truth", "light", "linear")}
    light["code"] = row["code"][:, *crop].astype(np.float32) / 255
    curves = {
        name: torch.from_numpy(np.broadcast_to(row[name], (3, row[name].shape[-1])).copy())
        for name in ("inverse", "estimated")
    }
    return ReconstructedPhoto(
        **{name: torch.from_numpy(np.ascontiguousarray(x[..., ::-1] if flip else x)) for name, x in light.items()},
        **curves,
    )


class ReconstructedStream(torch.utils.data.IterableDataset):
    """Endless random crops, half of them mirrored, of `load_shards`."""

    def __init__(self, rows: list[dict[str, np.ndarray]], size: int, seed: int):
        self.rows, self.size, self.seed = rows, size, seed

    def __iter__(self) -> Iterator[ReconstructedPhoto]:
        rng = np.random.default_rng(self.seed)
        while True:
            row = self.rows[rng.integers(len(self.rows))]
            top, left = (int(rng.integers(n - self.size + 1)) for n in row["code"].shape[1:])
            crop = slice(top, top + self.size), slice(left, left + self.size)
            # Crops without anything lost teach little.
            if (row["code"][:, *crop].max(0) >= CLIP_CODE).mean() < 0.005 and rng.random() < 0.9:
                continue
            yield photo_of(row, crop, bool(rng.random() < 0.5))
