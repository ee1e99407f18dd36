"""The statistics see what they claim to see."""

import numpy as np
import pytest
import torch

from hdrrecon.networks.linearize import histograms
from hdrrecon.networks.linearize.response_statistics import (
    EDGE_LEVELS,
    EDGE_PLACES,
    EDGE_ROWS,
    EDGE_STRENGTHS,
    KINDS,
    SIZE,
    colour_statistics,
    edge_statistics,
    place_statistics,
    response_statistics,
)


def blurred_steps(gamma: float, seed: int = 0) -> torch.Tensor:
    """(3, 8, 2048): stripes of random light, blended by a symmetric blur as optics do, then coded with 1 / gamma."""
    light = torch.from_numpy(np.random.default_rng(seed).random((3, 1, 512)) * 0.8).float().repeat_interleave(4, 2)
    blurred = torch.nn.functional.avg_pool1d(
        torch.nn.functional.pad(light[:, 0], (1, 1), mode="replicate")[:, None], 3, 1
    )
    return blurred.expand(3, 8, -1) ** (1 / gamma)


def mean_place(code: torch.Tensor) -> float:
    """Mean place of the middle along edges, 0.5 = half way; without the ends of stripes (first and last place)."""
    table = (
        edge_statistics(code, 1)[: len(EDGE_STRENGTHS) * EDGE_LEVELS * EDGE_PLACES].view(-1, EDGE_PLACES).sum(0)[1:-1]
    )
    return float((table * (torch.arange(1, EDGE_PLACES - 1) + 0.5) / EDGE_PLACES).sum() / table.sum())


def test_edges_are_symmetric_in_light_and_skewed_in_code():
    """Blending happens in light: the middle of an edge lies half way there, and higher up in code values."""
    assert mean_place(blurred_steps(1.0)) == pytest.approx(0.5, abs=0.05)  # half way is the border of two bins
    assert mean_place(blurred_steps(2.2)) > mean_place(blurred_steps(1.5)) > mean_place(blurred_steps(1.0))


def test_colours_move_together_in_light_alone():
    """In linear light all channels are equally far along an edge; the table's middle column holds them."""

    def together(code):
        return (rows := colour_statistics(code)[: 8 * 4 * 9].view(-1, 9).sum(0))[4] / rows.sum()

    assert together(blurred_steps(1.0)) > 0.999 and together(blurred_steps(2.2)) < 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 4), (20, 30)])
@pytest.mark.parametrize("fill", [0.0, 1.0, None])
def test_any_photo_gives_finite_statistics(size, fill):
    code = torch.rand(2, 3, *size) if fill is None else torch.full((2, 3, *size), fill)
    out = response_statistics(code)
    assert out.shape == (2, SIZE) and torch.isfinite(out).all() and out.abs().max() < 12


def test_half_way_in_light_lies_above_half_way_in_code():
    """The mean place of the middle, as a number, rises with the response's bend; a straight response has its middles in
    the middle."""

    def ramp(gamma):
        return (torch.linspace(0.02, 0.8, 40) ** (1 / gamma)).expand(3, 8, -1)

    def middle(gamma):
        return float((m := place_statistics(ramp(gamma), 1)[:EDGE_ROWS])[m != 0].mean())

    assert middle(1.0) == pytest.approx(0, abs=0.3) and middle(3.0) > middle(1.8) > middle(1.0)


def test_kinds_fill_the_vector():
    assert sum(KINDS.values()) == SIZE == len(response_statistics(torch.rand(1, 3, 20, 30))[0])


def test_size_hardly_matters():
    """Shares do not depend on how often a pattern repeats (its borders apart)."""
    code = blurred_steps(2.2)[None]
    one, four = response_statistics(code), response_statistics(code.repeat(1, 1, 2, 2))
    share = slice(0, 5 * 64)
    torch.testing.assert_close(one[:, share], four[:, share], atol=1e-4, rtol=1e-4)


def test_totals_in_a_fixed_order_are_totals(monkeypatch):
    """What CUDA devices do, on the CPU."""
    monkeypatch.setattr(histograms, "TOTALLED_PX", 100)
    index, values = torch.randint(0, 8, (1050,)), torch.rand(1050)
    torch.testing.assert_close(histograms._sums_in_order(index, values, 8), histograms.bin_sums(index, values, 8))
