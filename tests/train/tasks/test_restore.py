"""Stage 2's two steps: what each loss asks for, and that the second begins where the first ended."""

import pytest
import torch

from hdrrecon.networks.restore.masked_features import MaskedFeaturesConfig
from hdrrecon.train.data.response_errors import ResponseErrors
from hdrrecon.train.tasks.restore import RestoreTask, seeing, widened

TINY = MaskedFeaturesConfig(widths=(8, 16), kernels=(3, 3), recognise=0, features=4, head=8, working_px=64)


def test_errors_of_stage_1_stand_in_for_it():
    """No statistics are counted, and photos are linearised with curves that are off by what was measured."""
    torch.manual_seed(0)
    codes = torch.linspace(0, 1, 1024)
    errors = ResponseErrors(torch.full((3, 1024), 0.5) * codes, torch.arange(3))
    batch = {
        "code": torch.rand(64, 3, 8, 8),
        "inverse": (codes**2.2).expand(64, 3, 1024),
        "family": torch.arange(64) % 3,
    }
    linear = RestoreTask(TINY, errors=errors).linearized(batch)
    off = (linear - batch["code"] ** 2.2).abs().amax((1, 2, 3)) > 0.005
    assert 0.4 < off.float().mean() < 0.95


def test_another_working_size_is_seen_and_kept():
    task = seeing(RestoreTask(TINY), 320)
    assert task.working_px == (160, 200, 240, 280, 320) and task.network().config.working_px == 320
    assert task.metadata()["config"]["working_px"] == 320 and RestoreTask(TINY).network().config.working_px == 64


def test_weights_of_another_network_are_refused():
    net = RestoreTask(TINY).network()
    lacking = {k: v for k, v in net.state_dict().items() if k != "features.weight"}
    for state in (lacking, {**net.state_dict(), "residual.weight": torch.zeros(1)}):
        with pytest.raises(ValueError, match="another network, which differs in (features|residual).weight and 0 more"):
            widened(state, net)
