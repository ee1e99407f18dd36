"""Linearization-Net: its layer, its inputs, its answers."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrrecon.camera.basis import FAMILIES, load_basis
from hdrrecon.networks.linearize.linearization_net import (
    STATISTICS,
    LinearizationConfig,
    LinearizationNet,
    bounded,
    code_statistics,
    crop_features,
    monotone,
    select_crops,
)
from tests.conftest import as_code


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=30))
def test_monotone_layer_is_monotone_with_fixed_ends(inner):
    out = monotone(torch.tensor([[0.0, *inner, 1.0]]))
    assert (out.diff() >= 0).all() and out[0, 0] == 0 and out[0, -1] == 1


def test_monotone_layer_keeps_a_monotone_curve():
    curve = torch.linspace(0, 1, 1024)[None] ** 2.2
    torch.testing.assert_close(monotone(curve), curve, atol=2e-6, rtol=0)


def test_inputs_are_the_published_ones():
    code = torch.full((1, 3, 4, 4), 1 / 8)
    maps = crop_features(code, (4, 8, 16))
    assert maps.shape == (1, 93, 4, 4)  # 3 + 6 + 3 * (4 + 8 + 16), as in the paper
    assert (maps[:, 3:9] == 0).all()
    four = maps[0, 9:21, 0, 0].reshape(3, 4)  # bin centres 1/8, 3/8, 5/8, 7/8
    torch.testing.assert_close(four, torch.tensor([[1.0, 0, 0, 0]]).expand(3, 4))


def test_statistics_do_not_depend_on_size(small_photo):
    code = as_code(small_photo)
    one, two = code_statistics(code), code_statistics(code.repeat(1, 1, 2, 1))
    assert one.shape == (1, STATISTICS)
    torch.testing.assert_close(one, two)


def test_crops_are_those_with_most_codes():
    code = torch.zeros(1, 3, 64, 128)
    code[..., 96:] = torch.rand(1, 3, 64, 32)
    crops = select_crops(code, 32, 1)
    assert crops.shape == (1, 3, 32, 32) and torch.equal(crops[0], code[0, :, :32, 96:]) or crops.unique().numel() > 200


def test_untrained_it_answers_with_the_mean_of_the_family_means(small_photo):
    net = LinearizationNet(LinearizationConfig(crop_px=32, crops=2)).eval()
    out = net.estimate(as_code(small_photo))
    np.testing.assert_allclose(out["inverse"].numpy(), load_basis().family_means.mean(0), atol=1e-5)
    np.testing.assert_allclose(out["families"].numpy(), np.full(len(FAMILIES), 1 / len(FAMILIES)), atol=1e-6)


def test_cost_is_bounded():
    assert max(bounded(torch.zeros(1, 3, 3000, 40), 1024).shape[-2:]) == 1024
