"""Stage 3 can be learnt, on its own light and on that of the stages before, which stay as they are."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from hdrrecon import zoo
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.linearize.response_net import ResponseConfig, ResponseNet
from hdrrecon.networks.refine.kernel_prediction import DKPN, DKPNConfig
from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.train.data.pairs import ShotStream, collate, random_shot
from hdrrecon.train.data.validation import validation_shots
from hdrrecon.train.loop import Recipe, train
from hdrrecon.train.losses import hue_error
from hdrrecon.train.tasks.joint import JointTask
from hdrrecon.train.tasks.refine import RefineTask, edge_stops, preliminary
from hdrrecon.train.tasks.restore import RestoreTask, seeing

SMALL = DKPNConfig(widths=(8, 16), guide=4, working_px=64)
ALONE = DKPNConfig(widths=(8, 16), guide=4, working_px=64, alone=True)
RECIPE = Recipe(
    steps=4, batch=2, size=64, rate=3e-3, warmup=2, ema=0.8, validate_every=2, save_every_s=0, precision="float32"
)


@pytest.fixture(scope="module")
def batch(scenes, curves):
    rng = np.random.default_rng(1)
    views = [np.exp(rng.normal(0, 1.2, (3, 16, 16))).repeat(3, 1).repeat(3, 2).astype(np.float32) for _ in range(3)]
    return collate([random_shot(view, curves, rng) for view in views])


def second_stage():
    torch.manual_seed(0)
    net = MaskedFeatures(
        MaskedFeaturesConfig(widths=(8, 16), kernels=(3, 3), recognise=0, features=4, head=8, working_px=64)
    )
    torch.nn.init.normal_(net.head[-1].weight, std=0.3)
    return net.eval().requires_grad_(False)


def first_stage():
    return ResponseNet(ResponseConfig(hidden=(8, 8))).eval().requires_grad_(False)


@pytest.mark.parametrize("alone", [True, False])
def test_refining_can_be_learnt(batch, alone):
    torch.manual_seed(0)
    task = (
        RefineTask(ALONE, working_px=(64,))
        if alone
        else RefineTask(SMALL, first_stage(), second_stage(), working_px=(64,))
    )
    net = task.network().train()
    optimizer = torch.optim.AdamW(net.parameters(), 5e-3)
    seen = []
    for _ in range(25):
        torch.manual_seed(0)  # the same curves every time
        loss, parts = task.loss(net, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(float(loss.detach()))
    assert seen[-1] < seen[0] - 0.1 and parts["clipped"] < parts["before"] + 0.05 * alone


def test_the_preliminary_result_is_what_the_pipeline_makes(small_photo):
    restorer = second_stage()
    code = torch.from_numpy(small_photo.transpose(2, 0, 1).copy()).float()[None] / 255
    linear = ResponseCurve.srgb().linearize(code)
    expected = HDRPipeline(None, restorer)(code, ResponseCurve.srgb()).radiance
    torch.testing.assert_close(preliminary(restorer, code, linear), expected, rtol=1e-4, atol=1e-5)


def test_stage_2_sees_photos_as_much_larger_as_in_use(batch):
    class Noting(MaskedFeatures):
        def forward(self, code, linear, working_px=None):
            noted.append(working_px)
            return super().forward(code, linear, working_px)

    noted: list[int] = []
    larger = Noting(second_stage().config)
    larger.config = replace(larger.config, working_px=96)
    task = RefineTask(SMALL, first_stage(), larger, working_px=(32,))
    task.loss(task.network(), batch)
    task.before(task.network(), batch["code"], batch["code"])
    assert noted == [48, None]
    assert seeing(task, 320).working_px == (160, 200, 240, 280, 320)
    assert seeing(task, 320).network().config.working_px == 320


def test_the_stages_before_stay_as_they_are(batch):
    restorer, linearizer = second_stage(), first_stage()
    task = RefineTask(SMALL, linearizer, restorer, working_px=(32,))
    net = task.network()
    loss, _ = task.loss(net, batch)
    loss.backward()
    assert all(p.grad is None for stage in (restorer, linearizer) for p in stage.parameters())
    assert net.residual.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("config, restoring", [(ALONE, True), (SMALL, False)])
def test_either_alone_or_on_a_restorer(config, restoring):
    with pytest.raises(ValueError, match="alone"):
        RefineTask(config, restorer=second_stage() if restoring else None)


def test_a_run_leaves_weights_that_the_pipeline_can_use(scenes, curves, tmp_path, small_photo):
    task = RefineTask(SMALL, first_stage(), second_stage(), working_px=(32, 64))
    best = train(task, RECIPE, partial(ShotStream, scenes, curves), validation_shots(scenes, curves, 3), tmp_path)
    refine = zoo.load_file(best)
    assert isinstance(refine, DKPN) and refine.config == SMALL
    code = torch.from_numpy(small_photo.transpose(2, 0, 1).copy()).float()[None] / 255
    out = HDRPipeline(task.linearizer, task.restorer, refine)(code)
    measured = (out.over == 0) & (out.under == 0)
    assert torch.equal(out.radiance[measured], out.linear[measured]) and out.radiance.isfinite().all()


def test_statistics_that_workers_counted_are_used(scenes, curves, monkeypatch):
    counting = iter(ShotStream(scenes, curves, 64, 0, counted=True))
    batch = collate([next(counting) for _ in range(4)])
    first = first_stage()
    joint = JointTask(first, second_stage(), DKPN(SMALL))
    kept = RestoreTask(linearizer=first)
    torch.manual_seed(1)
    wanted = joint.linearized(first, {k: v for k, v in batch.items() if k != "statistics"})[0], kept.linearized(batch)

    def never(*_):
        return pytest.fail("counted twice")

    monkeypatch.setattr("hdrrecon.train.data.pairs.response_statistics", never)
    torch.manual_seed(1)
    torch.testing.assert_close(joint.linearized(first, batch)[0], wanted[0])
    torch.testing.assert_close(kept.linearized(batch), wanted[1])


def test_edges_and_hue_are_nothing_for_light_that_is_right_up_to_a_gain():
    torch.manual_seed(0)
    truth = torch.rand(2, 3, 8, 8) + 0.5
    mask = torch.ones_like(truth)
    for loss, over in ((edge_stops, mask), (hue_error, mask[:, :1])):
        torch.testing.assert_close(loss(3 * truth, truth, over), torch.zeros(2), atol=1e-4, rtol=0)
        assert (loss(truth.roll(1, 1), truth, over) > 0.01).all()
        assert (loss(truth.roll(1, 1), truth, 0 * over) == 0).all()


def test_an_edge_one_stop_too_high_costs_one_stop_along_it():
    truth = torch.ones(1, 3, 4, 4)
    wrong = truth.clone()
    wrong[..., 2:] = 2
    # Of four rows each has one wrong step, of 16 pixels two steps count.
    assert float(edge_stops(wrong, truth, torch.ones_like(truth))) == pytest.approx(4 / 32)
