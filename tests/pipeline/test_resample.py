"""Down by area means, up by bilinear interpolation, never more than a band at a time."""

import pytest
import torch
from torch.nn import functional as F

from hdrrecon.networks.working_resolution import enlarge_rows
from hdrrecon.pipeline.resample import Enlarged, replicated, shrunk


@pytest.mark.parametrize(
    "size, to", [((301, 203), (64, 43)), ((50, 41), (50, 41)), ((97, 64), (96, 63)), ((1, 500), (1, 64))]
)
def test_shrinking_by_bands_is_shrinking(size, to, monkeypatch):
    maps = torch.rand(1, 5, *size)
    results = []
    for band_px in (1, 300, 5000, 1 << 17):
        monkeypatch.setattr("hdrrecon.pipeline.resample.BAND_PX", band_px)
        results.append(shrunk(lambda rows: maps[..., rows, :], size, to))
    torch.testing.assert_close(results[0], F.interpolate(maps, to, mode="area"), atol=1e-6, rtol=0)
    assert all(torch.equal(result, results[0]) for result in results), (
        "where bands end must not show, not even in the last bit"
    )


@pytest.mark.parametrize("small, size", [((13, 9), (50, 41)), ((1, 1), (4, 3)), ((8, 8), (8, 8)), ((7, 5), (6, 4))])
def test_single_pixels_of_the_enlarged_image(small, size):
    features = torch.rand(1, 3, *small)
    whole = F.interpolate(features, size, mode="bilinear", align_corners=False)
    y, x = torch.meshgrid(*map(torch.arange, size), indexing="ij")
    picked = Enlarged(features, size, replicated).at(y.flatten(), x.flatten())
    torch.testing.assert_close(picked.T.view_as(whole), whole, atol=1e-5, rtol=1e-5)


def test_enlarged_rows_are_rows_of_the_enlarged_image():
    features = torch.rand(1, 3, 13, 9)
    whole = F.interpolate(features, (50, 41), mode="bilinear", align_corners=False)
    for rows in (slice(0, 50), slice(0, 7), slice(20, 33), slice(49, 50)):
        torch.testing.assert_close(enlarge_rows(features, rows, (50, 41)), whole[..., rows, :], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size, to", [((301, 203), (64, 43)), ((97, 64), (96, 63)), ((90, 60), (30, 20))])
def test_shrinking_as_a_gpu_does_it(size, to, monkeypatch):
    """All rows of the answer at once; on the CPU here, which is told that it is one."""
    maps, results = torch.rand(1, 5, *size), []
    for band_px in (300, 5000, 1 << 23):
        monkeypatch.setattr("hdrrecon.pipeline.resample.BAND_PX_ELSEWHERE", band_px)
        results.append(shrunk(lambda rows: maps[..., rows, :], size, to, torch.device("cuda")))
    torch.testing.assert_close(results[0], F.interpolate(maps, to, mode="area"), atol=1e-6, rtol=0)
    assert all(torch.equal(result, results[0]) for result in results)


def test_between_pixels_features_are_between_theirs():
    """Films ask in the middle of cells that are no pixels."""
    ramp = Enlarged(torch.arange(8.0).expand(1, 1, 4, 8), (8, 16), replicated)
    y, x = torch.tensor([2.0, 2.5, 3.25]), torch.tensor([4.0, 4.5, 7.25])
    torch.testing.assert_close(ramp.at(y, x)[:, 0], (x + 0.5) / 2 - 0.5)
