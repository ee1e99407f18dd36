"""Codes the latents of a whole image, pass by pass; encoder and decoder run the same integer networks.

Latents are integers in 1/64 of the base step. The order of everything here is normative: see docs/raw_stream.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hdrrecon.rawcodec.integer_net import IntegerConv

GROUPS = (3, 15, 45, 129)
PASSES = (3, 2, 2, 1)
SUBSTEPS = 64  # of the base step: the unit of decoded latents
EVEN, PRECISIONS = 8, 16
STEP_TABLE = np.round(SUBSTEPS * 2.0 ** ((np.arange(PRECISIONS) - EVEN) / 4)).astype(np.int64)
LARGEST_LATENT = 32767
_BAND = 32  # rows of blocks that networks see at once
_WHOLE_PASSES = [(g, i) for g, n in enumerate(PASSES) for i in range(n)]
PASS_COUNT = len(_WHOLE_PASSES)


@dataclass(frozen=True)
class GroupNets:
    """Integer networks of one group; None where a group has none."""

    coarser: IntegerConv | None
    nearby: IntegerConv | None
    order: tuple[IntegerConv, ...]
    parameters: tuple[IntegerConv, ...]
    has_mean: bool


@dataclass
class PassParameters:
    """What a pass codes and how, in raster order of blocks, latents innermost.

    `where` (n,) flat block indices; `index` (n, size) table indices; `mean` (n, size), or (n, 1) zeros, and `step` (n,)
    in 1/64 base steps.
    """

    where: np.ndarray
    index: np.ndarray
    mean: np.ndarray
    step: np.ndarray


Coder = Callable[[int, int, PassParameters], np.ndarray | None]


@dataclass(frozen=True)
class Latents:
    """Decoded latents of an image, in 1/64 of the base step.

    `values` (h, w, 192) int16 are what the networks see; `restored` (h, w, 192) int16 are drawn to the mean of what was
    rounded to them, and go to synthesis; `error` (h, w) float32 is the expected squared error per latent, in squared
    base steps.
    """

    values: np.ndarray
    restored: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class Rounding:
    """What training measured of rounded latents, by table.

    `centroids` (64, 2): by how much symbols of size 1, and above, are drawn towards 0, in steps; `error` (64,) mean
    squared error in squared steps; `unsent` (4,) mean square of latents of blocks that no pass of a group codes, in
    squared base steps.
    """

    centroids: np.ndarray
    error: np.ndarray
    unsent: np.ndarray


def walk(
    guide: np.ndarray,
    guide_nets: tuple[IntegerConv, ...],
    groups: tuple[GroupNets, ...],
    rounding: Rounding,
    code: Coder,
) -> Latents:
    """Visit all passes in order.

    Args:
        guide: (h, w, 23) integer inputs of the guide network.
        code: called with group, pass, parameters; returns the symbols (n, size), or None to stop there.
    """
    h, w = guide.shape[:2]
    values = np.zeros((h, w, sum(GROUPS)), np.int16)
    restored = np.zeros_like(values)
    error = np.zeros((h, w), np.float32)
    seen = _features(guide, guide_nets)
    begin, stopped = 0, False
    for g, nets in enumerate(groups):
        end = begin + GROUPS[g]
        known = np.zeros((h, w), bool)
        coarse = None if nets.coarser is None or stopped else _features(values[..., :begin], (nets.coarser,))
        for i in range(PASSES[g]):
            if stopped:
                break
            parameters = _pass_parameters(seen, coarse, values[..., begin:end], known, nets, i)
            symbols = code(g, i, parameters)
            if symbols is None:
                stopped = True
                break
            at = np.divmod(parameters.where, w)
            step = parameters.step[:, None]
            values[*at, begin:end] = np.clip(parameters.mean + step * symbols, -LARGEST_LATENT, LARGEST_LATENT)
            shift = rounding.centroids[parameters.index, np.minimum(np.abs(symbols), 2) - 1] * (symbols != 0)
            drawn = np.round(parameters.mean + step * (symbols - np.sign(symbols) * shift))
            restored[*at, begin:end] = np.clip(drawn, -LARGEST_LATENT, LARGEST_LATENT)
            error[at] += rounding.error[parameters.index].sum(1) * (parameters.step / SUBSTEPS) ** 2
            known[at] = True
        error[~known] += rounding.unsent[g] * GROUPS[g]
        begin = end
    return Latents(values, restored, error / sum(GROUPS))


def _features(planes: np.ndarray, layers: tuple[IntegerConv, ...]) -> np.ndarray:
    """(h, w, n) uint16 activations, computed in bands of rows, so that memory stays bounded."""
    halo = sum(layer.halo for layer in layers)
    h, w = planes.shape[:2]
    out = np.empty((h, w, layers[-1].bias.size), np.uint16)
    for top in range(0, h, _BAND):
        first, last = max(0, top - halo), min(h, top + _BAND + halo)
        band = planes[first:last]
        for layer in layers:
            band = layer(band)
        out[top : top + _BAND] = band[top - first : top - first + _BAND]
    return out


def _pass_parameters(
    seen: np.ndarray, coarse: np.ndarray | None, values: np.ndarray, known: np.ndarray, nets: GroupNets, index: int
) -> PassParameters:
    h, w, size = values.shape
    wheres, indices, means, steps = [], [], [], []
    for top in range(0, h, _BAND):
        bottom = min(h, top + _BAND)
        inputs = [seen[top:bottom]]
        if coarse is not None:
            inputs.append(coarse[top:bottom])
        if nets.nearby is not None:
            r = nets.nearby.halo
            first, last = max(0, top - r), min(h, bottom + r)
            shown = np.where(known[first:last, :, None], values[first:last], 0)
            shown = np.concatenate([shown, known[first:last, :, None] * np.int16(256)], -1)
            inputs.append(nets.nearby(shown)[top - first : bottom - first])
        stacked = np.concatenate(inputs, -1, dtype=np.float64, casting="unsafe")
        logit = nets.order[1](nets.order[0](stacked))[..., index]
        fresh = (logit > 0) & ~known[top:bottom]
        chosen = stacked[fresh][None]  # the rest is pixel-wise: only where something is coded
        for layer in nets.parameters:
            chosen = layer(chosen)
        chosen = chosen[0].astype(np.int64)
        wheres.append(np.flatnonzero(fresh) + top * w)
        indices.append(np.clip((chosen[:, :size] + 8) >> 4, 0, 63).astype(np.uint8))
        mean = chosen[:, size : 2 * size] if nets.has_mean else np.zeros((len(chosen), 1), np.int64)
        means.append(np.clip(mean, -LARGEST_LATENT, LARGEST_LATENT))
        steps.append(STEP_TABLE[np.clip(EVEN + ((chosen[:, -1] + 32) >> 6), 0, PRECISIONS - 1)])
    return PassParameters(np.concatenate(wheres), np.concatenate(indices), np.concatenate(means), np.concatenate(steps))
