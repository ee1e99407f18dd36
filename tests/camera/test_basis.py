"""Bases of response curves: ends stay, weights come back, the logarithmic scale inverts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.camera.basis import FAMILIES, TOE, compress, expand, fit_basis, load_basis


@given(st.floats(0, 1))
def test_expand_undoes_compress(light):
    assert expand(compress(light)) == pytest.approx(light, abs=1e-12)


def test_the_scale_keeps_its_ends_and_counts_stops_far_above_the_toe():
    assert compress(0.0) == 0 and compress(1.0) == pytest.approx(1)
    steps = np.diff(compress(100 * TOE * 2.0 ** np.arange(-1, 2)))
    assert steps[0] == pytest.approx(steps[1], rel=0.02), "one stop is one length"


@pytest.mark.parametrize("name", ["emor", "inverse_emor", "union", "compressed"])
def test_shipped_vectors_are_orthonormal_and_vanish_at_both_ends(name):
    basis = getattr(load_basis(), name)
    assert basis.vectors.shape == (25, 1024)
    np.testing.assert_allclose(basis.vectors @ basis.vectors.T, np.eye(25), atol=1e-4)
    np.testing.assert_allclose(basis.vectors[:, [0, -1]], 0, atol=1e-6)
    np.testing.assert_allclose(basis.mean[[0, -1]], [0, 1], atol=1e-6)


def test_there_is_a_mean_for_every_family_and_modern_cameras_have_theirs():
    shipped = load_basis()
    assert shipped.family_means.shape == shipped.compressed_means.shape == (len(FAMILIES), 1024)
    np.testing.assert_array_equal(shipped.camera_mean, shipped.family_means[0])


@given(st.integers(0, 99))
def test_curves_of_a_basis_come_back_from_their_weights(seed):
    rng = np.random.default_rng(seed)
    curves = np.linspace(0, 1, 50) ** rng.uniform(0.3, 3, (8, 1))
    basis = fit_basis(curves, count=7)  # eight curves differ from their mean in seven directions
    np.testing.assert_allclose(basis.curve(basis.weights(curves)), curves, atol=1e-10)


def test_a_curve_of_weight_nothing_changes_no_basis_and_open_ends_are_refused():
    x = np.linspace(0, 1, 40)
    curves = np.stack([x, x**2, x**3, x**0.2])
    np.testing.assert_allclose(fit_basis(curves, weights=[1, 1, 1, 0]).mean, curves[:3].mean(0), atol=1e-12)
    with pytest.raises(ValueError, match="start at 0 and end at 1"):
        fit_basis(curves + 0.01)
