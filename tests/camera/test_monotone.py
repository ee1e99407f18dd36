"""The projections are true projections, and never worse than the layer networks train through."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrrecon.camera.basis import Basis, load_basis
from hdrrecon.camera.models import project_monotone, project_weights
from hdrrecon.networks.linearize.linearization_net import monotone

bent = st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=30).map(lambda inner: np.array([0.0, *inner, 1.0]))


def is_response(curve, slack=0.0):
    return (np.diff(curve) >= -slack).all() and curve[0] == 0 and curve[-1] == 1


@settings(max_examples=80, deadline=None)
@given(bent)
def test_both_are_responses_and_the_projection_is_never_farther(curve):
    projected, layered = project_monotone(curve), monotone(torch.from_numpy(curve)).numpy()
    assert is_response(projected) and is_response(layered)
    assert np.linalg.norm(projected - curve) <= np.linalg.norm(layered - curve) + 1e-9


@settings(max_examples=80, deadline=None)
@given(bent, st.integers(0, 2**32 - 1))
def test_it_is_the_projection(curve, seed):
    """p is the projection of x on a convex set exactly if (x - p).(q - p) <= 0 for every q in the set."""
    p = project_monotone(curve)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        q = np.sort(rng.choice([0, 1, 0.5, *rng.random(5), *p], size=len(curve)))
        q[0], q[-1] = 0, 1
        assert (curve - p) @ (q - p) <= 1e-9


def test_a_response_is_left_alone():
    curve = np.linspace(0, 1, 50) ** 2.2
    np.testing.assert_array_equal(project_monotone(np.stack([curve, curve]))[1], curve)
    assert project_monotone([5.0, -3.0]).tolist() == [0, 1]


def test_one_bad_sample_bends_the_layer_but_not_the_projection():
    curve = np.linspace(0, 1, 1024) ** 2.2
    spoiled = curve.copy()
    spoiled[500] -= 0.05

    def moved(fixed):
        return np.sqrt(np.mean((fixed - curve) ** 2))

    assert moved(project_monotone(spoiled)) < 0.003 and moved(monotone(torch.from_numpy(spoiled)).numpy()) > 0.1


@pytest.mark.parametrize("curve, words", [([0.0], "two samples"), ([0, np.nan, 1], "not finite")])
def test_bad_curves_are_refused(curve, words):
    with pytest.raises(ValueError, match=words):
        project_monotone(curve)


@pytest.mark.parametrize("name", ["emor", "inverse_emor", "union"])
def test_weights_are_projected_inside_the_basis(name):
    """Monotone, between the free projection and the layer, and optimal: c* - p opposes every feasible c - p."""
    basis, rng = getattr(load_basis(), name), np.random.default_rng(1)
    for count in (2, 11, 25):
        start = rng.normal(0, 3, count) / np.arange(1, count + 1)
        found = project_weights(start, basis)
        curve, fixed = basis.curve(start), basis.curve(found)
        assert np.diff(fixed).min() >= -1e-9

        def away(c, curve=curve):
            return np.linalg.norm(c - curve)

        assert away(project_monotone(curve)) <= away(fixed) + 1e-9 and away(fixed) <= away(
            monotone(torch.from_numpy(curve)).numpy()
        )
        others = [project_weights(rng.normal(0, 3, count) / np.arange(1, count + 1), basis) for _ in range(5)]
        assert all((start - found) @ (q - found) <= 1e-6 for q in [*others, np.zeros(count)])


def test_weights_of_a_monotone_curve_are_left_alone_and_a_hopeless_basis_is_named():
    basis = load_basis().inverse_emor
    np.testing.assert_array_equal(project_weights(np.array([0.1, 0.05]), basis), [0.1, 0.05])
    line = np.linspace(0, 1, 64)
    falling = Basis(line + 0.5 * np.sin(2 * np.pi * line), np.eye(64)[20:21])
    with pytest.raises(ValueError, match="no curve of this basis"):
        project_weights(np.array([0.0]), falling)
