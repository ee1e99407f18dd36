"""The encoder's choice of latents: fits of blocks that clip in part, and symbols that pay for themselves."""

import numpy as np
import pytest

from hdrrecon.networks.rawcodec.block_transform import dct_matrix
from hdrrecon.rawcodec.amplitude import heat
from hdrrecon.rawcodec.analysis import Band, Chooser, fitted, target, to_blocks
from hdrrecon.rawcodec.latent_coder import GROUPS, SUBSTEPS, PassParameters
from hdrrecon.rawcodec.model import shipped_model

DCT = dct_matrix().astype(np.float32)
STEP = 0.2


@pytest.fixture(scope="module")
def band():
    """A dark photo with single clipped pixels, a third of light missing at them."""
    random = np.random.default_rng(3)
    pixels = np.full((32, 48, 3), 120, np.uint8)
    lost = random.random((32, 48)) < 0.03
    pixels[lost] = 255
    rest = 0.005 * random.normal(size=(32, 48, 3)) + 0.3 * lost[..., None]
    return Band(pixels, heat(pixels), rest.astype(np.float32), np.full((32, 48, 3), 0.4, np.float32))


def left(found, latents):
    factor, weight = found.mixed.at(STEP)
    return (weight * (found.mixed.rest - factor * (latents @ DCT)) ** 2).sum(-1)


def test_blocks_without_clipping_are_plainly_transformed(band):
    found = target(DCT, (4, 6), [band])
    plain = np.setdiff1d(np.arange(24), found.mixed.where)
    assert 0 < len(plain) < 24
    np.testing.assert_allclose(
        found.latents.reshape(24, -1)[plain], to_blocks(band.rest).reshape(24, -1)[plain] @ DCT.T, atol=1e-6
    )


def test_a_fit_is_nearer_than_the_plain_transform_of_as_many_latents(band):
    found = target(DCT, (4, 6), [band])
    fit = fitted(found.mixed.rest, *found.mixed.at(STEP), DCT.T, STEP)
    plain = found.mixed.rest @ DCT.T
    kept = 6

    def largest(latents):
        smallest = np.sort(np.abs(latents), -1)[:, -kept, None]
        return np.where(np.abs(latents) >= smallest, latents, 0)

    lost = band.pixels.max(-1) == 255
    at_lost = np.repeat(to_blocks(np.repeat(lost[..., None], 3, -1).astype(np.float32)), 1, -1).reshape(24, -1)
    at_lost = at_lost[found.mixed.where]
    factor, _ = found.mixed.at(STEP)
    shaped = (at_lost * (found.mixed.rest - factor * (largest(fit) @ DCT)) ** 2).sum()
    assert shaped < 0.8 * (at_lost * (found.mixed.rest - largest(plain) @ DCT) ** 2).sum()


def test_refining_symbols_does_not_lose_light(band):
    model = shipped_model()
    found = target(model.analysis, (4, 6), [band])
    choose = Chooser(model, found, STEP)
    size = GROUPS[0]
    every = np.arange(24)
    parameters = PassParameters(every, np.full((24, size), 30), np.zeros((24, 1), int), np.full(24, SUBSTEPS))
    before = left(found, choose.latents)
    symbols = choose(0, parameters)
    assert symbols.shape == (24, size) and symbols.any()
    rows = np.searchsorted(found.mixed.where, found.mixed.where)
    np.testing.assert_allclose(choose.latents[rows, :size], symbols[found.mixed.where] * STEP, atol=1e-6)
    assert left(found, choose.latents).sum() < 1.5 * before.sum() + 24 * size * STEP**2 / 12
