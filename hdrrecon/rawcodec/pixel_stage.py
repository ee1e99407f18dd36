"""Pixels to latents and back, in bands of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hdrrecon.rawcodec.amplitude import blocks_of, factors, heat
from hdrrecon.rawcodec.analysis import Band, Target, padded, target
from hdrrecon.rawcodec.bitstream import Header
from hdrrecon.rawcodec.domain import linearize, stabilize
from hdrrecon.rawcodec.fit import base_light
from hdrrecon.rawcodec.guide import BLOCK, block_shape
from hdrrecon.rawcodec.latent_coder import SUBSTEPS, Latents
from hdrrecon.rawcodec.latent_stage import base_step
from hdrrecon.rawcodec.model import Model

BAND = 256  # rows that are transformed at once


def _bands(height: int) -> Iterator[tuple[int, int]]:
    for top in range(0, height, BAND):
        yield top, min(height, top + BAND)


def analyse(
    model: Model, pixels: np.ndarray, raw: np.ndarray, coefficients: np.ndarray, grid: np.ndarray | None
) -> Target:
    """What stage 0 leaves, as a target of the encoder."""
    height, width = raw.shape[:2]

    def bands() -> Iterator[Band]:
        for top, bottom in _bands(height):
            rest = stabilize(raw[top:bottom]) - stabilize(base_light(pixels[top:bottom], coefficients, grid, top))
            yield Band(pixels[top:bottom], heat(pixels, top, bottom), rest, raw[top:bottom])

    return target(model.analysis, block_shape(height, width), bands())


def from_blocks(blocks: np.ndarray) -> np.ndarray:
    """(rows, columns, 192) -> (H, W, 3); inverse of `analysis.to_blocks`."""
    rows, columns, _ = blocks.shape
    image = blocks.reshape(rows, columns, BLOCK, BLOCK, 3).transpose(0, 2, 1, 3, 4)
    return image.reshape(rows * BLOCK, columns * BLOCK, 3)


def synthesise(
    model: Model,
    header: Header,
    pixels: np.ndarray,
    coefficients: np.ndarray,
    grid: np.ndarray | None,
    latents: Latents,
) -> np.ndarray:
    """Raw from everything, in bands of rows."""
    height, width = pixels.shape[:2]
    network = _network(model) if model.network else None
    halo = 0 if network is None else -(-network.halo // BLOCK) * BLOCK
    scale = np.float32(base_step(header) / SUBSTEPS)
    out = np.empty((height, width, 3), np.float32)
    for top, bottom in _bands(height):
        first, last = max(0, top - halo), min(height, bottom + halo)
        blocks = latents.restored[first // BLOCK : -(-last // BLOCK)].astype(np.float32) * scale
        modulation = np.repeat(factors(blocks_of(padded(heat(pixels, first, last))), base_step(header)), 3, -1)
        residual = from_blocks(blocks @ model.synthesis.T * modulation)[: last - first, :width]
        base = stabilize(base_light(pixels[first:last], coefficients, grid, first))
        if network is None:
            stable = base + residual
        else:
            stable = _run(network, pixels[first:last], base, residual, header.step / 4)
        out[top:bottom] = linearize(stable[top - first : bottom - first])
    return out


def _network(model: Model):
    """The synthesis network of a model, kept in it."""
    import torch

    from hdrrecon.networks.rawcodec.synthesis import Synthesis

    found = _NETWORKS.get(model.model_id)
    if found is None:
        found = Synthesis(Synthesis.Config(**model.network_config))
        found.load_state_dict({k: torch.from_numpy(v) for k, v in model.network.items()})
        found = _NETWORKS[model.model_id] = found.eval().requires_grad_(False)
    return found


_NETWORKS: dict = {}


def _run(network, pixels: np.ndarray, base: np.ndarray, residual: np.ndarray, step: float) -> np.ndarray:
    """The network on a band; sides are padded to even numbers."""
    import torch

    h, w = pixels.shape[:2]

    def tensor(image: np.ndarray) -> torch.Tensor:
        padded = np.pad(image, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
        return torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)[None]))

    code = pixels.astype(np.float32) / np.float32(255)
    with torch.inference_mode():
        out = network(tensor(code), tensor(base), tensor(residual), torch.tensor([step]))
    return out[0].numpy().transpose(1, 2, 0)[:h, :w]
