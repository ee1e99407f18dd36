"""CRF-net: the published layers, the choice of patches, robust averages."""

import numpy as np
import pytest
import torch

from hdrrecon.camera.basis import load_basis
from hdrrecon.networks.linearize.crf_net import CrfConfig, CrfNet, near_median, occupied_bins, select_patches
from tests.conftest import as_code

SMALL = CrfConfig(patch_px=64, patches=4, candidates=16)


def test_layers_are_those_of_the_table():
    """114, 57, 57, 29 and, with the published pooling, 23 places of 512 channels into the last layer."""
    net = CrfNet(CrfConfig(pool="table")).eval()
    x = torch.rand(1, 3, 227, 227)
    with torch.inference_mode():
        assert net.stem[0](x).shape == (1, 64, 114, 114) and net.stem(x).shape == (1, 64, 57, 57)
        deep = net.body(net.stem(x))
        assert net.body[:3](net.stem(x)).shape == (1, 256, 57, 57) and deep.shape == (1, 512, 29, 29)
        assert net.pool[0](deep).shape == (1, 512, 23, 23) and net.head.in_features == 512 * 23 * 23
        assert net(x).shape == (1, 11)
    assert 0.88e6 < sum(p.numel() for p in CrfNet().parameters()) < 0.9e6


def test_untrained_it_answers_with_the_mean_emor_curve(small_photo):
    out = CrfNet(SMALL).eval().estimate(as_code(small_photo))
    forward = np.interp(np.linspace(0, 1, 1024), out["inverse"].numpy(), np.linspace(0, 1, 1024))
    np.testing.assert_allclose(forward[5:-5], load_basis().emor.mean[5:-5], atol=3e-3)
    assert out["spread"].max() < 1e-6 and float(out["families"].sum()) == pytest.approx(1, abs=1e-6)


def test_zero_head_still_learns():
    net = CrfNet(SMALL)
    net(torch.rand(2, 3, 64, 64)).square().sum().add(net(torch.rand(2, 3, 64, 64)).sum()).backward()
    assert net.head.weight.grad.abs().sum() > 0


def test_fullest_patches_are_chosen_and_few_suffice():
    code = torch.zeros(1, 3, 100, 400)
    code[..., 300:] = torch.arange(100 * 100).remainder(256).reshape(100, 100) / 255
    full = select_patches(code, 50, 16, 200)
    assert 4 <= len(full) <= 16 and all(occupied_bins(p) > 220 for p in full)
    poor = select_patches(torch.zeros(1, 3, 100, 400), 50, 16, 200)
    assert len(poor) == 4
    assert select_patches(torch.zeros(1, 3, 7, 3), 50, 16, 200).shape == (1, 3, 50, 50)


def test_patches_are_the_same_every_time(small_photo):
    assert torch.equal(select_patches(as_code(small_photo), 64, 4, 16), select_patches(as_code(small_photo), 64, 4, 16))


def test_outliers_are_dropped():
    good = torch.randn(6, 11) * 0.01 + 1
    kept = near_median(torch.cat([good, torch.full((3, 11), 50.0)]))
    assert len(kept) == 5 and (kept < 2).all()
    assert len(near_median(good[:1])) == 1


def test_a_classifier_does_not_estimate(small_photo):
    with pytest.raises(ValueError, match="second phase"):
        CrfNet(CrfConfig(outputs=223, patch_px=64)).eval().estimate(as_code(small_photo))
