"""The encoder's choice of latents: what they should become, and the symbols that come nearest for their bits.

Where a block clips in part, the transform is multiplied by a factor (`amplitude`) and is not orthogonal any more:
latents are fitted by iterative soft thresholding, and what one group's rounding left is handed to the later groups.

Source: Daubechies, Defrise & De Mol, "An iterative thresholding algorithm for linear inverse problems" (2004).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hdrrecon.rawcodec.amplitude import blocks_of, factors, importance
from hdrrecon.rawcodec.base_stage import LAMBDA
from hdrrecon.rawcodec.guide import BLOCK
from hdrrecon.rawcodec.latent_coder import GROUPS, SUBSTEPS, PassParameters
from hdrrecon.rawcodec.model import Model
from hdrrecon.rawcodec.tables import LIMIT

_BLOCKS_AT_ONCE = 4096  # of which symbols are chosen: bounds memory
_ROUNDS = 12  # of fitting
_SHRINK = 0.1  # steps; less than that is not worth having
_REFINE = 2  # rounds in which the symbols of a group are chosen again


@dataclass(frozen=True)
class Mixed:
    """Blocks that clip in part.

    `where` (n,) flat indices; `rest` (n, 192) what stage 0 leaves; `hot`, `weight` and `stops` (n, 64) as in
    `amplitude`.
    """

    where: np.ndarray
    rest: np.ndarray
    hot: np.ndarray
    weight: np.ndarray
    stops: np.ndarray

    def at(self, step: float) -> tuple[np.ndarray, np.ndarray]:
        """Factors, and weights of squared errors, (n, 192), at a base step."""
        factor = np.repeat(factors(self.hot, step), 3, -1)
        return factor, np.repeat(self.weight + np.float32(step) * self.stops, 3, -1)


@dataclass(frozen=True)
class Target:
    """A photo's residual: `latents` (h, w, 192) of all blocks with a factor of 1, and the others."""

    latents: np.ndarray
    mixed: Mixed


@dataclass(frozen=True)
class Band:
    """Rows of a photo: `pixels` (h, W, 3) uint8 and their `hot` (h, W); `rest` and `light` (h, W, 3), what stage 0
    leaves, and the raw."""

    pixels: np.ndarray
    hot: np.ndarray
    rest: np.ndarray
    light: np.ndarray


def target(analysis: np.ndarray, shape: tuple[int, int], bands: Iterable[Band]) -> Target:
    """The target of a photo of `shape` blocks, from its bands, from the top."""
    latents = np.empty((*shape, len(analysis)), np.float32)
    parts, row = [], 0
    for band in bands:
        blocks = to_blocks(band.rest)
        latents[row : row + len(blocks)] = blocks @ analysis.T
        hot = blocks_of(padded(band.hot))
        mixed = hot.min(-1) < hot.max(-1)
        weights = (blocks_of(padded(v))[mixed] for v in importance(band.pixels, band.light))
        parts.append((np.flatnonzero(mixed) + row * shape[1], blocks[mixed], hot[mixed], *weights))
        row += len(blocks)
    return Target(latents, Mixed(*(np.concatenate(v) for v in zip(*parts, strict=True))))


def padded(image: np.ndarray) -> np.ndarray:
    """Sides padded to multiples of 8 by repetition."""
    margins = [(0, -n % BLOCK) for n in image.shape[:2]] + [(0, 0)] * (image.ndim - 2)
    return np.pad(image, margins, mode="edge")


