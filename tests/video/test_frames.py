"""Steady light of arrays and tensors: what `reconstruct_frames` promises, whatever the networks say."""

import itertools

import numpy as np
import pytest
import torch

import hdrrecon
from hdrrecon.video import LightMemory, TemporalOptions, reconstruct_frames

LIVE = TemporalOptions(look_ahead=0)


@pytest.fixture(scope="module")
def reconstructor():
    return hdrrecon.Reconstructor("fast", "cpu")


def scene(height=96, width=160, seed=0, lamp=(30, 50)):
    """Light (H, W, 3): smooth texture, and a clipped lamp with a halo."""
    rng = np.random.default_rng(seed)
    import cv2

    light = 0.5 * cv2.GaussianBlur(rng.random((height, width, 3)).astype(np.float32), (0, 0), 3)
    y, x = np.mgrid[:height, :width]
    return light + 4 * np.exp(-((y - lamp[0]) ** 2 + (x - lamp[1]) ** 2) / 200)[..., None]


def photo(light, noise=0.0, seed=0):
    noisy = light + noise * np.random.default_rng(seed).normal(size=light.shape)
    return np.rint(255 * hdrrecon.color.linear_to_srgb(np.clip(noisy, 0, 1))).astype(np.uint8)


def stops(one, other):
    return np.abs(np.log2(np.maximum(one, 1e-4)) - np.log2(np.maximum(other, 1e-4)))


@pytest.mark.parametrize("temporal", [TemporalOptions(), LIVE], ids=["files", "live"])
def test_static_input_gives_static_light(reconstructor, temporal):
    frame = photo(scene())
    lights = list(reconstruct_frames(itertools.repeat(frame, 12), reconstructor=reconstructor, temporal=temporal))
    assert len(lights) == 12 and lights[0].max() > 1.1
    assert max(stops(a, b).max() for a, b in itertools.pairwise(lights)) < 0.005


def test_what_is_not_clipped_is_the_linearised_frame_to_the_bit(reconstructor):
    frames = [photo(scene(), 0.01, seed) for seed in range(5)]
    curve = hdrrecon.ResponseCurve.srgb()
    for frame, light in zip(frames, reconstruct_frames(frames, reconstructor=reconstructor, response=curve)):
        well = (frame <= 240).all(-1) & (frame.max(-1) >= 13)
        linear = reconstructor(frame, response=curve, details=True).linear
        assert np.array_equal(light[well], linear[well])
        assert (light >= linear).all()


def test_noise_flickers_less_in_clipped_regions_than_frame_by_frame(reconstructor):
    frames = [photo(scene(), 0.02, seed) for seed in range(10)]
    clipped = np.all([frame.min(-1) >= 254 for frame in frames], 0)
    assert clipped.sum() > 50

    def flicker(lights):
        return np.mean([stops(a, b)[clipped].mean() for a, b in itertools.pairwise(lights)])

    alone = [reconstructor(frame, response="srgb") for frame in frames]
    together = list(reconstruct_frames(frames, reconstructor=reconstructor, response="srgb"))
    assert flicker(together) < 0.3 * flicker(alone)


def test_one_response_for_a_shot_and_nothing_crosses_a_cut(reconstructor):
    one = [photo(scene(), 0.01, seed) for seed in range(6)]
    other = [photo(scene(seed=5, lamp=(60, 120)) * 0.7, 0.01, seed) for seed in range(6)]
    both = list(reconstruct_frames(one + other, reconstructor=reconstructor))
    alone = list(reconstruct_frames(other, reconstructor=reconstructor))
    for a, b in zip(both[6:], alone):
        assert np.array_equal(a, b)


def test_a_list_and_an_iterator_give_as_many_frames_of_their_own_kind(reconstructor):
    frames = [torch.from_numpy(photo(scene()).transpose(2, 0, 1).copy())] * 3
    for given in (frames, iter(frames)):
        lights = list(reconstruct_frames(given, reconstructor=reconstructor))
        assert len(lights) == 3 and all(x.shape == (3, 96, 160) and x.dtype == torch.float32 for x in lights)


