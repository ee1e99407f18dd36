"""Views of scenes, nothing else: for sensors that are simulated in the task."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from hdrrecon.train.data.resident import ResidentScenes, Street, StreetConfig


class LightStreet(Street):
    """Endless batches of light alone, of any exposure, made on the device that trains.

    Args:
        scenes: what to draw from.
        size: of a view in pixels.
        seed: batches are the same for the same seed and device.

    Example:
        >>> street = LightStreet(ResidentScenes(load_scenes(folder)), 256, 0)  # doctest: +SKIP
        >>> next(street.batches(2))["light"].shape                             # doctest: +SKIP
        torch.Size([2, 3, 256, 256])
    """

    def __init__(self, scenes: ResidentScenes, size: int, seed: int):
        self.scenes, self.config = scenes, StreetConfig(size=size)
        self.generator = torch.Generator(scenes.device).manual_seed(seed)

    def batches(self, count: int) -> Iterator[dict[str, Tensor]]:
        """Batches of `count` views: `light` (N, 3, S, S)."""
        while True:
            yield {"light": self.views(count)}
