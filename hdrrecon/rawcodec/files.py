"""Raw streams from file to file: what `hdrrecon raw pack`, `unpack` and `info` do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from hdrrecon.io.atomic import atomic_write
from hdrrecon.io.photo import file_bytes
from hdrrecon.io.pillow import opened
from hdrrecon.rawcodec import container
from hdrrecon.rawcodec.align import aligned
from hdrrecon.rawcodec.bitstream import read_chunk, read_header
from hdrrecon.rawcodec.camera_raw import CameraRaw, develop, read_camera_raw
from hdrrecon.rawcodec.codec import decode_full, encode, find_stream, passes_that_decode
from hdrrecon.rawcodec.description import Description, fitted_description, jpeg_white
from hdrrecon.rawcodec.dng import encode_dng
from hdrrecon.rawcodec.errors import StreamError

OUTPUTS = (".dng", ".tif", ".tiff", ".exr")


@dataclass(frozen=True)
class Packed:
    """What `pack` wrote: the JPEG, the side file if there is one, bytes of the stream, and bits per pixel."""

    jpeg: Path
    side: Path | None
    stream_bytes: int
    bpp: float


def pack(
    raw: str | PathLike,
    jpeg: str | PathLike | None,
    out: str | PathLike,
    *,
    bpp: float = 0.02,
    exposure: float = 0.0,
    beside: bool = False,
) -> Packed:
    """Put the raw of a photo into its JPEG.

    Args:
        raw: camera raw file.
        jpeg: the JPEG that the camera made of it; None develops one.
        out: the JPEG to write; its picture is that of `jpeg`, byte for byte.
        bpp: bits per pixel of the stream.
        exposure: stops, for a JPEG developed here.
        beside: write the stream to `out`.hdrraw in place of into the JPEG.

    Raises:
        ReadError, AlignmentError, OSError: files that cannot be read, do not belong together, or cannot be written.
    """
    photo = read_camera_raw(raw)
    if jpeg is None:
        data, light = develop(photo, exposure), photo.light
    else:
        data = file_bytes(Path(jpeg))
        photo = _as_jpeg_lies(photo, data)
        light = aligned(photo.light, _decoded(data))
    pixels = _decoded(data)
    facts = photo.description
    facts = replace(facts, jpeg_white=jpeg_white(light, pixels, facts))
    stream = encode(light, data, bpp, description=bytes(facts))
    out = Path(out)
    side = container.side_file(out) if beside else None
    with atomic_write(out) as temporary:
        temporary.write_bytes(container.remove(data) if beside else container.embed(data, stream))
    if side is not None:
        with atomic_write(side) as temporary:
            temporary.write_bytes(stream)
    return Packed(out, side, len(stream), 8 * len(stream) / (pixels.shape[0] * pixels.shape[1]))


def unpack(jpeg: str | PathLike, out: str | PathLike, *, stale: str = "refuse") -> Path:
    """Write the raw of a JPEG as .dng (camera RGB, for raw developers), .exr or .tif (linear Rec.709, 1 = where the
    JPEG clips).

    Raises:
        StreamError: no stream, a damaged one, or one of another photo (`stale="map"` then takes its global map).
        ValueError: an extension that is none of these.
    """
    from hdrrecon import io as hdr_io

    out = Path(out)
    suffix = out.suffix.lower()
    if suffix not in OUTPUTS:
        raise ValueError(f"raw is written as {', '.join(OUTPUTS)}, not as {suffix or 'a file without extension'}")
    found = decode_full(jpeg, stale=stale)
    facts = Description.parse(found.description) or fitted_description(found.raw, _decoded(file_bytes(Path(jpeg))))
    if suffix == ".dng":
        data = encode_dng(found.raw, facts)
        with atomic_write(out) as temporary:
            temporary.write_bytes(data)
        return out
    return hdr_io.write(out, upright_rec709(found.raw, facts))


def upright_rec709(raw: np.ndarray, facts: Description) -> np.ndarray:
    """(H, W, 3) camera RGB -> linear Rec.709, 1 = the level at which the JPEG clips, turned as the photo is shown."""
    from hdrrecon.io.orientation import upright

    return np.ascontiguousarray(upright(facts.balanced(raw) / np.float32(facts.jpeg_white), facts.orientation))


def info(jpeg: str | PathLike) -> list[str]:
    """What a JPEG's raw stream is, in lines for people.

    Raises:
        StreamError: there is none, or its header is damaged.
    """
    from hdrrecon.rawcodec.guide import guide_crc, jpeg_guide

    data = file_bytes(Path(jpeg))
    stream = find_stream(jpeg, data)
    header, base, position = read_header(stream)
    size = header.height * header.width
    lines = [
        f"raw stream: {len(stream)} bytes, {8 * len(stream) / size:.4f} bits per pixel, "
        f"{100 * len(stream) / len(container.remove(data)):.2f} % of the JPEG",
        f"for {header.width} x {header.height} pixels, model {header.model:08x}",
        f"global map and gains: {len(base)} bytes; step {2 ** (-header.step / 32):.4f}",
    ]
    chunks = []
    while (found := read_chunk(stream, position)) is not None:
        chunks.append(f"passes {found[0].first + 1}-{found[0].last + 1}: {len(found[0].data)} bytes")
        position = found[1]
    lines.append("; ".join(chunks) or "no latents")
    facts = Description.parse(header.description)
    if facts is not None:
        gains = ", ".join(f"{g:.3f}" for g in facts.gains)
        lines.append(f"raw file: black {facts.black}, white {facts.white}, {facts.pattern}, white balance {gains}")
        lines.append(
            f"the sensor holds {-np.log2(facts.jpeg_white * min(1, *facts.gains)):.1f} stops above the JPEG's white"
        )
    same = guide_crc(jpeg_guide(data)) == header.guide_crc
    lines.append("belongs to this picture" if same else "does NOT belong to this picture: it was edited or saved again")
    return lines


def summary(jpeg: str | PathLike) -> str | None:
    """One line on a photo's raw stream for people, or None where there is none. Every chunk is decoded and checked."""
    if not container.has_stream(jpeg):
        return None
    data = file_bytes(Path(jpeg))
    try:
        stream = find_stream(jpeg, data)
        header, _, position = read_header(stream)
        chunks = 0
        while (found := read_chunk(stream, position)) is not None:
            chunks, position = chunks + 1, found[1]
        size = f"{len(stream)} bytes, {8 * len(stream) / (header.height * header.width):.4f} bits per pixel"
        passes = passes_that_decode(data, stream)
    except StreamError as error:
        return f"not valid: {error}"
    state = "valid" if passes == header.passes else f"damaged, {passes} of {header.passes} passes decode"
    return f"{state}: {size}, {chunks} chunk{'s' * (chunks != 1)}"


def _decoded(jpeg: bytes) -> np.ndarray:
    with opened("jpeg", jpeg) as image:
        return np.asarray(image.convert("RGB"))


def _as_jpeg_lies(photo: CameraRaw, jpeg: bytes) -> CameraRaw:
    """Turn the raw as the JPEG's pixels are stored: cameras store them as the sensor lay, editors upright."""
    from hdrrecon.io.orientation import orientation_of, upright

    with opened("jpeg", jpeg) as image:
        orientation = orientation_of(image.info.get("exif"))
        width, height = image.size
    facts = photo.description
    if orientation == facts.orientation or facts.orientation == 1:
        return CameraRaw(photo.light, replace(facts, orientation=orientation))
    turned = np.ascontiguousarray(upright(photo.light, facts.orientation))
    if (turned.shape[0] > turned.shape[1]) == (height > width) and orientation == 1:
        return CameraRaw(turned, replace(facts, orientation=1))
    raise StreamError(
        f"the raw is turned by EXIF orientation {facts.orientation}, its JPEG by {orientation}; give the JPEG as "
        f"the camera wrote it"
    )
