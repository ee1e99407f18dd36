"""Both phases of CRF-net go through the training loop, and their targets are right."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from safetensors import safe_open

from hdrrecon.camera.basis import load_basis
from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.networks.linearize.crf_net import CrfConfig
from hdrrecon.train.data.curves import CurveSampler, MeasuredCurves
from hdrrecon.train.data.pairs import ShotStream
from hdrrecon.train.data.scenes import Scene
from hdrrecon.train.data.validation import validation_shots
from hdrrecon.train.loop import Recipe, train
from hdrrecon.train.tasks.crf_net import (
    ClassCurves,
    ClassifyCurveTask,
    RegressCurveTask,
    forward_curves,
    regression_start,
)
from hdrrecon.zoo import load_file

CONFIG = CrfConfig(patch_px=64, patches=2, candidates=4)


@pytest.fixture
def measured():
    camera = np.stack([np.stack([CODES**g] * 3) for g in (2.4, 2.6)])
    dorf = np.stack([CODES**g for g in (1.4, 1.8, 3.0)])
    return MeasuredCurves(camera, dorf, np.stack([CODES ** (1 / g) for g in (1.4, 1.8, 3.0)]))


@pytest.fixture
def scenes():
    rng = np.random.default_rng(0)
    return [Scene("noise", rng.lognormal(0, 1, (64, 128, 3)).astype(np.float16))]


def test_each_training_curve_is_a_class(measured):
    classes = ClassCurves(measured)
    task = ClassifyCurveTask(classes.table, CONFIG)
    assert classes.table.shape == (6, 1024)
    every = torch.from_numpy(classes.table).float()[:, None].expand(-1, 3, -1)
    assert task.classes(every).tolist() == list(range(6))
    rng = np.random.default_rng(0)
    drawn = {
        task.classes(torch.from_numpy(classes.sample(f, rng).inverse.copy()).float()[None]).item()
        for f in ("camera", "srgb", "dorf")
        for _ in range(20)
    }
    assert drawn == set(range(6))


def test_targets_are_forward_emor_weights():
    inverse = torch.from_numpy(ResponseCurve.gamma(2.2).inverse.copy()).float()[None].expand(2, 3, -1)
    forward = forward_curves(inverse)
    assert forward.shape == (2, 1024)
    np.testing.assert_allclose(forward[0], CODES ** (1 / 2.2), atol=2e-3)
    # A network that outputs these weights has no loss but the root's floor.
    task = RegressCurveTask(CONFIG)
    net = task.network().eval()
    basis = load_basis().emor
    with torch.no_grad():
        net.head.bias.copy_(torch.from_numpy(basis.weights(forward[0].double().numpy(), 11)).float() / 4)
        loss, _ = task.loss(net, {"code": torch.rand(2, 3, 64, 64), "inverse": inverse})
    assert float(loss) < 1e-4


def test_both_phases_train_and_the_second_begins_with_the_body_of_the_first(measured, scenes, tmp_path):
    recipe = Recipe(steps=2, batch=2, size=72, validate_every=2, precision="float32")
    classes = ClassCurves(measured)
    first = ClassifyCurveTask(classes.table, CONFIG)
    best = train(
        first, recipe, partial(ShotStream, scenes, classes), validation_shots(scenes, classes, 2), tmp_path / "classify"
    )
    with safe_open(best, "pt") as file:
        state = {k: file.get_tensor(k) for k in file.keys()}
        assert json.loads(file.metadata()["config"])["outputs"] == 6
    start = regression_start(state, CONFIG)
    assert torch.equal(start["stem.0.weight"], state["stem.0.weight"]) and start["head.weight"].shape == (11, 512)
    curves = CurveSampler(measured)
    best = train(
        RegressCurveTask(CONFIG),
        recipe,
        partial(ShotStream, scenes, curves),
        validation_shots(scenes, curves, 2),
        tmp_path / "regress",
        start,
    )
    out = load_file(best).estimate(torch.rand(1, 3, 80, 80))
    assert (out["inverse"].diff() >= 0).all() and out["inverse"][-1] == 1
