"""Tensors that require gradients: where light carries them."""

import torch

from hdrrecon.api import Reconstructor
from tests.pipeline.test_pipeline import random_pipeline


def code_with_highlight(channels=3):
    torch.manual_seed(0)
    code = 0.2 + 0.5 * torch.rand(1, channels, 40, 48)
    code[..., 10:20, 10:20] = 1
    return code


def test_gradients_are_those_of_the_response_where_light_was_measured():
    """With gamma 2, light is the square of the code: its slope is twice the code."""
    from hdrrecon.camera.response import ResponseCurve

    rebuild = Reconstructor(random_pipeline(), "cpu")
    code = code_with_highlight().requires_grad_()
    light = rebuild(code, response=ResponseCurve.gamma(2))
    assert torch.equal(light, rebuild(code.detach(), response=ResponseCurve.gamma(2)))
    light.sum().backward()
    measured = code.detach() < 0.9
    slope = code.grad[measured] / (2 * code.detach()[measured])
    assert torch.allclose(slope, torch.ones_like(slope), atol=0.02)
    assert torch.isfinite(code.grad).all() and (code.grad >= 0).all()


def test_clipped_light_carries_its_gain():
    from hdrrecon.camera.response import ResponseCurve

    rebuild = Reconstructor(random_pipeline(), "cpu")
    code = code_with_highlight().requires_grad_()
    light = rebuild(code, response=ResponseCurve.gamma(2))
    light[0, :, 12, 12].sum().backward()
    assert torch.allclose(code.grad[0, :, 12, 12], 2 * light.detach()[0, :, 12, 12], rtol=0.02)
    assert code.grad.count_nonzero() == 3


def test_grey_and_alpha_and_three_dimensions():
    rebuild = Reconstructor(random_pipeline(), "cpu")
    for code in (code_with_highlight(1), code_with_highlight(4), code_with_highlight(3)[0]):
        code.requires_grad_()
        light = rebuild(code, response="srgb", details=True).radiance
        assert light.shape == code.shape
        light.sum().backward()
        assert (code.grad != 0).any() and torch.isfinite(code.grad).all()


def test_the_module_goes_where_torch_wants_one():
    rebuild = Reconstructor(random_pipeline(), "cpu")
    code = code_with_highlight()
    chain = torch.nn.Sequential(rebuild.module, torch.nn.ReLU()).train().to("cpu")
    assert torch.equal(chain(code), rebuild(code)) and not rebuild.pipeline.training
    assert len(list(chain.parameters())) == len(list(rebuild.pipeline.parameters())) > 0
