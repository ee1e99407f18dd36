"""The raw stream's bytes: header and chunks. Little-endian; written down for other decoders in docs/raw_stream.md."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

import numpy as np

from hdrrecon.rawcodec.base_coder import LEVELS
from hdrrecon.rawcodec.errors import StreamError

MAGIC = b"HRW1"
VERSION = 1
_HEADER = struct.Struct("<4sBBIHHIIBBBB")
_HAS_GRID, _HAS_DESCRIPTION = 1, 2
_KNOWN_FLAGS = _HAS_GRID | _HAS_DESCRIPTION


@dataclass(frozen=True)
class Header:
    """Everything a decoder has to know before the first chunk."""

    model: int  # CRC-32 of the entropy model
    height: int  # pixels of the JPEG as stored
    width: int
    guide_crc: int  # CRC-32 of the guide
    scan_crc: int  # CRC-32 of the JPEG's picture, see `container.picture_crc`
    step: int  # base step is 2**(-step / 32)
    passes: int  # of 8 that were written
    map_exponent: int  # map coefficients come in steps of 2**-map_exponent
    grid_exponent: int | None = None  # gains come in 2**-grid_exponent stops; None: there is no grid
    grid_bases: tuple[int, ...] = (0,) * LEVELS  # 0...15 each
    description: bytes = b""  # of the raw file, see camera_raw.Description


@dataclass(frozen=True)
class Chunk:
    """Coded latents of passes `first`...`last`."""

    first: int
    last: int
    lanes: int
    data: bytes
    crc: int  # of data and decoded symbols

    def __len__(self) -> int:
        return len(write_chunk(self))


def write_header(header: Header, base: bytes) -> bytes:
    """Header, coded stage 0, and a CRC-32 of both."""
    flags = _HAS_GRID * (header.grid_exponent is not None) | _HAS_DESCRIPTION * bool(header.description)
    out = _HEADER.pack(
        MAGIC, VERSION, flags, header.model, header.height, header.width, header.guide_crc, header.scan_crc,
        header.step, header.passes, header.map_exponent, header.grid_exponent or 0,
    )  # fmt: skip
    if header.grid_exponent is not None:
        nibbles = [*header.grid_bases, 0]
        out += bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    if header.description:
        out += _varint(len(header.description)) + header.description
    out += _varint(len(base)) + base
    return out + struct.pack("<I", zlib.crc32(out))


def read_header(stream: bytes) -> tuple[Header, bytes, int]:
    """(header, coded stage 0, position of the first chunk).

    Raises:
        StreamError: not a raw stream, of a newer version, truncated, or damaged.
    """
    if stream[:3] != MAGIC[:3]:
        raise StreamError(
            "this is no raw stream: its signature is missing; give what `rawcodec.encode` or `extract` returned"
        )
    if len(stream) < _HEADER.size:
        raise StreamError("the raw stream is truncated inside its header; copy the file again")
    magic, version, flags, model, height, width, guide, scan, step, passes, exponent, grid = _HEADER.unpack_from(stream)
    if magic != MAGIC or version > VERSION or flags & ~_KNOWN_FLAGS:
        raise StreamError(
            f"this raw stream is of version {version}, this hdrrecon reads up to {VERSION}; update hdrrecon"
        )
    header = Header(model, height, width, guide, scan, step, passes, exponent)
    position = _HEADER.size
    if flags & _HAS_GRID:
        packed = stream[position : position + 4].ljust(4, b"\0")
        header = replace(
            header, grid_exponent=grid, grid_bases=tuple(n for b in packed for n in (b & 15, b >> 4))[:LEVELS]
        )
        position += 4
    if flags & _HAS_DESCRIPTION:
        length, position = _read_varint(stream, position)
        header = replace(header, description=stream[position : position + length])
        position += length
    length, position = _read_varint(stream, position)
    base, position = stream[position : position + length], position + length
    if position + 4 > len(stream):
        raise StreamError("the raw stream is truncated inside its header; copy the file again")
    if struct.unpack_from("<I", stream, position)[0] != zlib.crc32(stream[:position]):
        raise StreamError("the raw stream is damaged: its header's check sum is wrong; copy the file again")
    return header, base, position + 4


def write_chunk(chunk: Chunk) -> bytes:
    passes = chunk.first | chunk.last << 4
    lanes = chunk.lanes.bit_length() - 1
    return struct.pack("<BB", passes, lanes) + _varint(len(chunk.data)) + struct.pack("<I", chunk.crc) + chunk.data


def read_chunk(stream: bytes, position: int) -> tuple[Chunk, int] | None:
    """The chunk at `position` and where the next begins; None when it is incomplete or nonsense."""
    try:
        passes, lanes = struct.unpack_from("<BB", stream, position)
        length, position = _read_varint(stream, position + 2)
        (crc,) = struct.unpack_from("<I", stream, position)
    except (struct.error, StreamError):
        return None
    data = stream[position + 4 : position + 4 + length]
    if len(data) < length or lanes > 8:
        return None
    return Chunk(passes & 15, passes >> 4, 1 << lanes, data, crc), position + 4 + length


def chunk_crc(data: bytes, symbols: list[np.ndarray]) -> int:
    """CRC-32 of a chunk's data followed by its symbols as little-endian 16-bit integers, in the order of coding."""
    crc = zlib.crc32(data)
    for part in symbols:
        crc = zlib.crc32(np.ascontiguousarray(part, "<i2").tobytes(), crc)
    return crc


def _varint(value: int) -> bytes:
    """Seven bits a byte, low ones first; the top bit says that more follow."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 35:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
    raise StreamError("the raw stream is truncated or damaged inside its header; copy the file again")
