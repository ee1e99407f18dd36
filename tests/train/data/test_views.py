"""Views of scenes: theirs in size and light, repeated by their seed alone."""

from itertools import islice

import numpy as np
import torch

from hdrrecon.train.data.views import ViewStream, random_light


def first(scenes, seed, count=2):
    return [view.light for view in islice(ViewStream(scenes, 24, seed), count)]


def test_streams_repeat_with_their_seed_and_only_then(scenes):
    assert all(torch.equal(a, b) for a, b in zip(first(scenes, 3), first(scenes, 3)))
    one, other = first(scenes, 3)
    assert not torch.equal(one, other) and not torch.equal(one, first(scenes, 4)[0])


def test_views_are_light_of_the_scene(scenes):
    rng, most = np.random.default_rng(0), float(scenes[0].light.max())
    for _ in range(5):
        light = random_light(scenes, 24, rng)
        assert light.shape == (3, 24, 24) and light.dtype == torch.float32
        assert 0 <= float(light.min()) and float(light.max()) <= most * 1.001


def test_a_view_owns_its_memory(scenes):
    """Workers send views: a crop that is a view of the wide picture would send all of it."""
    light = random_light(scenes, 24, np.random.default_rng(1))
    assert light.untyped_storage().nbytes() == light.numel() * 4
