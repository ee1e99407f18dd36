"""Files for the tests, made here so that nothing binary is kept: pictures, ICC profiles, PNG chunks."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import numpy as np
from PIL import Image

# The XYZ columns of red, green and blue, adapted to D50, as in the profiles of phones.
P3_D50 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
D50 = (0.9642, 1.0, 0.8249)
SRGB_PARA = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def picture(height: int = 24, width: int = 40, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8, smooth, no two sides alike, with black and white in it."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    noise = np.random.default_rng(seed).normal(0, 2, (height, width, 3))
    image = np.stack([255 * x, 200 * y + 55 * x, 255 * (1 - x) * (1 - y)], -1) + noise
    image[0, 0], image[-1, -1] = 0, 255
    return np.clip(image, 0, 255).astype(np.uint8)


def deep_picture(height: int = 24, width: int = 40, channels: int = 3) -> np.ndarray:
    """uint16 that no 8-bit path can carry: every low byte occurs."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(1).integers(0, 65536, shape, dtype=np.uint16)


def light(height: int = 24, width: int = 40) -> np.ndarray:
    """(H, W, 3) float32 over twenty stops."""
    return np.exp2(np.random.default_rng(2).uniform(-10, 10, (height, width, 3))).astype(np.float32)


def encode(pixels, kind: str, mode: str | None = None, **options) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def jpeg(pixels, **options) -> bytes:
    return encode(pixels, "JPEG", **{"quality": 95, "subsampling": 0, **options})


def exif_with(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def with_png_chunk(png: bytes, name: bytes, body: bytes) -> bytes:
    """The chunk right after the header, where the colour chunks belong."""
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return png[:33] + chunk + png[33:]


def para(*values: float) -> bytes:
    kind = {1: 0, 3: 1, 4: 2, 5: 3, 7: 4}[len(values)]
    return b"para" + struct.pack(">IHH", 0, kind, 0) + b"".join(_fixed(v) for v in values)


def curv(*table: int) -> bytes:
    return b"curv" + struct.pack(f">II{len(table)}H", 0, len(table), *table)


def icc(curves, columns=P3_D50, space: bytes = b"RGB ", name: str = "test profile") -> bytes:
    """A version 4 display profile: matrix and curves for "RGB ", one curve for "GRAY"."""
    tags = {b"wtpt": _xyz(D50), b"desc": _mluc(name), b"cprt": _mluc("CC0")}
    if space == b"GRAY":
        tags[b"kTRC"] = curves
    else:
        curves = curves if isinstance(curves, tuple) else (curves,) * 3
        for letter, column, curve in zip(b"rgb", columns, curves, strict=True):
            tags[bytes([letter]) + b"XYZ"], tags[bytes([letter]) + b"TRC"] = _xyz(column), curve
    return _profile(tags, space, b"XYZ ")


def table_icc(space: bytes) -> bytes:
    """A profile of the table kind, "RGB " or "CMYK": corners of a colour cube in 8-bit Lab (type mft1)."""
    inputs = {b"RGB ": 3, b"CMYK": 4}[space]
    corners = b""
    for corner in itertools.product((0.0, 1.0), repeat=inputs):
        rgb = np.array(corner) if inputs == 3 else (1 - np.array(corner[:3])) * (1 - corner[3])
        lightness, a, b = rgb.mean(), (rgb[0] - rgb[1]) / 4, (rgb[1] - rgb[2]) / 4
        corners += bytes([round(255 * lightness), round(128 + 127 * a), round(128 + 127 * b)])
    identity = b"".join(map(_fixed, np.eye(3).ravel()))
    ramps = bytes(range(256))
    mft1 = b"mft1" + bytes(4) + bytes([inputs, 3, 2, 0]) + identity + ramps * inputs + corners + ramps * 3
    tags = {b"wtpt": _xyz(D50), b"desc": _mluc("table"), b"cprt": _mluc("CC0"), b"A2B0": mft1}
    return _profile(tags, space, b"Lab ")


def _profile(tags: dict[bytes, bytes], space: bytes, connection: bytes) -> bytes:
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        value += bytes(-len(value) % 4)
        table += struct.pack(">4sII", tag, start + len(body), len(value))
        body += value
    size = start + len(body)
    header = struct.pack(">I4xI4s4s4s12x4s28x", size, 0x04300000, b"mntr", space, connection, b"acsp")
    header += b"".join(map(_fixed, D50))
    return header.ljust(128, b"\0") + table + body


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _mluc(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(encoded), 28) + encoded


def with_avif_properties(avif: bytes, *properties: tuple[bytes, bytes]) -> bytes:
    """A one-picture AVIF whose primary item has these further properties (kind, body), such as irot and colr."""
    boxes = b"".join(struct.pack(">I4s", 8 + len(body), kind) + body for kind, body in properties)
    ipco = avif.index(b"ipco") - 4
    ipco_end = ipco + int.from_bytes(avif[ipco : ipco + 4], "big")
    ipma = avif.index(b"ipma") - 4
    count_at = ipma + 8 + 4 + 4 + 2  # version and flags, entry count, item number
    before = _number_of_boxes(avif[ipco + 8 : ipco_end])
    essential = {b"irot": 0x80, b"imir": 0x80}
    indices = bytes(before + 1 + i | essential.get(kind, 0) for i, (kind, _) in enumerate(properties))
    entry_end = count_at + 1 + avif[count_at]
    grown = len(boxes) + len(indices)
    out = bytearray(
        avif[:ipco_end]
        + boxes
        + avif[ipco_end:count_at]
        + bytes([avif[count_at] + len(properties)])
        + avif[count_at + 1 : entry_end]
        + indices
        + avif[entry_end:]
    )
    for kind, more in ((b"meta", grown), (b"iprp", grown), (b"ipco", len(boxes)), (b"ipma", len(indices))):
        at = out.index(kind) - 4
        out[at : at + 4] = struct.pack(">I", int.from_bytes(out[at : at + 4], "big") + more)
    extent = out.index(b"iloc") + 4 + 4 + 2 + 2 + 2 + 2 + 2  # to the first extent's offset, of 4 bytes
    out[extent : extent + 4] = struct.pack(">I", int.from_bytes(out[extent : extent + 4], "big") + grown)
    return bytes(out)


def _number_of_boxes(data: bytes) -> int:
    count, at = 0, 0
    while at + 8 <= len(data):
        at, count = at + int.from_bytes(data[at : at + 4], "big"), count + 1
    return count
