"""The Laplace law behind an answer."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.networks.restore.restored_light import LAPLACE_80, RestoredLight


def test_the_spread_is_that_of_a_laplace_law_with_the_same_interval():
    one = torch.ones(1, 1, 2, 2)
    light = RestoredLight(one, one, 3 * one, one, one)
    assert light.spread.mean() == pytest.approx(2 / LAPLACE_80)
    laplace = torch.distributions.Laplace(0.0, 1.0)
    assert laplace.icdf(torch.tensor(0.9)) == pytest.approx(LAPLACE_80, rel=1e-5)


@given(st.floats(0.1, 5), st.floats(-3, 3))
def test_a_laplace_law_gives_back_its_scale_from_its_quantiles(scale, median):
    law = torch.distributions.Laplace(torch.tensor(median), torch.tensor(scale))
    above, below = law.icdf(torch.tensor(0.9)) - median, median - law.icdf(torch.tensor(0.1))
    light = RestoredLight(*[torch.zeros(1, 3)] * 2, above.view(1, 1), below.view(1, 1), torch.zeros(1, 3))
    assert light.spread.item() == pytest.approx(scale, rel=1e-3)
