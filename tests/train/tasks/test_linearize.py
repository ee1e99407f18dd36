"""Stage 1's first task: which codes count, and that a curve can be learnt."""

import numpy as np
import pytest
import torch

from hdrrecon.camera.masks import OVER_CODE, UNDER_CODE
from hdrrecon.networks.linearize.linearization_net import LinearizationConfig
from hdrrecon.train.data.pairs import ShotStream, collate
from hdrrecon.train.tasks.linearize import LinearizeTask, well_histogram

TINY = LinearizationConfig(crop_px=48, crops=1, widths=(8, 8, 8, 16))


@pytest.fixture(scope="module")
def batch(scenes, curves):
    stream = iter(ShotStream(scenes, curves, 64, 0))
    return collate([next(stream) for _ in range(4)])


def test_only_well_exposed_codes_count_and_shares_sum_to_one():
    code = torch.arange(256).view(1, 1, 16, 16).expand(2, 3, 16, 16) / 255
    share = well_histogram(code, 256)
    assert share.sum(1).tolist() == pytest.approx([1, 1])
    assert float(share[:, :UNDER_CODE].max()) < 1e-6 and float(share[:, OVER_CODE + 1 :].max()) < 1e-6
    assert float(share[0, UNDER_CODE : OVER_CODE + 1].std()) < 1e-6


def test_a_grey_wall_is_not_all_that_counts():
    """Shares go with the root of counts: a code used a hundred times as often counts ten times as much."""
    code = torch.full((1, 3, 101, 10), 100 / 255)
    code[..., 100:, :] = 200 / 255
    share = well_histogram(code, 256)[0]
    assert float(share[100] / share[200]) == pytest.approx(10, rel=1e-3)


class Knows(torch.nn.Module):
    """A network that was told the answers: curves, and families to a millionth."""

    def __init__(self, batch, bend=1.0):
        super().__init__()
        self.inverse, self.family = batch["inverse"].mean(1) ** bend, batch["family"]

    def forward(self, crop, statistics):
        assert crop.shape[-2:] == (TINY.crop_px, TINY.crop_px) and len(statistics) == len(crop)
        curves = self.inverse[:, None].repeat(1, 3, 1)
        logits = 14.0 * torch.nn.functional.one_hot(self.family, 3)
        return {"inverse": self.inverse, "family_curves": curves, "family_logits": logits}


def test_who_knows_the_curve_loses_nothing_and_a_bent_one_costs(batch):
    task = LinearizeTask(TINY)
    total, parts = task.loss(Knows(batch), batch)
    assert float(total) < 2e-3 and max(parts.values()) < 1e-3
    bent = [float(task.loss(Knows(batch, bend), batch)[0]) for bend in (1.1, 1.4)]
    assert 10 * float(total) < bent[0] < bent[1]


def test_gradients_reach_the_network(batch):
    torch.manual_seed(0)
    net = LinearizeTask(TINY).network()
    LinearizeTask(TINY).loss(net, batch)[0].backward()
    reached = [p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in net.parameters()]
    assert all(reached) and any(bool(p.grad.any()) for p in net.parameters())


def test_figures_of_validation_are_those_of_the_families_that_are_there(batch):
    task = LinearizeTask(TINY)
    shots = [{k: v[i : i + 1] for k, v in batch.items()} for i in range(4)]
    figures = task.validate(task.network().eval(), shots)
    assert task.score in figures and np.isfinite(list(figures.values())).all() and 0 <= figures["right"] <= 1
    rows = [int(f) for f in batch["family"]]
    rmse = [figures[k] for k in ("rmse_camera", "rmse_srgb", "rmse_dorf")]
    assert figures["score"] == pytest.approx(sum(rmse[f] for f in rows) / len(rows) + 0.1 * figures["well"], rel=1e-5)
