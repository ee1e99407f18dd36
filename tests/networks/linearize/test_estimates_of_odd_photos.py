"""Whatever the photo and whatever the weights: an estimate is finite, monotone, from 0 to 1."""

import numpy as np
import pytest
import torch

from hdrrecon import zoo
from hdrrecon.camera.basis import load_basis
from hdrrecon.camera.evidence import IGNORANCE
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.estimate import estimate_response
from hdrrecon.networks.linearize.crf_net import CrfConfig, CrfNet
from hdrrecon.networks.linearize.linearization_net import LinearizationConfig, LinearizationNet
from hdrrecon.networks.linearize.response_net import ResponseNet
from hdrrecon.pipeline.pipeline import HDRPipeline
from tests.conftest import needs_weights


def noise(low=0.0, high=1.0, size=(40, 56)):
    return (low + (high - low) * torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))).mul(
        255
    ).round() / 255


PHOTOS = {
    "grey": noise()[:, :1].expand(-1, 3, -1, -1),
    "black": torch.zeros(1, 3, 40, 56),
    "white": torch.ones(1, 3, 40, 56),
    "one colour": torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 40, 56),
    "two levels": noise().round(),
    "70 percent clipped": torch.where(
        torch.rand(1, 1, 40, 56, generator=torch.Generator().manual_seed(1)) < 0.7, 1.0, noise()
    ),
    "nearly black": noise(0, 0.02),
    "one pixel": noise(size=(1, 1)),
    "one row": noise(size=(1, 300)),
    "one column": noise(size=(300, 1)),
    "long": noise(size=(3, 2000)),
}


def wild(network, strength):
    """Random weights far from zero in the heads, so that raw curves are anything but monotone."""
    torch.manual_seed(2)
    for name, p in network.named_parameters():
        if name.startswith(("head", "curves", "families")):
            torch.nn.init.normal_(p, std=strength)
    return network.eval()


NETWORKS = {
    "linearization": lambda s: wild(LinearizationNet(LinearizationConfig(crop_px=32, crops=2)), s),
    "response": lambda s: wild(ResponseNet(), s),
    "crf": lambda s: wild(CrfNet(CrfConfig(patch_px=48, patches=3, candidates=6)), s),
}


@pytest.mark.parametrize("strength", [0.05, 100.0])
@pytest.mark.parametrize("network", NETWORKS)
def test_estimate_is_a_response(network, strength):
    net = NETWORKS[network](strength)
    for name, photo in PHOTOS.items():
        out = net.estimate(photo)
        g = out["inverse"].double().numpy()
        assert np.isfinite(g).all() and (np.diff(g) >= -1e-9).all(), name
        assert abs(g[0]) < 1e-6 and abs(g[-1] - 1) < 1e-6, name
        assert out["spread"].isfinite().all() and (out["spread"] >= 0).all() and out["families"].isfinite().all(), name
        curve = HDRPipeline(net, None).estimate_response(photo)  # ResponseCurve refuses what is none
        assert isinstance(curve, ResponseCurve), name


def drawing():
    """Flat shapes and a line of slanted, antialiased edges on white: most code values occur, hardly any of them
    often."""
    y, x = np.mgrid[0:200, 0:300]
    page = np.ones((200, 300, 3))
    page[40:90, 30:120] = 0, 0.8, 0
    page += (np.clip(y - x / 3 - 40, 0, 1) - np.clip(y - x / 3 - 44, 0, 1))[..., None] * np.array([-0.9, -0.8, -0.2])
    return torch.from_numpy(page.clip(0, 1)).float().permute(2, 0, 1)[None].mul(255).round() / 255


CHECKER = ((torch.arange(96).view(-1, 1) // 16 + torch.arange(128) // 16) % 2).float().expand(1, 3, -1, -1)
CLUELESS = {
    name: PHOTOS[name]
    for name in ("black", "white", "one colour", "two levels", "70 percent clipped", "nearly black", "one pixel")
}
CLUELESS |= {"drawing": drawing(), "checker": CHECKER}


@pytest.mark.parametrize("name", CLUELESS)
def test_the_shipped_estimator_is_unsure_where_a_photo_tells_nothing(name):
    """No family is certain, the band is wide, there is little confidence, and the curve lies between those of the
    families."""
    needs_weights()
    network = zoo.load(zoo.model_info(zoo.DEFAULT_MODEL).linearize)
    out = network.estimate(CLUELESS[name])
    assert out["families"].max() < 0.75 and out["spread"].square().mean().sqrt() > 0.035
    assert estimate_response(CLUELESS[name][0], network=network).facts["confidence"] < 0.4
    means = load_basis().family_means
    g = out["inverse"].double().numpy()
    assert (g > means.min(0) - 0.15).all() and (g < means.max(0) + 0.15).all()


def test_a_photo_without_colour_is_answered_with_more_doubt():
    needs_weights()
    network = zoo.load(zoo.model_info(zoo.DEFAULT_MODEL).linearize)
    ramp = torch.linspace(0, 1, 128).mul(255).round().div(255).expand(1, 3, 96, -1)
    tinted = ramp.clone()
    tinted[:, 0, :, :64] += 1 / 255

    def band(photo):
        return float(network.estimate(photo)["spread"].mean())

    assert band(ramp) > 1.2 * band(tinted)


TELLS_NOTHING = {
    "checker": CHECKER,
    "black": PHOTOS["black"],
    "one colour": PHOTOS["one colour"],
    "tiny": noise(size=(16, 16)),
    "dark": noise(0, 0.06),
}


@pytest.mark.parametrize("strength", [0.05, 100.0])
@pytest.mark.parametrize("name", TELLS_NOTHING)
def test_what_is_read_into_nothing_does_not_count(name, strength):
    """Whatever the weights: the three families' means, equally likely, and all the doubt there is."""
    net = NETWORKS["response"](strength)
    out, untrained = net.estimate(TELLS_NOTHING[name]), ResponseNet().eval().estimate(CHECKER)
    for part in ("inverse", "families", "spread"):
        torch.testing.assert_close(out[part], untrained[part])
    torch.testing.assert_close(out["families"], torch.full((3,), 1 / 3))
    assert float(out["spread"].square().mean().sqrt()) == pytest.approx(IGNORANCE, rel=0.02)


def test_the_more_pixels_and_light_the_more_counts():
    """From a photo that tells nothing to one that tells all, without a jump."""
    net = NETWORKS["response"](0.05)
    by_size = [net.estimate(noise(size=(side, side)))["families"].max() for side in (16, 20, 26, 34, 46)]
    by_light = [net.estimate(noise(0, top, (64, 64)))["families"].max() for top in (0.06, 0.12, 0.2, 0.3, 0.5)]
    for row in (by_size, by_light):
        assert float(row[0]) == pytest.approx(1 / 3) and max(row) == row[-1] > 0.34, row
