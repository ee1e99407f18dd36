"""ResponseNet's fit: what it draws, folds and learns."""

import csv
from dataclasses import replace

import pytest
import torch

from hdrrecon import zoo
from hdrrecon.networks.linearize.response_net import ResponseConfig, ResponseNet
from hdrrecon.networks.linearize.response_statistics import KINDS, SIZE
from hdrrecon.train.data.response_statistics import (
    HANDLED_SHARE,
    ODD,
    PHOTO,
    VIEW,
    Counted,
    count_chunk,
    count_shots,
    load_chunks,
)
from hdrrecon.train.data.validation import validation_shots
from hdrrecon.train.tasks.response import (
    DEFAULT_CONFIG,
    FitRecipe,
    Prepared,
    drawn,
    fit,
    narrowed,
    odds_of,
    principal,
    seen,
    used_codes,
    widened,
)

SMALL = ResponseConfig(hidden=(32,), dropout=0.0, kinds=("slopes", "saturation"), samples=65, family_hidden=(16,))
SMALL_SIZE = sum(KINDS[kind] for kind in SMALL.kinds)


def test_the_fit_learns_and_its_weights_load(scenes, curves, tmp_path):
    count_chunk(scenes, [], curves, 0, tmp_path / "000.npz", 40)
    validation = count_shots(validation_shots(scenes, curves, 6))
    data = load_chunks([tmp_path / "000.npz"])
    best = fit(
        data,
        data,
        validation,
        tmp_path / "run",
        SMALL,
        FitRecipe(
            steps=120, batch=16, components=30, noise=0.0, curve_noise=0.0, kind_dropout=0.0, family_kinds=SMALL.kinds
        ),
    )
    losses = [float(row["train_loss"]) for row in csv.DictReader(open(tmp_path / "run" / "log.csv"))]
    assert losses[-1] < 0.9 * losses[0]
    out = zoo.load_file(best)(data.statistics)
    assert (
        out["inverse"].shape == (40, 1024)
        and (out["inverse"].diff(dim=1) >= 0).all()
        and torch.isfinite(out["family_logits"]).all()
    )


def test_used_codes_are_shares_of_well_exposed_values():
    statistics = torch.zeros(1, SIZE)
    statistics[0, [10, 40, 63]] = 1.0  # R has values in bins 10, 40 and, clipped, 63
    share = used_codes(statistics, 1024)
    assert float(share.sum()) == pytest.approx(1) and float(share[0, 1000:].sum()) < 1e-3
    assert float(share[0, 10 * 16 + 8]) == pytest.approx(float(share[0, 40 * 16 + 8]), rel=1e-3)


def test_batches_hold_the_stated_share_of_photos():
    def many(family):
        return Prepared(
            torch.ones(50, 2, 7), torch.zeros(50, 65), torch.ones(50, 65), torch.full((50,), family), torch.ones(50)
        )

    batch = drawn([many(1), many(0)], FitRecipe(batch=100, photo_share=0.2))
    assert len(batch.family) == 100 and int((batch.family == 0).sum()) == 20 and batch.inputs.shape == (100, 2, 7)
    assert (drawn([many(1)], FitRecipe(batch=100, photo_share=0.2)).family == 1).all()


def test_photos_counted_evenly_are_drawn_as_the_world_has_them():
    """Summed over both kinds of handling, the odds of a family are those of its scenes; odd pictures know no
    handling."""
    recipe = FitRecipe(view_odds=(0.5, 0.3, 0.2), photo_odds=(0.8, 0.15, 0.05), handled=(0.6, 0.2, 0.1))
    scene, handled, family = (
        x.flatten() for x in torch.meshgrid(*map(torch.tensor, ([VIEW, PHOTO, ODD], [0, 1], [0, 1, 2])), indexing="ij")
    )
    nothing = torch.zeros(len(scene), 1)
    odds = odds_of(Counted(nothing, nothing, family, scene, handled), recipe)
    counted = torch.where(handled.bool(), HANDLED_SHARE, 1 - HANDLED_SHARE)

    def total(kind):
        return torch.stack([(odds * counted)[(scene == kind) & (family == f)].sum() for f in range(3)])

    torch.testing.assert_close(total(VIEW), torch.tensor(recipe.view_odds))
    torch.testing.assert_close(total(PHOTO), torch.tensor(recipe.photo_odds))
    torch.testing.assert_close(odds[scene == ODD], torch.full((6,), 1 / 3))
    handled_cameras = (scene == VIEW) & (family == 0) & handled.bool()
    assert float((odds * counted)[handled_cameras]) == pytest.approx(0.5 * 0.6)
    assert (odds_of(Counted(nothing, nothing, family), recipe) == 1).all(), "without what they are, all are alike"


