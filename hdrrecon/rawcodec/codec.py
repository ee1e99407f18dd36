"""Raw beside its JPEG: `encode` makes a stream of a few kilobytes, `decode` the raw from JPEG and stream.

Stage 0 is a global map with a coarse gain grid; what it leaves is transformed in blocks, rounded, and coded with the
integer networks of `latent_coder`; a small network beside the full JPEG cleans up. Only the integer part must agree
between machines.

Source: after Wang et al., "Beyond learned metadata-based raw image reconstruction" (IJCV 2024).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from hdrrecon.io.photo import file_bytes
from hdrrecon.io.pillow import opened
from hdrrecon.rawcodec import container
from hdrrecon.rawcodec.base_stage import decode_base, encode_base
from hdrrecon.rawcodec.bitstream import Header, read_header, write_chunk, write_header
from hdrrecon.rawcodec.errors import StreamError, StreamWarning
from hdrrecon.rawcodec.fit import base_light
from hdrrecon.rawcodec.guide import block_shape, guide_crc, jpeg_guide
from hdrrecon.rawcodec.latent_stage import (
    base_step,
    decode_latents,
    decodes_to,
    encode_latents,
    guide_inputs,
    search_step,
)
from hdrrecon.rawcodec.model import Model, shipped_model
from hdrrecon.rawcodec.pixel_stage import analyse, synthesise

LARGEST_SIDE = 65535


@dataclass(frozen=True)
class Decoded:
    """What came out of a stream.

    `raw` (H, W, 3) float32 linear camera RGB, 1 = the sensor clips; `error` (H/8, W/8) expected RMS error in the
    stabilised domain (`domain`); `passes` of 8 that were decoded; `description` of the raw file, if the stream has one.
    """

    raw: np.ndarray
    error: np.ndarray
    passes: int
    description: bytes


def encode(
    raw: np.ndarray,
    jpeg: bytes | str | PathLike,
    bpp: float = 0.02,
    *,
    description: bytes = b"",
    model: Model | None = None,
) -> bytes:
    """Write down what the JPEG lost of its raw.

    Args:
        raw: (H, W, 3) linear camera RGB in [0, 1], 1 = the sensor clips, in the JPEG's stored orientation.
        jpeg: file or bytes.
        bpp: bits of the whole stream per pixel; at least about 100 bytes are needed.
        description: bytes to carry along (`camera_raw.Description`).
        model: None: the one that ships.

    Returns:
        The stream, at most `bpp` bits per pixel but for a header that is as small as it can be.

    Raises:
        ValueError: raw and JPEG differ in size, or are not what they should be.
        ReadError: the JPEG cannot be read.
    """
    model = model or shipped_model()
    jpeg = _bytes(jpeg)
    pixels = jpeg_pixels(jpeg)
    raw = _checked_raw(raw, pixels.shape)
    if not 0 < bpp <= 64:
        raise ValueError(f"bpp is bits per pixel, above 0 and at most 64, not {bpp}")
    height, width = raw.shape[:2]
    budget = int(bpp * height * width / 8)
    guide = jpeg_guide(jpeg)
    header = Header(
        model.model_id,
        height,
        width,
        guide_crc(guide),
        container.picture_crc(jpeg),
        step=0,
        passes=0,
        map_exponent=0,
        description=description,
    )
    header, base, coefficients, grid = encode_base(model, header, pixels, raw, bpp)
    found = analyse(model, pixels, raw, coefficients, grid)
    head = len(write_header(header, base))
    planes = guide_inputs(guide, grid)
    room = max(0, budget - head)
    step = search_step(model, header, planes, found, room)
    while True:
        header = replace(header, step=step)
        chunks = encode_latents(model, header, planes, found)
        kept, size = [], 0
        for chunk in chunks:
            size += len(chunk)
            if size <= room:
                kept.append(chunk)
        if size <= room or step == 0:
            break
        step = max(0, step - max(1, int(8 * np.log2(size / max(room, 1)))))
    header = replace(header, passes=kept[-1].last + 1 if kept else 0)
    stream = write_header(header, base) + b"".join(map(write_chunk, kept))
    if not decodes_to(model, header, planes, stream, head, kept):
        raise RuntimeError(
            "the encoder could not read its own stream; report the photo, the machine and the numpy version"
        )
    return stream


def decode(jpeg: bytes | str | PathLike, stream: bytes | None = None, *, model: Model | None = None) -> np.ndarray:
    """The raw of a JPEG.

    Args:
        jpeg: file or bytes.
        stream: what `encode` returned; None: the one inside the JPEG or beside it (`photo.jpg.hdrraw`).

    Returns:
        (H, W, 3) float32 linear camera RGB, 1 = the sensor clips, in the JPEG's stored orientation.

    Raises:
        StreamError: there is no stream, or it is damaged at its beginning, too new, or of another photo.

    Warns:
        StreamWarning: the end of the stream is damaged or missing, so less of it was used.
    """
    return decode_full(jpeg, stream, model=model).raw


def decode_full(
    jpeg: bytes | str | PathLike, stream: bytes | None = None, *, stale: str = "refuse", model: Model | None = None
) -> Decoded:
    """`decode`, with what else the stream tells.

    Args:
        stale: when the JPEG is not the one that the stream was written for: "refuse", or "map" for the global map
            alone, with a warning.
    """
    data = _bytes(jpeg)
    stream = find_stream(jpeg, data) if stream is None else stream
    model = model or shipped_model()
    header, base, position = _readable_header(stream, model)
    pixels = jpeg_pixels(data)
    guide = _trusted_guide(header, pixels, data)
    if guide is None and stale != "map":
        raise StreamError(_why_stale(header, pixels.shape, data))
    coefficients, grid = decode_base(model, header, base)
    if guide is None:
        warnings.warn(
            f"{_why_stale(header, pixels.shape, data)}; only its global map is used", StreamWarning, stacklevel=2
        )
        rows, columns = block_shape(*pixels.shape[:2])
        error = np.full((rows, columns), 0.1, np.float32)  # linear to 10 or 20 percent
        return Decoded(base_light(pixels, coefficients, None), error, 0, header.description)
    latents, passes = decode_latents(model, header, guide_inputs(guide, grid), stream, position)
    raw = synthesise(model, header, pixels, coefficients, grid, latents)
    return Decoded(raw, np.sqrt(latents.error) * np.float32(base_step(header)), passes, header.description)


def passes_that_decode(jpeg: bytes, stream: bytes, *, model: Model | None = None) -> int:
    """How many of 8 passes of a stream decode with correct check sums; nothing is turned into pixels.

    Raises:
        StreamError: as `decode`.
    """
    model = model or shipped_model()
    header, base, position = _readable_header(stream, model)
    pixels = jpeg_pixels(jpeg)
    guide = _trusted_guide(header, pixels, jpeg)
    if guide is None:
        raise StreamError(_why_stale(header, pixels.shape, jpeg))
    _, grid = decode_base(model, header, base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StreamWarning)
        return decode_latents(model, header, guide_inputs(guide, grid), stream, position)[1]


def _readable_header(stream: bytes, model: Model) -> tuple[Header, bytes, int]:
    header, base, position = read_header(stream)
    if header.model != model.model_id:
        raise StreamError(
            f"this raw stream needs the model {header.model:08x}, here is {model.model_id:08x}; update hdrrecon"
        )
    return header, base, position


def _trusted_guide(header: Header, pixels: np.ndarray, jpeg: bytes) -> np.ndarray | None:
    """The guide of the JPEG that the stream was written for; None of any other."""
    if pixels.shape[:2] != (header.height, header.width):
        return None
    guide = jpeg_guide(jpeg)
    return guide if guide_crc(guide) == header.guide_crc else None


def find_stream(jpeg: bytes | str | PathLike, data: bytes | None = None) -> bytes:
    """The stream inside a JPEG, or in its side file.

    Raises:
        StreamError: there is none.
    """
    found = container.extract(data if data is not None else _bytes(jpeg))
    if found is not None:
        return found
    if not isinstance(jpeg, bytes) and (side := container.side_file(jpeg)).is_file():
        return side.read_bytes()
    raise StreamError("this JPEG carries no raw stream and has none beside it; make one with `hdrrecon raw pack`")


def _bytes(jpeg: bytes | str | PathLike) -> bytes:
    return bytes(jpeg) if isinstance(jpeg, bytes | bytearray | memoryview) else file_bytes(Path(jpeg))


def jpeg_pixels(jpeg: bytes) -> np.ndarray:
    """(H, W, 3) uint8 of a JPEG as stored, without its orientation applied."""
    container.picture_crc(jpeg)  # refuses what is no JPEG of a supported kind
    try:
        with opened("jpeg", jpeg) as image:  # whatever its size: Image.open stops at 179 megapixels
            if image.mode not in ("RGB", "L"):
                raise StreamError(
                    f"raw streams go with RGB and grey JPEGs, not with {image.mode}; convert the photo to sRGB"
                )
            if max(image.size) > LARGEST_SIDE:
                raise StreamError(f"raw streams go with photos of up to {LARGEST_SIDE} pixels a side, not {image.size}")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, StreamError):
            raise
        raise StreamError(f"the JPEG cannot be decoded ({error}); copy the file again") from error


def _checked_raw(raw: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    raw = np.asarray(raw)
    if raw.shape != shape or not np.issubdtype(raw.dtype, np.floating):
        raise ValueError(
            f"raw is (H, W, 3) float, as large as its JPEG {shape}; given were {raw.shape} {raw.dtype}; crop or "
            f"align first"
        )
    return np.clip(np.nan_to_num(raw.astype(np.float32, copy=False)), 0, 1)


def _why_stale(header: Header, shape: tuple[int, ...], jpeg: bytes) -> str:
    if shape[:2] != (header.height, header.width):
        return (
            f"this JPEG has {shape[1]} x {shape[0]} pixels, its raw stream was written for {header.width} x "
            f"{header.height}: "
            "it was cropped, resized, or is another photo"
        )
    if container.picture_crc(jpeg) == header.scan_crc:
        return (
            "this JPEG decoder gives other pixels than the one that wrote the raw stream; use a Pillow wheel "
            "(libjpeg-turbo)"
        )
    return "this JPEG's pixels are not those the raw stream was written for: it was edited or saved again"
