"""The raw codec trains from scenes to a file that encodes and decodes."""

import numpy as np
import pytest
import torch

from hdrrecon.networks.rawcodec.block_transform import BlockTransform, dct_matrix
from hdrrecon.networks.rawcodec.entropy_model import EntropyModel, bits, guide_planes, symbol_bits, table_scale
from hdrrecon.networks.rawcodec.synthesis import Synthesis, SynthesisConfig
from hdrrecon.train.data.raw_pairs import random_matrix, simulate_pair
from tests.rawcodec.conftest import photograph, scene


def test_the_transform_begins_as_an_orthonormal_dct():
    matrix = dct_matrix()
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(192), atol=1e-12)
    image = torch.rand(2, 3, 16, 24)
    torch.testing.assert_close(BlockTransform().decode(BlockTransform().encode(image)), image, atol=1e-5, rtol=0)


def test_the_first_latent_is_the_mean():
    flat = torch.full((1, 3, 8, 8), 0.5)
    latents = BlockTransform().encode(flat)[0, 0, 0]
    assert latents[:3].abs().max() > 1 and latents[3:].abs().max() < 1e-4


def test_bits_of_all_symbols_make_a_distribution():
    symbols = torch.arange(-400, 401).float()
    for index in (0.0, 20.0, 63.0):
        cost = symbol_bits(symbols, torch.tensor(index)).double()
        assert float((2**-cost).sum()) == pytest.approx(1, abs=2e-3)
        inside = bits(symbols, table_scale(torch.tensor(index)))
        near = inside < 15  # beyond, a probability is limited
        torch.testing.assert_close(cost[near].float(), inside[near], atol=1e-2, rtol=1e-2)


def test_guide_planes_are_what_the_integers_say():
    """Training's floats times 256 are the decoder's integers."""
    from hdrrecon.rawcodec.bitstream import Header
    from hdrrecon.rawcodec.latent_stage import guide_inputs, with_step

    rng = np.random.default_rng(0)
    guide, grid = rng.integers(0, 256, (21, 8, 12)).astype(np.uint8), rng.integers(-40, 40, (2, 3)) / 32
    planes = with_step(guide_inputs(guide, grid), Header(0, 64, 96, 0, 0, 100, 0, 0))
    gains = torch.from_numpy(np.repeat(np.repeat(grid * 32, 4, 0), 4, 1)[None, None]).float()
    floats = guide_planes(torch.from_numpy(guide[None]).float(), gains, torch.tensor(25.0).view(1, 1, 1, 1))
    np.testing.assert_array_equal(floats[0].permute(1, 2, 0).numpy() * 256, planes)


def test_all_gradients_arrive():
    torch.manual_seed(0)
    net = EntropyModel()
    latents = torch.randn(1, 192, 6, 8)
    coded = net(torch.randn(1, 23, 6, 8), latents, torch.full((1, 1, 1, 1), 0.3), torch.arange(48))
    (coded.bits.sum() + coded.values.square().sum() + coded.octaves.sum()).backward()
    missing = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not missing
    assert coded.share.shape == (8,) and (coded.share <= 1).all()


def test_an_untrained_synthesis_changes_nothing_and_learns():
    net = Synthesis(SynthesisConfig(8, 1))
    code, base, residual = torch.rand(3, 1, 3, 16, 16)
    out = net(code, base, residual, torch.tensor([20.0]))
    torch.testing.assert_close(out, base + residual)
    out.square().sum().backward()
    assert net.last.weight.grad.abs().sum() > 0


def test_simulated_pairs():
    rng = np.random.default_rng(0)
    for _ in range(4):
        pair = simulate_pair(scene(64, 96).astype(float), rng)
        assert pair.raw.shape == (64, 96, 3) and pair.raw.min() >= 0 and pair.raw.max() <= 1
        assert pair.jpeg[:2] == b"\xff\xd8"
        matrix = random_matrix(rng)
        np.testing.assert_allclose(matrix.sum(1), 1)
        assert np.linalg.cond(matrix) < 8


def test_training_gives_a_codec(tmp_path):
    from hdrrecon import rawcodec
    from hdrrecon.camera.response import CODES
    from hdrrecon.rawcodec.model import load_model
    from hdrrecon.train.data.curves import CurveSampler, MeasuredCurves
    from hdrrecon.train.data.scenes import Scene
    from hdrrecon.train.rawcodec.entropy import EntropyRecipe
    from hdrrecon.train.rawcodec.synthesis import SynthesisRecipe
    from hdrrecon.train.tasks.rawcodec import train_rawcodec

    curves = np.stack([CODES**g for g in (1.8, 2.2)])
    sampler = CurveSampler(MeasuredCurves(np.repeat(curves[:, None], 3, 1), curves, curves))
    scenes = [Scene("one", scene(96, 128).astype(np.float16)), Scene("two", scene(64, 96).astype(np.float16))]
    entropy = EntropyRecipe(minutes=60, most_steps=3, side=8, blocks=40, batch=2)
    synthesis = SynthesisRecipe(minutes=60, most_steps=3, config=SynthesisConfig(8, 1), side=32, cut=8, batch=2)
    path = train_rawcodec(scenes, sampler, tmp_path, 4, entropy, synthesis)
    model = load_model(path)
    raw, jpeg = photograph(64, 80)
    out = rawcodec.decode(jpeg, rawcodec.encode(raw, jpeg, 4, model=model), model=model)
    assert -10 * np.log10(np.mean((out - raw) ** 2)) > 25  # hardly trained
