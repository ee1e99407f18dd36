"""The head alone: it sees what the whole network would, begins as its predecessor, and learns."""

import pytest
import torch

from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig
from hdrrecon.train.head import LostPixels, head_loss, lost_pixels, train_head
from hdrrecon.train.loop import Recipe
from hdrrecon.train.tasks.restore import RestoreTask, widened
from hdrrecon.zoo import load_file

TINY = MaskedFeaturesConfig(widths=(8, 16), kernels=(3, 3), recognise=0, features=4, head=8, working_px=64)
CODES = torch.linspace(0, 1, 1024)


def batches():
    """Photos with a reddish lamp of 4 times the clip level in each."""
    generator = torch.Generator().manual_seed(0)
    while True:
        truth = torch.rand(4, 3, 32, 32, generator=generator) * 0.3 + 0.2
        truth[..., 8:20, 8:20] = torch.tensor([6.0, 4.0, 3.0]).view(3, 1, 1)
        code = truth.clamp(max=1) ** (1 / 2.2)
        yield {
            "code": code,
            "truth": truth,
            "inverse": (CODES**2.2).expand(4, 3, 1024),
            "family": torch.zeros(4).long(),
        }


@pytest.fixture
def net():
    torch.manual_seed(0)
    return MaskedFeatures(TINY).eval()


def test_pixels_are_answered_as_in_their_photo(net):
    torch.manual_seed(1)
    seen = lost_pixels(net, RestoreTask(TINY), batches(), 4, 200).picked(torch.arange(4))
    lost = 12 * 12
    assert (
        seen.code.shape == (4, 3, 200, 1)
        and (seen.code[:, :, :lost] == 1).all()
        and (seen.code[:, :, lost:] == 0.5).all()
    )
    light = net.answer(seen.code, seen.linear, seen.deep)
    batch = next(batches())
    whole = net(batch["code"], batch["code"] ** 2.2).median[:, :, 8:20, 8:20].flatten(2)
    torch.testing.assert_close(light.median[:, :, :lost, 0], whole, atol=0.02, rtol=0.02)


def test_the_head_learns_and_the_rest_stays(net, tmp_path):
    seen = lost_pixels(net, RestoreTask(TINY), batches(), 16, 160)
    whole = LostPixels(**vars(seen.picked(torch.arange(16))))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    start = float(head_loss(net, net, RestoreTask(TINY), whole, 0)[0].detach())
    recipe = Recipe(steps=60, batch=8, rate=1e-2, warmup=5, ema=0.5, validate_every=60)
    path = train_head(net, RestoreTask(TINY), seen, recipe, tmp_path, keep=0)
    trained = load_file(path)
    assert float(head_loss(trained, trained, RestoreTask(TINY), whole, 0)[0].detach()) < start - 0.5
    for name, value in trained.state_dict().items():
        assert torch.equal(value, before[name]) != name.startswith("head."), name
    assert (tmp_path / "log.csv").read_text().startswith("step,photos,")


def test_the_luminance_can_be_held(net, tmp_path):
    seen = lost_pixels(net, RestoreTask(TINY), batches(), 16, 160)
    recipe = Recipe(steps=30, batch=8, rate=1e-2, warmup=5, ema=0.5, validate_every=30)
    whole, before = seen.picked(torch.arange(16)), MaskedFeatures(TINY)
    before.load_state_dict(net.state_dict())
    held = load_file(train_head(net, RestoreTask(TINY), seen, recipe, tmp_path, keep=20))
    assert head_loss(held, before, RestoreTask(TINY), whole, 1)[1]["moved"] < 0.1


def test_a_wider_head_with_hints_begins_as_the_old_one_but_for_two_percent():
    torch.manual_seed(0)
    old = MaskedFeatures(MaskedFeaturesConfig(**{**vars(TINY), "colour_hints": False})).eval()
    torch.nn.init.normal_(old.head[-1].weight, std=0.5)
    wide = MaskedFeatures(MaskedFeaturesConfig(**{**vars(TINY), "head": 12})).eval()
    wide.load_state_dict(widened(old.state_dict(), wide))
    batch = next(batches())
    code = batch["code"]
    before, after = (n(code, code**2.2) for n in (old, wide))
    lit = before.median > 0
    assert (after.median - before.median)[lit].abs().max() < 0.15 and torch.equal(after.above, before.above)
    with pytest.raises(ValueError, match="only a head can grow"):
        widened({**old.state_dict(), "features.weight": torch.zeros(5, 8, 3, 3)}, wide)
