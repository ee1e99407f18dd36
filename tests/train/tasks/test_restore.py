"""Stage 2's two steps: what each loss asks for, and that the second begins where the first ended."""

import numpy as np
import pytest
import torch

from hdrrecon.networks.restore.masked_features import MaskedFeaturesConfig
from hdrrecon.train import losses
from hdrrecon.train.data.holes import InpaintingLoss, InpaintingWeights
from hdrrecon.train.data.response_errors import ResponseErrors
from hdrrecon.train.tasks.inpaint import InpaintTask, held_out_photos, painting_start, restoring_start
from hdrrecon.train.tasks.restore import RestoreTask

TINY = MaskedFeaturesConfig(widths=(8, 16), kernels=(3, 3), recognise=0, features=4, head=8, working_px=64)
TERMS = InpaintingWeights(perceptual=0, style=0)


def photos():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (80, 100, 3), dtype=np.uint8).repeat(2, 0) for _ in range(2)]


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


def test_restoring_begins_where_painting_ended():
    painter, restorer = InpaintTask(InpaintingLoss(weights=TERMS), TINY), RestoreTask(TINY)
    torch.manual_seed(0)
    painted = painting_start(painter)
    start = restoring_start(painted, restorer)
    net = restorer.network()
    net.load_state_dict(start)
    assert torch.equal(net.unet.down[0].conv.weight, painted["stage.unet.down.0.conv.weight"])
    assert not net.head[-1].weight.any(), "the head has not learnt to paint"
    assert restoring_start(start, restorer) is start


def test_painting_can_be_learnt():
    torch.manual_seed(0)
    task = InpaintTask(InpaintingLoss(weights=TERMS), TINY)
    shots = held_out_photos([np.full((80, 80, 3), 90, np.uint8)], count=2, size=64)
    net = task.network()
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    before = task.validate(net, shots)["hole"]
    for _ in range(40):
        loss = task.loss(net, shots[0])[0]
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    assert task.validate(net.eval(), shots)["hole"] < 0.5 * before


def test_held_out_photos_are_the_same_in_every_run():
    first, second = (held_out_photos(photos(), count=2, size=48) for _ in range(2))
    assert all(torch.equal(a[k], b[k]) for a, b in zip(first, second) for k in a)
    holed = InpaintTask.holed(first[0])
    assert (holed[first[0]["hole"].expand_as(holed) > 0] == 1).all()


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


def test_errors_of_stage_1_stand_in_for_it():
    """No statistics are counted, and photos are linearised with curves that are off by what was measured."""
    torch.manual_seed(0)
    codes = torch.linspace(0, 1, 1024)
    errors = ResponseErrors(torch.full((3, 1024), 0.5) * codes, torch.arange(3))
    batch = {
        "code": torch.rand(64, 3, 8, 8),
        "inverse": (codes**2.2).expand(64, 3, 1024),
        "family": torch.arange(64) % 3,
    }
    linear = RestoreTask(TINY, errors=errors).linearized(batch)
    off = (linear - batch["code"] ** 2.2).abs().amax((1, 2, 3)) > 0.005
    assert 0.4 < off.float().mean() < 0.95
