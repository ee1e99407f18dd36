"""PNG: 8 bits through Pillow, 16 bits through OpenCV; what the chunks say about colour and turn is read here.

Both decoders get the picture's own chunks only (IHDR, PLTE, tRNS, IDAT, IEND): what else a file carries is neither
unpacked by them nor able to stop them.

Source: PNG 3rd edition (W3C 2025), 4.3 (precedence: cICP, iCCP, sRGB, gAMA with cHRM) and 11.3; "Raw profile type"
is ImageMagick's way from before eXIf.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace

import numpy as np

from hdrrecon.color import matrix_between
from hdrrecon.io.code_points import profile_of_transfer
from hdrrecon.io.container import PngChunks, png_chunks
from hdrrecon.io.icc import Profile, ProfileError, profile_from_gamma
from hdrrecon.io.limits import DEFLATE_RATIO, check_holds, check_size
from hdrrecon.io.orientation import orientation_of
from hdrrecon.io.photo import Decoded, ReadError
from hdrrecon.io.pillow import decode_with_pillow
from hdrrecon.io.pq import HLG, PQ, PRIMARIES_BY_CODE, from_signal

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_MOST_PROFILE_BYTES, _MOST_TEXT_BYTES = 1 << 24, 1 << 22
_XMP = b"XML:com.adobe.xmp"


def decode_png(data: bytes, white_nits: float) -> Decoded:
    """A PNG with its facts. Raises ReadError: damaged, truncated or too large."""
    chunks = png_chunks(data)
    width, height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    check_size(width, height, len(data))
    check_holds("PNG", height * (width * depth * _CHANNELS.get(kind, 1) // 8), chunks.image_bytes, DEFLATE_RATIO)
    facts = _facts(chunks)
    pixels = chunks.only_picture()
    decoded = _deep_png(kind, pixels) if depth == 16 else decode_with_pillow("png", pixels)
    decoded = replace(decoded, **facts)
    cicp = chunks.get(b"cICP", b"")
    if len(cicp) != 4 or cicp[1] not in (PQ, HLG):
        return decoded
    light = from_signal(_unit(decoded.color), cicp[0], cicp[1], white_nits)
    alpha = None if decoded.alpha is None else _unit(decoded.alpha)
    return replace(decoded, color=light, alpha=alpha, to_rec709=None)


def _facts(chunks: PngChunks) -> dict:
    exif = chunks.get(b"eXIf") or _raw_profile(chunks, b"exif") or _raw_profile(chunks, b"APP1")
    xmp = _text(chunks, _XMP) or _raw_profile(chunks, b"xmp")
    facts = {"exif": exif, "xmp": xmp, "orientation": orientation_of(exif, xmp), "notes": chunks.notes}
    cicp = chunks.get(b"cICP", b"")
    if len(cicp) == 4:
        if cicp[0] in PRIMARIES_BY_CODE and cicp[0] != 1:
            facts["to_rec709"] = matrix_between(PRIMARIES_BY_CODE[cicp[0]], "rec709")
        facts["profile"] = profile_of_transfer(cicp[0], cicp[1])
    elif b"iCCP" in chunks:
        try:
            facts["icc"] = inflated(chunks[b"iCCP"].split(b"\0", 1)[1][1:], _MOST_PROFILE_BYTES)
        except (zlib.error, IndexError):
            facts["icc"] = b"damaged"  # met again, and warned about, where the profile is read
        except ValueError as error:
            facts["notes"] = (*chunks.notes, f"its ICC profile has {error} and is left out; sRGB is assumed")
    elif b"sRGB" not in chunks:
        facts["profile"], note = _declared(chunks)
        facts["notes"] = (*chunks.notes, *note)
    return facts


def _declared(chunks: PngChunks) -> tuple[Profile | None, tuple[str, ...]]:
    """The colour that gAMA and cHRM state, or None where there is neither, and a sentence where it is nonsense."""
    gamma = int.from_bytes(chunks.get(b"gAMA", b""), "big") / 100_000 if b"gAMA" in chunks else None
    places = None
    if len(chunks.get(b"cHRM", b"")) == 32:
        white, *primaries = np.reshape(struct.unpack(">8I", chunks[b"cHRM"]), (4, 2)) / 100_000
        places = (*primaries, white)
    if gamma is None and places is None:
        return None, ()
    try:
        return profile_from_gamma("PNG gAMA" if gamma else "PNG cHRM", gamma, places), ()
    except ProfileError as error:
        return None, (f"{error}; sRGB is assumed",)


def inflated(data: bytes, most_bytes: int) -> bytes:
    """zlib data unpacked. Raises zlib.error: damaged; ValueError: more than `most_bytes`."""
    stream = zlib.decompressobj()
    out = stream.decompress(data, most_bytes)
    if stream.unconsumed_tail:
        raise ValueError(f"more than {most_bytes} bytes")
    return out


def _text(chunks: PngChunks, keyword: bytes) -> bytes | None:
    """The text of this keyword in a tEXt, zTXt or iTXt chunk, or None."""
    for name, body in chunks.texts:
        key, _, rest = body.partition(b"\0")
        if key != keyword:
            continue
        try:
            if name == b"tEXt":
                return rest
            if name == b"zTXt":
                return inflated(rest[1:], _MOST_TEXT_BYTES)
            packed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[2]
            return inflated(text, _MOST_TEXT_BYTES) if packed else text
        except (zlib.error, ValueError, IndexError):
            continue
    return None


def _raw_profile(chunks: PngChunks, what: bytes) -> bytes | None:
    """A block of bytes that ImageMagick wrote as hexadecimal text: a name, its length, and the digits."""
    text = _text(chunks, b"Raw profile type " + what)
    found = re.match(rb"\s*\S+\s+(\d+)\s+([0-9A-Fa-f\s]*)", text or b"")
    if not found:
        return None
    try:
        return bytes.fromhex(found[2].decode("ascii"))[: int(found[1])]
    except ValueError:
        return None


def _deep_png(kind: int, data: bytes) -> Decoded:
    import cv2  # Pillow would keep the upper 8 of the 16 bits

    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.dtype != np.uint16:
        raise ReadError("the 16-bit PNG is damaged: it cannot be decoded")
    if pixels.ndim == 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    if kind in (0, 4) and pixels.ndim == 3:  # grey with alpha arrives as three equal channels
        pixels = pixels[..., [0, *range(3, pixels.shape[2])]]
    return Decoded.from_channels(pixels)


def _unit(codes: np.ndarray) -> np.ndarray:
    return codes.astype(np.float32) / np.float32(np.iinfo(codes.dtype).max)
