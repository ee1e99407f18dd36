"""Stage 0 of one photo: fitted, rounded and coded; and read again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hdrrecon.rawcodec import base_coder
from hdrrecon.rawcodec.bitstream import Header
from hdrrecon.rawcodec.fit import BaseFitter, rounded_levels
from hdrrecon.rawcodec.local_gain import grid_shape
from hdrrecon.rawcodec.model import Model
from hdrrecon.rawcodec.rans import Decoder, Encoder

LAMBDA = 0.13  # squared steps that a bit is worth: 2 ln 2 / 12, and a little for what later latents learn from it


def guessed_step(bpp: float) -> float:
    """About the base step at which streams have this rate."""
    return float(np.clip(0.25 * (bpp / 0.02) ** -0.6, 0.005, 1))


def encode_base(model: Model, header: Header, pixels: np.ndarray, raw: np.ndarray, bpp: float):
    """Stage 0, rounded: header, coded bytes, coefficients, grid or None."""
    fitter = BaseFitter(pixels, raw)
    step = guessed_step(bpp)
    samples = len(fitter.target)
    scale = raw.shape[0] * raw.shape[1] / samples
    exponent = int(np.clip(np.round(np.log2(np.sqrt(raw.shape[0] * raw.shape[1]) / step)) - 2, 3, 20))
    unit = int(np.clip(np.round(np.log2(2.5 / step)), 3, 7))
    found = []
    for local in (False, True):
        fit = fitter.fit(model.prior, local=local)
        grid, whole = None, None
        bits = 0.0
        if local:
            whole = np.round(np.clip(fit.grid, -base_coder.LARGEST_GAIN, base_coder.LARGEST_GAIN) * 2**unit).astype(
                np.int64
            )
            grid = whole / 2.0**unit
            fit = fitter.fit(model.prior, grid=grid)
            bits += base_coder.grid_bits(model.symbols.values, whole) + 32
        levels = rounded_levels(model.prior, fit, exponent)
        bits += base_coder.map_bits(model.symbols.values, model.prior, levels, exponent)
        coefficients = model.prior.coefficients(levels, exponent)
        cost = bits + scale * fitter.distortion(coefficients, grid) / (LAMBDA * step * step)
        found.append((cost, levels, whole, grid, coefficients))
    _, levels, whole, grid, coefficients = min(found, key=lambda one: one[0])
    coder = Encoder()
    base_coder.put_map(coder, model.symbols.values, model.prior, levels, exponent)
    bases = (0,) * base_coder.LEVELS
    if whole is not None:
        bases = tuple(int(b) for b in base_coder.put_grid(coder, model.symbols.values, whole))
    data, _ = coder.finish(1)
    header = replace(header, map_exponent=exponent, grid_exponent=None if grid is None else unit, grid_bases=bases)
    return header, data, coefficients, grid


def decode_base(model: Model, header: Header, base: bytes) -> tuple[np.ndarray, np.ndarray | None]:
    """Map coefficients (36, 3), and the gain grid in stops or None."""
    coder = Decoder(base, 1)
    levels = base_coder.get_map(coder, model.symbols.values, model.prior, header.map_exponent)
    grid = None
    if header.grid_exponent is not None:
        shape = grid_shape(header.height, header.width)
        whole = base_coder.get_grid(coder, model.symbols.values, shape, np.array(header.grid_bases))
        grid = whole / 2.0**header.grid_exponent
    return model.prior.coefficients(levels, header.map_exponent), grid
