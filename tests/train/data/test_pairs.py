"""Streams of training pairs repeat with their seed, and cameras clip as stated."""

import numpy as np
import torch

from hdrrecon.train.data.pairs import ShotStream, random_shot


def test_streams_repeat_with_their_seed_and_only_then(scenes, curves):
    def first(seed):
        return next(iter(ShotStream(scenes, curves, 48, seed))).code

    assert torch.equal(first(3), first(3)) and not torch.equal(first(3), first(4))


def test_random_cameras_clip_between_the_stated_shares(scenes, curves):
    rng = np.random.default_rng(0)
    view = np.exp(rng.normal(0, 1, (3, 64, 64))).astype(np.float32)
    shares = [float((random_shot(view, curves, rng).truth.amax(0) >= 1).float().mean()) for _ in range(60)]
    assert 0.001 < min(shares) and max(shares) < 0.42
