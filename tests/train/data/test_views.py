"""Views of light alone: sizes, sense, and the same ones for the same seed."""

from __future__ import annotations

import numpy as np
import torch

from hdrrecon.train.data.resident import ResidentScenes
from hdrrecon.train.data.scenes import Scene
from hdrrecon.train.data.views import LightStreet


def test_light_is_light_and_repeats():
    light = np.random.default_rng(0).random((64, 128, 3)).astype(np.float16)
    scenes = ResidentScenes([Scene("noise", light)])
    first, second = (next(LightStreet(scenes, 32, 5).batches(2))["light"] for _ in range(2))
    assert first.shape == (2, 3, 32, 32) and torch.equal(first, second)
    assert 0 <= float(first.min()) and float(first.max()) <= 1
    assert not torch.equal(first, next(LightStreet(scenes, 32, 6).batches(2))["light"])
