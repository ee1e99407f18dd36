"""Views of scenes, nothing else: for sensors that are simulated in the task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class View:
    """`light` (3, S, S), linear, of any exposure."""

    light: Tensor


class ViewStream(torch.utils.data.IterableDataset):
    """Endless random views of `train.data.scenes.load_scenes`, those with light in them more often.

    Args:
        scenes: of `load_scenes`.
        size: of a view in pixels.
        seed: of the views.
    """

    def __init__(self, scenes: list, size: int, seed: int):
        self.scenes, self.size, self.seed = scenes, size, seed

    def __iter__(self) -> Iterator[View]:
        rng = np.random.default_rng(self.seed)
        while True:
            yield View(random_light(self.scenes, self.size, rng))


def random_light(scenes: list, size: int, rng: np.random.Generator) -> Tensor:
    """Light (3, size, size) of a random view, as `interest` chooses among them."""
    from hdrrecon.train.data.pairs import interest
    from hdrrecon.train.data.scenes import random_scene, random_view

    while True:
        # A wide view, then a crop of it: details are then as small as in a photo.
        wide = random_view(random_scene(scenes, rng), size * int(rng.integers(1, 4)), rng)
        if rng.random() < interest(wide):
            top, left = (int(rng.integers(n - size + 1)) for n in wide.shape[1:])
            return torch.from_numpy(wide[:, top : top + size, left : left + size].copy())
