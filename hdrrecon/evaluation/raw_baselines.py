"""Other ways of keeping a raw beside its JPEG, each with every byte counted: what the raw codec is compared with.

Every method is a function of (raw, jpeg, bpp) that returns (bytes, decoded raw). Those that keep nothing are given the
best 3 x 3 matrix for free, those that keep samples or coefficients get our entropy coder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hdrrecon.color import srgb_to_linear
from hdrrecon.io.optional import need
from hdrrecon.rawcodec import codec, container
from hdrrecon.rawcodec.analysis import to_blocks
from hdrrecon.rawcodec.base_stage import guessed_step
from hdrrecon.rawcodec.codec import jpeg_pixels
from hdrrecon.rawcodec.domain import linearize, stabilize
from hdrrecon.rawcodec.fit import BaseFitter, base_light, rounded_levels
from hdrrecon.rawcodec.model import shipped_model
from hdrrecon.rawcodec.pixel_stage import from_blocks
from hdrrecon.rawcodec.rans import Encoder
from hdrrecon.rawcodec.tables import ValueTables, integer_frequencies, laplace_probabilities

Method = Callable[[np.ndarray, bytes, float], tuple[int, np.ndarray]]
_MAP_EXPONENT = 13
_SMALLEST_JPEG = b"\xff\xd8\xff\xda\x00\x02\xff\xd9"
_HEADER_BYTES = 16  # sizes and a check sum, which any of these would need
_SCALES = 0.05 * 240.0 ** (np.arange(64) / 63)


def with_best_matrix(light: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Linear light brought to camera RGB by the 3 x 3 matrix of least squares (weighted as `domain.light_weight` is
    not)."""
    a, b = light.reshape(-1, 3).astype(np.float64), raw.reshape(-1, 3).astype(np.float64)
    weight = 1 / np.sqrt(b.mean(1, keepdims=True) + 0.01)
    seen = b.max(1) < 0.98
    matrix = np.linalg.lstsq((a * weight)[seen], (b * weight)[seen], rcond=None)[0]
    return np.clip(a @ matrix, 0, 1).reshape(raw.shape).astype(np.float32)


def jpeg_alone(raw: np.ndarray, jpeg: bytes, bpp: float) -> tuple[int, np.ndarray]:
    """The sRGB curve inverted. Nothing is stored."""
    return 0, with_best_matrix(srgb_to_linear(jpeg_pixels(jpeg) / 255), raw)


def reconstructed(raw: np.ndarray, jpeg: bytes, bpp: float) -> tuple[int, np.ndarray]:
    """`hdrrecon.reconstruct` of the JPEG. Nothing is stored."""
    import hdrrecon

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(jpeg)
        return 0, with_best_matrix(hdrrecon.reconstruct(path), raw)


def global_map(raw: np.ndarray, jpeg: bytes, bpp: float) -> tuple[int, np.ndarray]:
    """Stage 0 without its gain grid: after Nguyen & Brown (CVPR 2016)."""
    size, base = _mapped(raw, jpeg_pixels(jpeg))
    return size, base


def samples(raw: np.ndarray, jpeg: bytes, bpp: float, content: bool = False) -> tuple[int, np.ndarray]:
    """Samples of what the map leaves on a regular grid, interpolated with weights of position and colour.

    After Punnappurath & Brown, "Spatially aware metadata for raw reconstruction" (WACV 2021); with `content` the sample
    of each cell is where the map is worst, after Nam et al., "Learning sRGB-to-raw-RGB de-rendering with content-aware
    metadata" (CVPR 2022), at the cost of its position. The spacing is the finest that the rate allows.
    """
    pixels = jpeg_pixels(jpeg)
    head, base = _mapped(raw, pixels)
    rest = stabilize(raw) - stabilize(base)
    budget = bpp * raw.shape[0] * raw.shape[1] / 8
    best = head, base
    for cell in (96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3):
        size, found = _sampled(rest, pixels, cell, 0.02 if bpp > 0.05 else 0.04, content)
        if head + size > budget:
            break
        best = head + size, linearize(stabilize(base) + found)
    return best


