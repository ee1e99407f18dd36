"""Three stages trained as one reach each other, and come apart again."""

from functools import partial

import numpy as np
import pytest
import torch

from hdrrecon import zoo
from hdrrecon.networks.refine.kernel_prediction import DKPN
from hdrrecon.train.data.pairs import ShotStream, collate, random_shot
from hdrrecon.train.data.validation import validation_shots
from hdrrecon.train.loop import train
from hdrrecon.train.tasks.joint import JointTask, split_stages
from hdrrecon.train.tasks.restore import RestoreTask
from tests.train.tasks.test_refine import RECIPE, SMALL, first_stage, second_stage


@pytest.fixture(scope="module")
def batch(scenes, curves):
    rng = np.random.default_rng(1)
    views = [np.exp(rng.normal(0, 1.2, (3, 16, 16))).repeat(3, 1).repeat(3, 2).astype(np.float32) for _ in range(3)]
    return collate([random_shot(view, curves, rng) for view in views])


def test_joint_training_reaches_every_stage_and_leaves_three_files(scenes, curves, batch, tmp_path):
    stages = first_stage(), second_stage(), DKPN(SMALL).eval().requires_grad_(False)
    task = JointTask(*stages, working_px=(64,))
    net = task.network()
    loss, parts = task.loss(net, batch)
    loss.backward()
    for name in ("linearize", "restore", "refine"):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in net[name].parameters()), name
    best = train(task, RECIPE, partial(ShotStream, scenes, curves), validation_shots(scenes, curves, 3), tmp_path)
    paths = split_stages(best, tmp_path / "stages")
    for path, stage in zip(paths, stages):
        again = zoo.load_file(path)
        assert type(again) is type(stage) and again.config == stage.config
        assert any(not torch.equal(a, b) for a, b in zip(again.parameters(), stage.parameters())), "it has learnt"


def test_joint_training_can_leave_stage_1_as_it_is(batch):
    first = first_stage()
    task = JointTask(first, second_stage(), DKPN(SMALL), RestoreTask(linearizer=first), working_px=(64,))
    net = task.network()
    task.loss(net, batch)[0].backward()
    assert all(p.grad is None for p in net["linearize"].parameters())
    for name in ("restore", "refine"):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in net[name].parameters()), name


def test_later_losses_alone_reach_stage_1_through_the_curve(batch):
    task = JointTask(first_stage(), second_stage(), DKPN(SMALL), weights=(0.0, 0.0, 1.0), working_px=(64,))
    net = task.network()
    task.loss(net, batch)[0].backward()
    assert net["linearize"].curves.weight.grad.abs().sum() > 0
