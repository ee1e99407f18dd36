"""Painting holes of ordinary photos can be learnt, and is where restoring begins."""

from dataclasses import replace

import numpy as np
import torch

from hdrrecon.networks.restore.masked_features import MaskedFeatures
from hdrrecon.train.data.holes import InpaintingLoss, InpaintingWeights
from hdrrecon.train.tasks.inpaint import InpaintTask, held_out_photos, painting_start, restoring_start
from hdrrecon.train.tasks.restore import RestoreTask
from tests.train.tasks.test_restore import TINY

TERMS = InpaintingWeights(perceptual=0, style=0)


def photos():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (80, 100, 3), dtype=np.uint8).repeat(2, 0) for _ in range(2)]


def test_restoring_begins_where_painting_ended():
    painter, restorer = InpaintTask(InpaintingLoss(weights=TERMS), TINY), RestoreTask(TINY)
    torch.manual_seed(0)
    painted = painting_start(painter)
    start = restoring_start(painted, restorer)
    net = restorer.network()
    net.load_state_dict(start)
    assert torch.equal(net.unet.down[0].conv.weight, painted["stage.unet.down.0.conv.weight"])
    assert not net.head[-1].weight.any(), "the head has not learnt to paint"
    again = restoring_start(start, restorer)
    assert again.keys() == start.keys() and all(torch.equal(again[k], start[k]) for k in start)


def test_a_network_that_gets_a_classifier_begins_with_the_answers_it_gave(monkeypatch):
    monkeypatch.setattr("hdrrecon.train.tasks.inpaint.load_imagenet", lambda classifier: classifier)
    torch.manual_seed(0)
    plain = replace(TINY, widths=(8, 8, 8, 8, 8), kernels=(3, 3, 3, 3, 3), working_px=64)
    old, task = MaskedFeatures(plain).eval(), RestoreTask(replace(plain, recognise=6))
    torch.nn.init.normal_(old.head[-1].weight)
    new = task.network().eval()
    new.load_state_dict(restoring_start(old.state_dict(), task))
    code = torch.rand(1, 3, 64, 64) ** 0.2
    with torch.no_grad():
        for before, after in zip(old(code, code**2.2), new(code, code**2.2)):
            assert torch.allclose(before, after, atol=1e-5) and before.any()


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
