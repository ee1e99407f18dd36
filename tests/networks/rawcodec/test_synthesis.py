"""The network that finishes the decoded raw."""

import torch

from hdrrecon.networks.rawcodec.synthesis import Synthesis, SynthesisConfig


def test_an_untrained_synthesis_changes_nothing_and_learns():
    net = Synthesis(SynthesisConfig(8, 1))
    code, base, residual = torch.rand(3, 1, 3, 16, 16)
    out = net(code, base, residual, torch.tensor([20.0]))
    torch.testing.assert_close(out, base + residual)
    out.square().sum().backward()
    assert net.last.weight.grad.abs().sum() > 0
