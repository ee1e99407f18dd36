"""What each loss is least at, and what it sees."""

import numpy as np
import pytest
import torch

from hdrrecon.train import losses


def test_the_interval_pinball_is_least_at_the_quantiles():
    rng = torch.Generator().manual_seed(0)
    missing = torch.randn(1, 1, 100, 100, generator=rng)
    mask, one = torch.ones_like(missing), torch.ones_like(missing)

    def loss(below, above):
        return float(losses.interval_pinball(missing, below * one, above * one, mask))

    best = min((loss(b / 20, a / 20), b / 20, a / 20) for b in range(10, 45) for a in range(10, 45))
    assert best[1:] == pytest.approx((1.28, 1.28), abs=0.1)


def test_energy_counts_light_not_stops():
    truth = torch.full((1, 3, 16, 16), 2.0)
    truth[..., 3:5, 3:5] = 1000.0
    disc = torch.full_like(truth, 2.2)
    missing = float(losses.energy_stops(disc, truth, blocks=1))
    share = 4 / 256
    assert missing == pytest.approx(np.log2((2 * (1 - share) + 1000 * share) / 2.2), abs=1e-3)
    spread_out = torch.full_like(truth, float(truth.mean()))
    assert (
        float(losses.energy_stops(spread_out, truth, blocks=1))
        < 1e-4
        < 1
        < float(losses.energy_stops(spread_out, truth))
    )


def test_the_colour_terms_see_colour_alone():
    truth, mask = torch.rand(2, 3, 8, 8) + 0.5, torch.ones(2, 1, 8, 8)
    assert losses.uv_error(3 * truth, truth, mask).max() < 2e-4 and losses.tint_stops(3 * truth, truth, mask) < 1e-5
    green = truth * torch.tensor([1.0, 2.0, 1.0]).view(1, 3, 1, 1)
    assert (
        losses.tint_stops(green, truth, mask) == pytest.approx(2, rel=1e-4)
        and losses.uv_error(green, truth, mask).min() > 0.02
    )
    half = mask.clone()
    half[..., 4:] = 0
    mended = torch.cat([truth[..., :4], green[..., 4:]], -1)
    assert losses.tint_stops(mended, truth, half) < 1e-5
    white = losses.uv(torch.ones(1, 3, 1, 1)).flatten()
    assert torch.allclose(white, torch.tensor([0.1978, 0.4683]), atol=2e-4), "D65"
