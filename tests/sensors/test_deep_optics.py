"""A plate and a decoder that are trained together: physics, gradients, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hdrrecon.sensors.deep_optics import DeepOptics, DeepOpticsConfig
from hdrrecon.sensors.optics import sensed
from hdrrecon.sensors.streaks import Blur
from hdrrecon.sensors.wave_optics import plate_height
from hdrrecon.train.tasks.optics import OpticsTask, figures_of
from tests.sensors.scenes import room


def small(plate: str) -> DeepOpticsConfig:
    return DeepOpticsConfig(plate=plate, widths=(8, 8, 8), size_px=32)


@pytest.mark.parametrize("plate", ["none", "star", "rank1", "free"])
def test_psfs_keep_their_light_and_clear_light_stays(plate):
    net = DeepOptics(small(plate))
    assert torch.allclose(net.psf().sum((1, 2)), torch.ones(3), atol=1e-3)
    dark = 0.2 + 0.1 * torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    seen, found = net(dark, torch.Generator().manual_seed(1))
    assert float(seen.max()) < 1 and float((found - dark).abs().mean()) < 0.05


def test_rank1_and_free_begin_as_the_same_saddle():
    one, other = (DeepOptics(small(plate)).psf() for plate in ("rank1", "free"))
    assert torch.allclose(one, other, atol=1e-6)


def test_the_adjoint_is_that_of_the_blur():
    """<A x, y> = <x, A^T y> for light that is dark near the edge, where edges are not repeated."""
    random = torch.Generator().manual_seed(0)
    blur = Blur(DeepOptics(small("rank1")).psf().detach(), (40, 40))
    x, y = torch.zeros(2, 1, 3, 40, 40)
    x[..., 18:22, 18:22], y[..., 10:30, 10:30] = torch.rand(4, 4), torch.rand(20, 20, generator=random)
    assert float((blur(x) * y).sum()) == pytest.approx(float((x * blur.adjoint(y)).sum()), rel=1e-3)


def test_what_clips_has_no_gradient_and_the_plate_has_one():
    light = torch.tensor([[[[0.5, 3.0]]]], requires_grad=True)
    sensed(light).sum().backward()
    assert light.grad is not None and light.grad.flatten().tolist() == [1.0, 0.0]
    net = DeepOptics(small("free"))
    torch.nn.init.normal_(net.unet.head.weight, std=0.05)
    loss, _ = OpticsTask(net.config).loss(net, {"light": room(48)})
    loss.backward()
    assert isinstance(net.height, torch.nn.Parameter) and float(net.height.grad.abs().sum()) > 0


def lamp(size: int = 48) -> torch.Tensor:
    """A lamp whose middle is forty times as bright as its rim, on a wall."""
    at = torch.arange(size) - size / 2
    return (0.1 + 60 / (1 + at.square() + at.square()[:, None])).expand(1, 3, size, size)


def test_it_learns_and_is_judged_like_the_other_optics():
    torch.manual_seed(0)
    task = OpticsTask(small("rank1"))
    net, batch = task.network(), {"light": lamp()}
    before = task.validate(net, [batch])
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(20):
        optimizer.zero_grad()
        task.loss(net, batch)[0].backward()
        optimizer.step()
    assert task.validate(net, [batch])["clipped"] < before["clipped"]
    truth = room(16)[0].permute(1, 2, 0).numpy()
    same = figures_of(truth * 2, truth)
    assert same["clipped"] == pytest.approx(1, abs=0.01) and same["energy"] == pytest.approx(1, abs=0.01)


def test_plates_there_are_not_are_refused():
    with pytest.raises(ValueError, match="plate must be one of none, star, rank1, free"):
        DeepOpticsConfig(plate="rings")
    assert np.isfinite(plate_height("star").numpy()).all()