@pytest.mark.parametrize("count", [0, 1, 2, 17])
def test_any_number_of_frames(reconstructor, count):
    frames = [photo(scene(24, 32, lamp=(10, 12)))] * count
    assert len(list(reconstruct_frames(frames, reconstructor=reconstructor, response="srgb"))) == count


def test_frames_come_out_while_others_are_still_to_come(reconstructor):
    """A stream of any length is held a few frames at a time."""
    taken = itertools.count()

    def endless():
        while True:
            next(taken)
            yield photo(scene(24, 32, lamp=(10, 12)))

    temporal = TemporalOptions(look_ahead=3, block=2)
    lights = reconstruct_frames(endless(), reconstructor=reconstructor, response="srgb", temporal=temporal)
    for _ in range(20):
        next(lights)
    assert next(taken) <= 20 + 3 + 2 + 1


def test_a_film_of_any_length_takes_the_memory_of_a_few_frames(reconstructor):
    """Frames are let go: of hundreds never more live than are looked ahead, whatever the length."""
    import weakref

    alive: list[weakref.ref] = []
    most = 0

    def film():
        for seed in range(150):
            frame = photo(scene(24, 32, lamp=(10, 12)), 0.01, seed)
            alive.append(weakref.ref(frame))
            yield frame

    temporal = TemporalOptions(look_ahead=3, block=3)
    for _ in reconstruct_frames(film(), reconstructor=reconstructor, response="srgb", temporal=temporal):
        most = max(most, sum(one() is not None for one in alive))
    assert len(alive) == 150 and most <= 3 + 3 + 3


def test_another_size_is_another_shot(reconstructor):
    frames = [photo(scene(24, 32, lamp=(10, 12)))] * 2 + [photo(scene(33, 17, lamp=(10, 12)))] * 2
    lights = list(reconstruct_frames(iter(frames), reconstructor=reconstructor, response="srgb"))
    assert [x.shape[:2] for x in lights] == [(24, 32)] * 2 + [(33, 17)] * 2


def test_light_measured_before_it_clipped_is_remembered(reconstructor):
    """Exposure rises until a lamp clips; its light was seen."""
    light = scene(lamp=(40, 80)) * 0.2
    gains = 2.0 ** np.linspace(0, 2.2, 14)
    frames = [photo(light * gain) for gain in gains]
    clipped = frames[-1].min(-1) >= 254
    assert clipped.sum() > 100
    truth = light * gains[-1]

    def error(lights):
        return stops(lights[-1][clipped], truth[clipped]).mean()

    with_memory = list(reconstruct_frames(iter(frames), reconstructor=reconstructor, response="srgb", temporal=LIVE))
    without = TemporalOptions(look_ahead=0, remember_measured=False)
    alone = list(reconstruct_frames(iter(frames), reconstructor=reconstructor, response="srgb", temporal=without))
    assert error(with_memory) < 0.25
    assert error(with_memory) < 0.5 * error(alone)


def test_a_memory_can_be_reset(reconstructor):
    pipeline, curve = reconstructor.pipeline, hdrrecon.ResponseCurve.srgb()
    from hdrrecon.pipeline.pixels import PixelCodes

    photos = [pipeline.prepare(PixelCodes(torch.from_numpy(photo(scene(), 0.02, seed))), curve) for seed in range(3)]
    memory = LightMemory(25, LIVE)
    (first,) = memory.push(photos[0])
    memory.push(photos[1])
    memory.reset()
    (again,) = memory.push(photos[0])
    rows = slice(0, 96)
    assert torch.equal(first.light(rows)[0], again.light(rows)[0])


def test_options_that_are_none_are_refused():
    with pytest.raises(ValueError, match="look_ahead"):
        TemporalOptions(look_ahead=-1)
    with pytest.raises(ValueError, match="fps"):
        LightMemory(0)
