"""What a stage has by default: evidence of a photo is its estimate, and evidence may be averaged."""

import torch
from torch import nn

from hdrrecon.networks.stages import Linearizer, Refiner, Restorer


class Estimator(nn.Module, Linearizer):
    """The brightest pixel says which family."""

    def estimate(self, code, prior=None):
        share = code.max()
        return {
            "inverse": torch.linspace(0, 1, 1024) ** (1 + share),
            "spread": torch.full((1024,), float(share)),
            "families": torch.stack([share, 1 - share, 0 * share]),
        }


def test_concluding_from_one_photo_is_estimating_it():
    code, net = torch.rand(1, 3, 5, 6), Estimator()
    want, got = net.estimate(code), net.conclude(net.gather(code))
    assert want.keys() == got.keys()
    for name in want:
        torch.testing.assert_close(got[name], want[name])


def test_the_mean_of_evidence_is_still_a_response():
    net = Estimator()
    evidence = torch.stack([net.gather(torch.full((1, 3, 2, 2), value)) for value in (0.2, 0.9)]).mean(0)
    told = net.conclude(evidence)
    assert told["inverse"][0] == 0 and told["inverse"][-1] == 1 and (told["inverse"].diff() >= 0).all()
    torch.testing.assert_close(told["families"], torch.tensor([0.55, 0.45, 0.0]))


def test_a_network_of_ones_own_is_a_stage_with_defaults():
    class Mine(nn.Module, Restorer, Refiner):
        pass

    net = Mine()
    assert net.multiple_of == 1 and net.fills_shadows and net.own_restorer() is None and not list(net.parameters())
    assert Estimator().longest_px is None and not Estimator().takes_statistics
