"""Latents are visited once, in an order a decoder knows, and what is not sent is foretold."""

import numpy as np
import pytest

from hdrrecon.rawcodec.guide import CHANNELS
from hdrrecon.rawcodec.latent_coder import GROUPS, LARGEST_LATENT, PASS_COUNT, PASSES, STEP_TABLE, SUBSTEPS, walk
from hdrrecon.rawcodec.model import shipped_model

SIZE = (9, 11)


@pytest.fixture(scope="module")
def guide():
    return np.random.default_rng(0).integers(-512, 512, (*SIZE, CHANNELS + 2))


def visited(guide, code):
    model = shipped_model()
    return walk(guide, model.guide_nets, model.groups, model.rounding, code)


def test_no_block_is_coded_twice_by_a_group(guide):
    seen = {}

    def zeros(group, index, parameters):
        seen[group, index] = parameters.where
        return np.zeros(parameters.index.shape, int)

    visited(guide, zeros)
    assert list(seen) == [(g, i) for g, count in enumerate(PASSES) for i in range(count)] and len(seen) == PASS_COUNT
    for group in range(len(GROUPS)):
        blocks = np.concatenate([where for (g, _), where in seen.items() if g == group])
        assert len(np.unique(blocks)) == len(blocks) and (blocks < SIZE[0] * SIZE[1]).all()


def test_a_decoder_that_is_told_the_symbols_gets_the_encoders_latents(guide):
    random, told = np.random.default_rng(1), []

    def encoder(group, index, parameters):
        told.append((random.integers(-3, 4, parameters.index.shape), parameters))
        return told[-1][0]

    replies = iter(told)

    def decoder(group, index, parameters):
        symbols, expected = next(replies)
        for name in ("where", "index", "mean", "step"):
            np.testing.assert_array_equal(getattr(parameters, name), getattr(expected, name))
        return symbols

    sent, got = visited(guide, encoder), visited(guide, decoder)
    assert sent.values.any()
    np.testing.assert_array_equal(sent.values, got.values)
    np.testing.assert_array_equal(sent.restored, got.restored)
    assert np.abs(sent.values.astype(int)).max() <= LARGEST_LATENT


def test_what_is_not_sent_is_zero_and_its_error_is_the_one_training_measured(guide):
    unsent = shipped_model().rounding.unsent
    nothing = visited(guide, lambda g, i, p: None)
    assert not nothing.values.any() and not nothing.restored.any()
    assert nothing.error == pytest.approx(unsent @ np.array(GROUPS) / sum(GROUPS), rel=1e-5)
    first = visited(guide, lambda g, i, p: None if g else np.ones(p.index.shape, int))
    assert first.values[..., : GROUPS[0]].any() and not first.values[..., GROUPS[0] :].any()


def test_precisions_are_quarter_octaves_around_the_base_step():
    assert STEP_TABLE[8] == SUBSTEPS and STEP_TABLE[4] == SUBSTEPS // 2 and STEP_TABLE[12] == 2 * SUBSTEPS