def content_samples(raw: np.ndarray, jpeg: bytes, bpp: float) -> tuple[int, np.ndarray]:
    """`samples` where the map is worst."""
    return samples(raw, jpeg, bpp, content=True)


def dct_residual(raw: np.ndarray, jpeg: bytes, bpp: float) -> tuple[int, np.ndarray]:
    """What the map leaves, in an 8 x 8 DCT with one step, coded with one table per coefficient: real bytes."""
    model = shipped_model()
    head, base = _mapped(raw, jpeg_pixels(jpeg))
    latents = to_blocks(stabilize(raw) - stabilize(base)) @ model.analysis.T
    budget, step, coded = bpp * raw.shape[0] * raw.shape[1] / 8, 2 * guessed_step(bpp), None
    for _ in range(8):
        symbols = (np.sign(latents) * np.floor(np.abs(latents) / step + 0.35)).astype(np.int64).reshape(-1, 192)
        size = head + len(symbols[0]) + _coded_bytes(symbols)
        if size <= budget and (coded is None or step < coded[2]):
            coded = size, symbols, step
        if size <= budget and size > 0.97 * budget:
            break
        step *= float(np.clip(size / (0.985 * budget), 0.4, 2.5)) ** 0.55
    if coded is None:
        return head, base
    size, symbols, step = coded
    back = from_blocks((symbols.astype(np.float32) * np.float32(step)).reshape(latents.shape) @ model.synthesis.T)
    return size, linearize(stabilize(base) + back[: raw.shape[0], : raw.shape[1]])


def jpeg_xl(raw: np.ndarray, jpeg: bytes, bpp: float) -> tuple[int, np.ndarray]:
    """JPEG XL of the stabilised raw as 16-bit RGB, at the distance that comes nearest below the rate; the JPEG is not
    used."""
    codecs = need("imagecodecs", "hdrfiles", "comparing with JPEG XL")
    stable = np.round(stabilize(raw) / stabilize(np.float32(1)) * 65535).astype(np.uint16)
    budget = bpp * raw.shape[0] * raw.shape[1] / 8
    size, codes = 0, stable
    for distance in (25, 18, 12, 8, 5, 3, 2, 1.2, 0.7, 0.4, 0.2):
        data = codecs.jpegxl_encode(stable, lossless=False, distance=distance, effort=5)
        if not size or len(data) <= budget:
            size, codes = len(data), codecs.jpegxl_decode(data)
        if len(data) > budget:
            break
    return size, linearize(codes.astype(np.float32) / 65535 * stabilize(np.float32(1)))


def gain_map(raw: np.ndarray, jpeg: bytes, bpp: float) -> tuple[int, np.ndarray]:
    """An Ultra HDR gain map of the raw's light, brought to Rec.709; its size is what our writer chooses, whatever the
    rate."""
    from hdrrecon import io as hdr_io

    light = srgb_to_linear(jpeg_pixels(jpeg) / 255)
    a = raw.reshape(-1, 3).astype(np.float64)
    seen = (light.max(-1) < 0.9).reshape(-1)
    matrix = np.linalg.lstsq(a[seen], light.reshape(-1, 3)[seen], rcond=None)[0]
    with tempfile.TemporaryDirectory() as folder:
        base, out = Path(folder) / "base.jpg", Path(folder) / "out.jpg"
        base.write_bytes(jpeg)
        hdr_io.write(out, np.maximum(a @ matrix, 1e-4).reshape(raw.shape).astype(np.float32), base=base)
        return out.stat().st_size - len(jpeg), with_best_matrix(hdr_io.read(out)[..., :3], raw)


def ours(raw: np.ndarray, jpeg: bytes, bpp: float) -> tuple[int, np.ndarray]:
    """`hdrrecon.rawcodec`: growth of the whole file."""
    photo = container.embed(jpeg, codec.encode(raw, jpeg, bpp - _carrier(raw)))
    return len(photo) - len(jpeg), codec.decode(photo)


def _carrier(raw: np.ndarray) -> float:
    """Bits per pixel of the JPEG segment around a stream."""
    return 8 * len(container.embed(_SMALLEST_JPEG, b"")[len(_SMALLEST_JPEG) :]) / raw[..., 0].size