@pytest.mark.parametrize("split", (False, True))
def test_what_was_learnt_from_components_is_the_same_on_the_statistics(split):
    """Folding the directions into the first layers changes no answer."""
    torch.manual_seed(0)
    net = ResponseNet(replace(SMALL, split=split)).eval()
    statistics = torch.rand(20, SIZE)
    net.normalise_by(statistics)
    directions = principal(net.normalised(statistics), 12)
    learner = narrowed(net, 12).eval()
    for p in learner.parameters():
        torch.nn.init.normal_(p, std=0.1)
    widened(learner, directions, net, SMALL.kinds)
    inputs = net.normalised(statistics)
    assert net.answer(inputs)["family_logits"].std(0).min() > 0.05
    for name, value in learner.answer(inputs @ directions).items():
        torch.testing.assert_close(net.answer(inputs)[name], value, atol=1e-4, rtol=1e-4)


def test_families_are_blind_to_kinds_they_were_not_shown():
    torch.manual_seed(0)
    net = ResponseNet(SMALL).eval()
    directions = principal(torch.rand(20, SMALL_SIZE), 12)
    learner = narrowed(net, 12)
    for p in learner.parameters():
        torch.nn.init.normal_(p, std=0.1)
    widened(learner, directions, net, ("slopes",))
    inputs = torch.randn(2, SMALL_SIZE)
    other = inputs.clone()
    other[:, KINDS["slopes"] :] += 1
    torch.testing.assert_close(net.answer(inputs)["family_logits"], net.answer(other)["family_logits"])
    other[:, 0] += 1
    assert not torch.allclose(net.answer(inputs)["family_logits"], net.answer(other)["family_logits"])


def test_srgb_and_films_share_what_cameras_leave():
    torch.manual_seed(0)
    net = ResponseNet(replace(SMALL, split=True)).eval()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.1)
    inputs = torch.randn(5, SMALL_SIZE)
    before = net.answer(inputs)["family_logits"].softmax(1)
    net.split.bias.data += 3
    after = net.answer(inputs)["family_logits"].softmax(1)
    torch.testing.assert_close(after[:, 0], before[:, 0])
    assert (after[:, 1] > before[:, 1]).all() and (after[:, 2] < before[:, 2]).all()
    prior = net.answer(inputs, {"camera": 0.98, "srgb": 0.01, "dorf": 0.01})["family_logits"].softmax(1)
    assert (prior[:, 0] > after[:, 0]).all()


def test_hidden_kinds_are_missing_from_what_families_see():
    parts = torch.rand(4, 3, 5)
    recipe = FitRecipe(noise=0.0, curve_noise=0.0, kind_dropout=0.0)
    for_curves, _, families = seen(parts, torch.tensor([True, False, True]), recipe)
    torch.testing.assert_close(for_curves, parts.sum(1))
    torch.testing.assert_close(families, parts[:, 0] + parts[:, 2])


def test_principal_directions_are_orthonormal_and_take_the_largest_variance_first():
    torch.manual_seed(0)
    inputs = torch.randn(500, 6) * torch.tensor([5.0, 0.1, 3.0, 0.1, 1.0, 0.1])
    directions = principal(inputs, 3)
    torch.testing.assert_close(directions.T @ directions, torch.eye(3), atol=1e-5, rtol=0)
    assert [int(i) for i in directions.abs().argmax(0)] == [0, 2, 4]


def test_families_and_curves_see_statistics_of_their_own_noise():
    """The two perceptrons share nothing: other inputs for the families leave the families' curves alone."""
    torch.manual_seed(0)
    net = ResponseNet(DEFAULT_CONFIG).eval()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.1)
    inputs = torch.randn(2, sum(KINDS.values()))
    plain, other = net.answer(inputs), net.answer(inputs, family_inputs=torch.randn_like(inputs))
    torch.testing.assert_close(plain["family_curves"], other["family_curves"])
    assert not torch.allclose(plain["family_logits"], other["family_logits"])
