"""Latents of one photo to chunks of the stream, and back."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from hdrrecon.rawcodec.analysis import Chooser, Target
from hdrrecon.rawcodec.base_stage import guessed_step
from hdrrecon.rawcodec.bitstream import Chunk, Header, chunk_crc, read_chunk
from hdrrecon.rawcodec.errors import StreamWarning
from hdrrecon.rawcodec.guide import BLOCK
from hdrrecon.rawcodec.latent_coder import PASS_COUNT, Latents, PassParameters, walk
from hdrrecon.rawcodec.local_gain import CELL
from hdrrecon.rawcodec.model import Model
from hdrrecon.rawcodec.rans import Decoder, Encoder

_CHUNK_BYTES = 600  # a chunk is closed when it has grown to this
_STEPS = 256


def base_step(header: Header) -> float:
    """Base step of the latents, in the stabilised domain."""
    return 2.0 ** (-header.step / 32)


def guide_inputs(guide: np.ndarray, grid: np.ndarray | None) -> np.ndarray:
    """(h, w, 23) int16 inputs of the guide network, the last one, the step, still 0."""
    _, rows, columns = guide.shape
    out = np.zeros((rows, columns, len(guide) + 2), np.int16)
    out[..., : len(guide)] = 4 * guide.transpose(1, 2, 0).astype(np.int16) - 512
    if grid is not None:
        cells = np.floor(grid * 32 + 0.5).astype(np.int64)  # exact: the grid's unit is a power of two
        whole = np.repeat(np.repeat(cells, CELL // BLOCK, 0), CELL // BLOCK, 1)[:rows, :columns]
        out[..., len(guide)] = 8 * np.clip(whole, -127, 127)
    return out


def with_step(planes: np.ndarray, header: Header) -> np.ndarray:
    planes[..., -1] = 4 * header.step - 512
    return planes


def _estimated_bytes(model: Model, header: Header, planes: np.ndarray, found: Target) -> float:
    total, choose = 0.0, Chooser(model, found, base_step(header))

    def code(group: int, index: int, parameters: PassParameters) -> np.ndarray:
        nonlocal total
        symbols = choose(group, parameters)
        total += model.symbols.bits(parameters.index, symbols)
        return symbols

    walk(with_step(planes, header), model.guide_nets, model.groups, model.rounding, code)
    return total / 8 + 24


def search_step(model: Model, header: Header, planes: np.ndarray, found: Target, room: int) -> int:
    """The finest step whose latents fit into `room` bytes: bisection begun with a secant."""
    low, high = -1, _STEPS  # fits (nothing coded), does not fit
    bpp = 8 * room / (header.height * header.width)
    trial = int(np.clip(-32 * np.log2(guessed_step(max(bpp, 1e-4))), 0, _STEPS - 1))
    for _ in range(7):
        size = _estimated_bytes(model, replace(header, step=trial), planes, found)
        if size <= room:
            low = trial
        else:
            high = trial
        if high - low <= 1 or (size <= room and size > 0.985 * room):
            break
        guess = trial - int(np.round(20 * np.log2(size / max(room, 1))))
        trial = int(np.clip(guess, low + 1, high - 1))
    return max(low, 0)


def encode_latents(model: Model, header: Header, planes: np.ndarray, found: Target) -> list[Chunk]:
    """All chunks, for `decodes_to` to verify."""
    chunks: list[Chunk] = []
    symbols_of: list[np.ndarray] = []
    coder, first, number, bits = Encoder(), 0, -1, 0.0
    choose = Chooser(model, found, base_step(header))

    def close(last: int) -> None:
        nonlocal coder, symbols_of, first, bits
        data, lanes = coder.finish()
        chunks.append(Chunk(first, last, lanes, data, chunk_crc(data, symbols_of)))
        coder, symbols_of, first, bits = Encoder(), [], last + 1, 0.0

    def code(group: int, index: int, parameters: PassParameters) -> np.ndarray:
        nonlocal number, bits
        number += 1
        symbols = choose(group, parameters)
        model.symbols.put(coder, parameters.index, symbols)
        symbols_of.append(symbols)
        bits += model.symbols.bits(parameters.index, symbols)
        if bits >= 8 * _CHUNK_BYTES or number == PASS_COUNT - 1:
            close(number)
        return symbols

    walk(with_step(planes, header), model.guide_nets, model.groups, model.rounding, code)
    return chunks


def decodes_to(
    model: Model, header: Header, planes: np.ndarray, stream: bytes, position: int, chunks: list[Chunk]
) -> bool:
    """Whether a stream decodes to the symbols of these chunks: their check sums say."""
    wanted = chunks[-1].last + 1 if chunks else 0
    _, reached, bad = _decode_once(model, header, planes, stream, position, wanted)
    return bad is None and reached == wanted


def decode_latents(
    model: Model, header: Header, planes: np.ndarray, stream: bytes, position: int
) -> tuple[Latents, int]:
    """Latents of all chunks that are whole, and how many passes that were."""
    whole, wanted = 0, PASS_COUNT
    while True:
        latents, reached, bad = _decode_once(model, header, planes, stream, position, wanted)
        if bad is None:
            break
        wanted = bad  # once more, without the chunk that is damaged and all behind it
    whole = reached
    if whole < header.passes:
        text = f"the raw stream is damaged or ends early: {whole} of {header.passes} passes are used"
        warnings.warn(text, StreamWarning, stacklevel=4)
    return latents, whole


def _decode_once(
    model: Model, header: Header, planes: np.ndarray, stream: bytes, position: int, wanted: int
) -> tuple[Latents, int, int | None]:
    """(latents, passes decoded, first pass of the chunk whose check sum is wrong or None)."""
    chunk: Chunk | None = None
    coder = Decoder(b"", 1)
    symbols_of: list[np.ndarray] = []
    number, bad = 0, None

    def code(group: int, index: int, parameters: PassParameters) -> np.ndarray | None:
        nonlocal chunk, coder, number, position, symbols_of, bad
        if number >= wanted:
            return None
        if chunk is None:
            found = read_chunk(stream, position)
            if found is None or found[0].first != number or found[0].last < number:
                return None
            chunk, position = found
            coder, symbols_of = Decoder(chunk.data, chunk.lanes), []
        symbols = model.symbols.get(coder, parameters.index)
        symbols_of.append(symbols)
        number += 1
        if number - 1 == chunk.last:
            if chunk_crc(chunk.data, symbols_of) != chunk.crc:
                bad = chunk.first
                return None
            chunk = None
        return symbols

    latents = walk(with_step(planes, header), model.guide_nets, model.groups, model.rounding, code)
    if bad is None and chunk is not None:  # it claims passes that do not exist
        bad = chunk.first
    return latents, number, bad
