"""The Laplace law behind an answer."""

import pytest
import torch

from hdrrecon.networks.restore.restored_light import LAPLACE_80, RestoredLight


def test_the_spread_is_that_of_a_laplace_law_with_the_same_interval():
    one = torch.ones(1, 1, 2, 2)
    light = RestoredLight(one, one, 3 * one, one, one)
    assert light.spread.mean() == pytest.approx(2 / LAPLACE_80)
    laplace = torch.distributions.Laplace(0.0, 1.0)
    assert laplace.icdf(torch.tensor(0.9)) == pytest.approx(LAPLACE_80, rel=1e-5)
