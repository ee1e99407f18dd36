"""Training learns, resumes, and leaves weights that rebuild their own network."""

import csv
from functools import partial

import numpy as np
import pytest
import torch

from hdrrecon import zoo
from hdrrecon.networks.linearize.linearization_net import LinearizationConfig
from hdrrecon.networks.restore.masked_features import MaskedFeaturesConfig
from hdrrecon.train.data.pairs import ShotStream, collate
from hdrrecon.train.data.validation import validation_shots
from hdrrecon.train.loop import Recipe, progress, rate_at, train
from hdrrecon.train.tasks.linearize import LinearizeTask
from hdrrecon.train.tasks.restore import RestoreTask

TASKS = {
    "linearize": LinearizeTask(LinearizationConfig(crop_px=48, crops=1, widths=(8, 8, 8, 16))),
    "restore": RestoreTask(
        MaskedFeaturesConfig(widths=(8, 16), kernels=(3, 3), recognise=0, features=4, head=8, working_px=64),
        working_px=(48, 64),
    ),
}


def recipe(steps):
    return Recipe(
        steps=steps,
        batch=2,
        size=64,
        rate=3e-3,
        warmup=2,
        ema=0.8,
        validate_every=5,
        save_every_s=0,
        precision="float32",
    )


@pytest.mark.parametrize("name", TASKS)
def test_a_run_logs_resumes_and_leaves_usable_weights(name, scenes, curves, tmp_path, capsys):
    task, shots = TASKS[name], validation_shots(scenes, curves, 3)
    train(task, recipe(5), partial(ShotStream, scenes, curves), shots, tmp_path)
    best = train(task, recipe(10), partial(ShotStream, scenes, curves), shots, tmp_path)
    assert "resumed" in capsys.readouterr().out
    rows = list(csv.DictReader(open(tmp_path / "log.csv")))
    assert [r["step"] for r in rows] == ["5", "10"] and all(np.isfinite(float(v)) for r in rows for v in r.values())
    network = zoo.load_file(best)
    assert network.config == task.config and not network.training
    figures = task.validate(network, shots)
    assert figures[task.score] == pytest.approx(min(float(r[task.score]) for r in rows), rel=1e-3)


def test_restoring_can_be_learnt(scenes, curves):
    """Thirty steps on one batch must bring the loss down: gradients reach the weights."""
    torch.manual_seed(0)
    task = TASKS["restore"]
    stream = iter(ShotStream(scenes, curves, 64, seed=1))
    batch = collate([next(stream) for _ in range(4)])
    net = task.network()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        torch.manual_seed(1)
        loss, _ = task.loss(net, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.1, losses


def test_learning_rate_warms_up_and_falls():
    r = Recipe(steps=100, warmup=10, rate=1.0)
    rates = [rate_at(i, r) for i in range(101)]
    assert (
        rates[0] == pytest.approx(0.1)
        and max(rates) == pytest.approx(rates[9], abs=0.03)
        and rates[-1] == pytest.approx(0.01)
    )


def test_a_run_ends_by_the_clock_where_that_is_ahead():
    recipe = Recipe(steps=100, minutes=2, warmup=1, rate=1.0)
    assert progress(10, 60, recipe) == 0.5 and progress(60, 60, recipe) == 0.6 and progress(1, 500, recipe) == 1
    assert rate_at(10, recipe, 60) == pytest.approx(rate_at(50, Recipe(steps=100, warmup=1, rate=1.0)))
    assert progress(10, 1e9, Recipe(steps=100)) == 0.1


class OneBadBatch:
    """Learns a number; the gradient of its second batch is not finite."""

    name, score = "bad", "score"

    def __init__(self):
        self.seen = []

    def network(self):
        return torch.nn.Linear(1, 1)

    def metadata(self):
        return {"network": "none", "config": {}}

    def loss(self, net, batch):
        self.seen.append([float(p.detach()) for p in net.parameters()])
        loss = (net(torch.ones(1, 1)) - 1).square().sum()
        return loss * (float("inf") if len(self.seen) == 2 else 1.0), {}

    def validate(self, net, shots):
        return {"score": float(sum(p.abs().sum() for p in net.parameters()))}


def test_a_step_whose_gradient_is_not_finite_is_left_out(scenes, curves, tmp_path):
    task = OneBadBatch()
    train(task, recipe(4), partial(ShotStream, scenes, curves), [], tmp_path)
    first, second, third, fourth = task.seen
    assert second == third, "the bad batch changed nothing"
    assert first != second and third != fourth and np.isfinite(task.seen).all()


def test_a_spoilt_checkpoint_is_named(scenes, curves, tmp_path):
    (tmp_path / "last.pt").write_bytes(b"half of a file")
    with pytest.raises(ValueError, match=r"last\.pt cannot be gone on from.*move it away"):
        train(
            TASKS["restore"],
            recipe(1),
            partial(ShotStream, scenes, curves),
            validation_shots(scenes, curves, 1),
            tmp_path,
        )
