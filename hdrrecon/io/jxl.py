"""JPEG XL, HDR (PQ) and linear floats in, PQ out, through imagecodecs, `hdrrecon[hdrfiles]`.

The library codes the picture; what colours it has, the header says, see `jxl_header`. Integers that are not PQ are not
read: few photos are stored so, and PNG or AVIF carries them.
"""

from __future__ import annotations

import struct

import numpy as np

from hdrrecon.color import matrix_between
from hdrrecon.io.jxl_header import LINEAR, P3, UNIT_NITS, declared_pq, read_header, read_size
from hdrrecon.io.limits import check_size
from hdrrecon.io.mark import box_mark
from hdrrecon.io.optional import need
from hdrrecon.io.photo import Decoded, ReadError
from hdrrecon.io.pq import PQ, from_pq, to_pq

_DISTANCE = 0.5  # in just noticeable differences
_PRIMARIES = {1: "rec709", 9: "rec2020", P3: "p3"}


def encode_pq_jxl(image: np.ndarray, alpha: np.ndarray | None, white_nits: float, peak_nits: float) -> bytes:
    """Lossy PQ. Raises ModuleNotFoundError without `hdrrecon[hdrfiles]`."""
    imagecodecs = need("imagecodecs", "hdrfiles", "writing JPEG XL")
    # Through the codes and back, so that all PQ files bend and cut light alike.
    light = from_pq(to_pq(image, white_nits, peak_nits)[0] / np.float32(65535), "rec2020", UNIT_NITS)
    full = light if alpha is None else np.dstack([light, alpha])
    stream = declared_pq(imagecodecs.jpegxl_encode(np.ascontiguousarray(full), distance=_DISTANCE), peak_nits)
    return _boxed(stream) + box_mark()


def _boxed(stream: bytes) -> bytes:
    """A bare codestream in the container of 18181-2, which can hold more than the picture; what is boxed stays so."""
    if not stream.startswith(b"\xff\x0a"):
        return stream
    lead = b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    return lead + struct.pack(">I4s", 8 + len(stream), b"jxlc") + stream


def decode_jxl(data: bytes, white_nits: float) -> Decoded:
    """Linear Rec.709 light of PQ; floats as stored, if they are linear.

    Raises:
        ReadError: damaged, or neither of these.
    """
    imagecodecs = need("imagecodecs", "hdrfiles", "reading JPEG XL")
    try:
        header = read_header(data)
        check_size(*read_size(data), len(data))
        pixels = imagecodecs.jpegxl_decode(data, index=0)  # of an animation, its first frame
    except (RuntimeError, ValueError) as error:
        raise ReadError(f"the JPEG XL is damaged or truncated ({error})") from error
    floats = pixels.dtype.kind == "f"
    primaries, transfer = (header.primaries, header.transfer) if header else (1, LINEAR)
    whole = Decoded.from_channels(pixels.astype(np.float32) if floats else pixels)
    if transfer == PQ and primaries in _PRIMARIES:

        def unit(plane):
            return plane if floats else plane / np.float32(np.iinfo(pixels.dtype).max)

        light = from_pq(np.clip(unit(whole.color), 0, 1), _PRIMARIES[primaries], white_nits)
        return Decoded(light, None if whole.alpha is None else unit(whole.alpha))
    if not floats:
        raise ReadError(f"a JPEG XL of {pixels.dtype} is not supported, only PQ and floats are; convert it to PNG")
    if transfer != LINEAR:
        raise ReadError("a JPEG XL of floats that are not linear light is not supported; convert it to EXR")
    known = primaries in _PRIMARIES and primaries != 1
    return Decoded(
        whole.color, whole.alpha, to_rec709=matrix_between(_PRIMARIES[primaries], "rec709") if known else None
    )