METHODS: dict[str, Method] = {
    "jpeg": jpeg_alone, "reconstruct": reconstructed, "map": global_map, "samples": samples, "content": content_samples,
    "dct": dct_residual, "jxl": jpeg_xl, "gainmap": gain_map, "rawcodec": ours,
}  # fmt: skip
WITHOUT_RATE = ("jpeg", "reconstruct", "map", "gainmap")


def _mapped(raw: np.ndarray, pixels: np.ndarray) -> tuple[int, np.ndarray]:
    """(bytes, light) of the global map."""
    from hdrrecon.rawcodec.base_coder import map_bits

    model = shipped_model()
    fit = BaseFitter(pixels, raw).fit(model.prior, local=False)
    levels = rounded_levels(model.prior, fit, _MAP_EXPONENT)
    size = map_bits(model.symbols.values, model.prior, levels, _MAP_EXPONENT) / 8
    return int(size) + 4 + _HEADER_BYTES, base_light(pixels, model.prior.coefficients(levels, _MAP_EXPONENT), None)


def _coded_bytes(symbols: np.ndarray) -> int:
    """Bytes of (n, columns) integers, each column with the table that suits it best, which one byte names."""
    tables = ValueTables(integer_frequencies(laplace_probabilities(_SCALES)))
    coder = Encoder()
    for column in symbols.T:
        if not column.any():
            continue
        spread = np.abs(column).mean()
        guess = int(np.clip(np.searchsorted(_SCALES, spread), 4, 60))
        choices = range(max(0, guess - 20), min(64, guess + 4))
        index = min(choices, key=lambda i: float(tables.bits(np.full(len(column), i), column).sum()))
        tables.put(coder, np.full(len(column), index), column)
    return len(coder.finish()[0])


def _sampled(rest: np.ndarray, pixels: np.ndarray, cell: int, step: float, content: bool) -> tuple[int, np.ndarray]:
    """(bytes, interpolated rest)."""
    height, width = rest.shape[:2]
    rows, columns = -(-height // cell), -(-width // cell)
    y = np.minimum(np.arange(rows)[:, None] * cell + cell // 2, height - 1) + np.zeros((1, columns), int)
    x = np.minimum(np.arange(columns)[None] * cell + cell // 2, width - 1) + np.zeros((rows, 1), int)
    size = 0.0
    if content:
        padded = np.full((rows * cell, columns * cell), -1.0)
        padded[:height, :width] = np.abs(rest).sum(-1)
        worst = padded.reshape(rows, cell, columns, cell).transpose(0, 2, 1, 3).reshape(rows, columns, -1).argmax(-1)
        y, x = np.arange(rows)[:, None] * cell + worst // cell, np.arange(columns)[None] * cell + worst % cell
        size = rows * columns * 2 * np.log2(cell) / 8
    symbols = np.round(rest[y, x] / step).astype(np.int64)
    size += _coded_bytes(symbols.reshape(-1, 3)) + 3
    values, colours = symbols.astype(np.float32) * np.float32(step), pixels[y, x].astype(np.float32)
    # Where no sample is near and alike, the map is believed; all the more where samples are the map's worst pixels.
    doubt, tolerance = (0.3, 12.0) if content else (0.02, 24.0)
    total, weights = np.zeros(rest.shape, np.float32), np.full((height, width, 1), doubt, np.float32)
    row, column = np.arange(height) // cell, np.arange(width) // cell
    code = pixels.astype(np.float32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            i, j = np.clip(row + dy, 0, rows - 1)[:, None], np.clip(column + dx, 0, columns - 1)[None]
            near = ((y[i, j] - np.arange(height)[:, None]) ** 2 + (x[i, j] - np.arange(width)[None]) ** 2) / cell**2
            alike = np.square(code - colours[i, j]).sum(-1) / tolerance**2
            weight = np.exp(-1.5 * near - alike).astype(np.float32)[..., None] + np.float32(1e-9)
            total, weights = total + weight * values[i, j], weights + weight
    return int(size) + 1, total / weights