def to_blocks(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (rows, columns, 192), padded."""
    image = padded(image)
    h, w, c = image.shape
    blocks = image.reshape(h // BLOCK, BLOCK, w // BLOCK, BLOCK, c).transpose(0, 2, 1, 3, 4)
    return blocks.reshape(h // BLOCK, w // BLOCK, -1)


def fitted(rest: np.ndarray, factor: np.ndarray, weight: np.ndarray, synthesis: np.ndarray, step: float) -> np.ndarray:
    """Latents whose blocks, times the factor, come near the residual.

    Args:
        rest, factor, weight: (n, 192), the weight of any size.
        step: base step.

    Returns:
        (n, 192) float32.
    """
    weight = weight / (weight * factor * factor).max(-1, keepdims=True)  # so that steps downhill never overshoot
    out = (factor * weight * rest) @ synthesis
    for _ in range(_ROUNDS):
        out = shrunk(out + _downhill(out, rest, factor, weight, synthesis), step)
    return out


def shrunk(latents: np.ndarray, step: float) -> np.ndarray:
    return np.sign(latents) * np.maximum(np.abs(latents) - np.float32(_SHRINK * step), 0)


def _downhill(latents: np.ndarray, rest, factor, weight, synthesis: np.ndarray) -> np.ndarray:
    """Half the negative gradient of the weighted squared error."""
    return (factor * weight * (rest - factor * (latents @ synthesis.T))) @ synthesis


class Chooser:
    """Chooses symbols, pass by pass, at one base step."""

    def __init__(self, model: Model, found: Target, step: float) -> None:
        self.model, self.target, self.step = model, found, step
        mixed = found.mixed
        self.slot = np.full(found.latents.shape[0] * found.latents.shape[1], -1, np.int32)
        self.slot[mixed.where] = np.arange(len(mixed.where))
        self.factor, self.weight = mixed.at(step)
        self.latents = fitted(mixed.rest, self.factor, self.weight, model.synthesis, step)
        square = self.weight * self.factor * self.factor
        most = square.max(-1, keepdims=True)
        self.weight, self.mean = self.weight / most, (square / most).mean(-1)
        self.wanted: np.ndarray = np.zeros((0, 0), np.float32)  # of the last pass, in base steps

    def __call__(self, group: int, parameters: PassParameters) -> np.ndarray:
        """Symbols of a pass, (n, size) int32."""
        begin = sum(GROUPS[:group])
        end = begin + GROUPS[group]
        flat = self.target.latents.reshape(-1, self.target.latents.shape[-1])
        wanted = flat[parameters.where, begin:end] / np.float32(self.step)
        slots = self.slot[parameters.where]
        at = np.flatnonzero(slots >= 0)
        slots = slots[at]
        wanted[at] = self.latents[slots, begin:end] / np.float32(self.step)
        symbols = chosen_symbols(self.model, wanted, parameters, LAMBDA)
        if len(at):
            part = PassParameters(
                parameters.where[at],
                parameters.index[at],
                parameters.mean[at],
                parameters.step[at],
            )
            mine, wants = self._refined(begin, end, slots, part, symbols[at])
            symbols[at], wanted[at] = mine, wants
        self.wanted = wanted
        return symbols

    def _refined(self, begin: int, end: int, slots: np.ndarray, part: PassParameters, symbols: np.ndarray):
        rest, factor, weight = (v[slots] for v in (self.target.mixed.rest, self.factor, self.weight))
        synthesis, latents = self.model.synthesis, self.latents[slots]
        bit = LAMBDA * self.mean[slots]
        wanted = latents[:, begin:end] / np.float32(self.step)

        def put() -> None:
            latents[:, begin:end] = (part.mean + part.step[:, None] * symbols) * np.float32(self.step / SUBSTEPS)

        put()
        for _ in range(_REFINE):
            move = _downhill(latents, rest, factor, weight, synthesis)[:, begin:end]
            wanted = (latents[:, begin:end] + move) / np.float32(self.step)
            symbols = chosen_symbols(self.model, wanted, part, bit)
            put()
        for _ in range(_REFINE if end < latents.shape[1] else 0):
            move = _downhill(latents, rest, factor, weight, synthesis)[:, end:]
            latents[:, end:] = shrunk(latents[:, end:] + move, self.step)
        self.latents[slots] = latents
        return symbols, wanted


def chosen_symbols(
    model: Model, latents: np.ndarray, parameters: PassParameters, bit: float | np.ndarray
) -> np.ndarray:
    """Symbols of a pass that balance error and bits.

    Args:
        latents: (n, size) in base steps.
        bit: squared steps that a bit is worth, one number or (n,).

    Returns:
        (n, size) int32.
    """
    out = np.zeros(latents.shape, np.int32)
    worth = np.broadcast_to(np.asarray(bit, float), len(latents))
    for first in range(0, len(latents), _BLOCKS_AT_ONCE):
        part = np.s_[first : first + _BLOCKS_AT_ONCE]
        step, mean, index = parameters.step[part, None], parameters.mean[part], parameters.index[part]
        scaled = (latents[part] * SUBSTEPS - mean) / step
        size = np.abs(scaled)
        lower = np.minimum(np.floor(size), LIMIT - 1)
        sign = np.where(scaled < 0, -1, 1)
        costs = []
        for extra in (0, 1):
            symbol = (sign * (lower + extra)).astype(np.int64)
            costs.append((size - lower - extra) ** 2 + worth[part, None] * model.symbols.values.bits(index, symbol))
        found = (sign * (lower + (costs[1] < costs[0]))).astype(np.int64)
        out[part] = model.symbols.without_waste(index, found, size**2 - (size - np.abs(found)) ** 2, worth[part])
    return out
