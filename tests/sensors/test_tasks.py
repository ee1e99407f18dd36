"""A few steps of the sensors' tasks: data flows, losses are finite, networks learn something."""

from __future__ import annotations

import numpy as np
import torch

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.sensors.guide_net import GuideNetConfig
from hdrrecon.networks.sensors.unwrap_net import UnwrapNetConfig
from hdrrecon.train.data.pairs import collate
from hdrrecon.train.data.reconstructed import ReconstructedStream, load_shards, photo_of
from hdrrecon.train.data.resident import ResidentScenes
from hdrrecon.train.data.scenes import Scene
from hdrrecon.train.data.views import LightStreet
from hdrrecon.train.tasks.guide import GuideTask
from hdrrecon.train.tasks.modulo import RolloverTask, UnwrapTask, exposed, fold_shares, widened
from tests.sensors.scenes import room


def shard(folder, count: int = 2):
    """A file like `make_shard`'s, of photos that were only linearised."""
    light = [room(96, seed)[0] for seed in range(count)]
    rows = {
        "code": [(ResponseCurve.srgb().expose(one.clamp(0, 1)) * 255).round().byte().numpy() for one in light],
        "truth": [one.log2().half().numpy() for one in light],
        "light": [one.clamp(max=1).log2().half().numpy() for one in light],
        "linear": [one.clamp(max=1).log2().half().numpy() for one in light],
        "inverse": [ResponseCurve.srgb().inverse.astype(np.float32)] * count,
        "estimated": [ResponseCurve.srgb().inverse.astype(np.float32)] * count,
    }
    np.savez(folder / "000.npz", **{name: np.stack(values) for name, values in rows.items()})
    return load_shards([folder / "000.npz"])


def test_reconstructed_photos_are_kept_and_cropped_together(tmp_path):
    rows = shard(tmp_path)
    whole = photo_of(rows[0])
    assert torch.allclose(whole.truth, room(96, 0)[0], rtol=2e-3)
    crop = photo_of(rows[0], (slice(10, 42), slice(5, 37)), flip=True)
    assert torch.equal(crop.code.flip(-1), whole.code[:, 10:42, 5:37])
    sample = next(iter(ReconstructedStream(rows, 64, 0)))
    assert sample.light.shape == (3, 64, 64) and sample.inverse.shape == (3, 1024)


def test_guide_task(tmp_path):
    torch.manual_seed(0)
    task = GuideTask(GuideNetConfig(widths=(8, 8)))
    batch = collate([photo_of(row) for row in shard(tmp_path)])
    net = task.network()
    loss, parts = task.loss(net, batch)
    loss.backward()
    assert np.isfinite(float(loss)) and parts["clipped"] <= parts["before"] + 1e-5
    figures = task.validate(net.eval(), [{k: v[:1] for k, v in batch.items()}])
    assert figures["before"] < 0.5 * figures["alone"]


def views(size: int = 48):
    scene = Scene("room", np.ascontiguousarray(room(128)[0].permute(1, 2, 0).numpy()).astype(np.float16))
    return next(LightStreet(ResidentScenes([scene]), size, 0).batches(2))


def test_modulo_tasks_learn():
    for task in (UnwrapTask(UnwrapNetConfig(widths=(8, 8, 8, 8))), RolloverTask(UnwrapNetConfig(widths=(8, 8, 8, 8)))):
        torch.manual_seed(0)
        net, batch = task.network(), views()
        optimizer, losses = torch.optim.Adam(net.parameters(), 1e-3), []
        for _ in range(24):
            loss, _ = task.loss(net, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        assert np.mean(losses[-8:]) < np.mean(losses[:8])
        figures = task.validate(net.eval(), [{"light": batch["light"][:1]}])
        assert np.isfinite(figures[task.score])


def test_a_smaller_network_is_a_start():
    small = UnwrapTask(UnwrapNetConfig(widths=(8, 8, 8, 8))).network()
    large = UnwrapTask(UnwrapNetConfig(widths=(8, 8, 8, 8, 12))).network()
    torch.nn.init.ones_(small.unet.head.bias)
    large.load_state_dict(widened(small.state_dict(), large))
    assert torch.equal(large.unet.head.bias, small.unet.head.bias)


def test_shares_of_folds_are_those_of_the_picture():
    net = UnwrapTask(UnwrapNetConfig(widths=(8, 8, 8, 8))).network()
    folds = torch.zeros(1, 3, 16, 16)
    folds[..., :8, :8] = 2
    shares = fold_shares(folds, net)
    assert shares.shape[2] == 16 and torch.allclose(shares.sum(2), torch.ones_like(shares.sum(2)))
    assert float(shares[0, 0, 2, 0, 0]) == 1


def test_exposure_folds_the_share_that_was_asked_for():
    light = room()
    assert abs(float((exposed(light, 20.0).amax(1) >= 1).float().mean()) - 0.2) < 0.01
