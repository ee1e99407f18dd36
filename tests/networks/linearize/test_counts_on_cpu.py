"""The counts of a CPU's one pass equal those of the tensor operations, which CUDA uses: to the count."""

import numpy as np
import pytest
import torch

from hdrrecon.networks.linearize import counts_on_cpu
from hdrrecon.networks.linearize.histograms import EDGE_PLACES, bin_counts, bin_of
from hdrrecon.networks.linearize.postprocessing_statistics import HEIGHT_BINS, height_bin
from hdrrecon.networks.linearize.response_statistics import KINDS, photo_statistics, statistics_and_levels

SUMS = ("slopes", "handling")  # hold means; the tensor operations add in float32, one after another


def photo(kind: str, size: tuple[int, int]) -> torch.Tensor:
    """(3, H, W): "codes" of 8 bits, "floats" as area means leave them, "clipped" ones, or few levels."""
    rng = np.random.default_rng(7)
    values = rng.random((3, *size), dtype=np.float32)
    if size[0] > 8 and size[1] > 8:  # neighbours are alike, channels too
        values = (values + np.roll(values, 1, 1) + np.roll(values, 1, 2) + 2 * values.mean(0)) / 5
    if kind == "clipped":
        values = np.clip(values * 2, 0, 1)
    if kind == "levels":
        values = np.float32(np.rint(values * 5) / 5)
    if kind == "codes":
        values = np.float32(np.rint(values * 255)) / np.float32(255)
    return torch.from_numpy(values)


@pytest.mark.parametrize("kind", ["codes", "floats", "clipped", "levels"])
@pytest.mark.parametrize(
    "size", [(1, 1), (1, 40), (40, 1), (2, 2), (3, 9), (9, 3), (17, 16), (16, 17), (150, 131), (40, 700)]
)
def test_equal_to_the_count(kind, size, monkeypatch):
    """Whatever the size, and wherever blocks end."""
    monkeypatch.setattr(counts_on_cpu, "PX_AT_ONCE", 1000)
    monkeypatch.setattr(counts_on_cpu, "PLANE_PX_AT_ONCE", 700)
    monkeypatch.setattr(counts_on_cpu, "PICKED_AT_ONCE", 300)
    code = photo(kind, size)
    (got, levels), wanted = statistics_and_levels(code), photo_statistics(code)
    at = 0
    for name, length in KINDS.items():
        a, b, at = got[at : at + length], wanted[at : at + length], at + length
        torch.testing.assert_close(a, b, **({"rtol": 1e-4, "atol": 1e-4} if name in SUMS else {"rtol": 0, "atol": 0}))
    assert torch.equal(levels, bin_counts(bin_of(code, 256), 256))


def test_edges_counted_one_by_one():
    """A literal reference, in words: the definition of `edge_statistics`, pixel by pixel."""
    code = photo("codes", (12, 15)).numpy()
    table = np.zeros((48, EDGE_PLACES))
    for plane in code:
        for lines in (plane, plane.T):
            for line in lines:
                for start, middle, end in zip(line, line[1:], line[2:]):
                    low, high = min(start, end), max(start, end)
                    rise = high - low
                    if rise <= np.float32(6 / 255) or high >= np.float32(240 / 255) or not low <= middle <= high:
                        continue
                    strength = int(rise > np.float32(16 / 255)) + int(rise > np.float32(40 / 255))
                    row = 16 * strength + int((low + rise / 2) * np.float32(16))
                    table[row, min(int((middle - low) / rise * np.float32(EDGE_PLACES)), EDGE_PLACES - 1)] += 1
    assert table.sum() > 50
    np.testing.assert_array_equal(counts_on_cpu.count(code).edges, table)


def test_heights_are_told_apart_at_the_bounds_of_the_logarithm():
    bounds = np.array(counts_on_cpu._height_bounds())
    below, above = np.nextafter(bounds, np.float32(0)), bounds
    assert height_bin(torch.from_numpy(below)).tolist() == list(range(HEIGHT_BINS - 1))
    assert height_bin(torch.from_numpy(above)).tolist() == list(range(1, HEIGHT_BINS))


def test_counting_takes_few_operations(monkeypatch):
    """Work, not time: of a photo of one block there is a fixed number of histograms, however many pixels lie on
    edges."""
    calls = []
    original = counts_on_cpu.cv2.calcHist
    monkeypatch.setattr(counts_on_cpu.cv2, "calcHist", lambda *given: calls.append(1) or original(*given))
    counts_on_cpu.count(photo("codes", (100, 120)).numpy())
    assert len(calls) <= 30
