"""HDR stills in the PQ system of television: Rec.2020 primaries, absolute luminance; as PNG with no extra.

Light is placed on the screen by `white_nits`: 1.0 becomes that many cd/m2 (203 is what ITU-R BT.2408 gives
to diffuse white). What would pass `peak_nits` is bent over the last stop below it (`headroom.shoulder`).
Saturated colours outside Rec.709 are kept, outside Rec.2020 they are cut.

Sources: SMPTE ST 2084 and ITU-R BT.2100 (PQ); ITU-T H.273 (code points 9 = Rec.2020, 16 = PQ); PNG third
edition (W3C 2025) for cICP, mDCV and cLLI; CTA-861.3 annex P for the light levels.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from hdrrecon.color import D65, PQ_PEAK_NITS, PRIMARIES, matrix_between, pq_decode, pq_encode
from hdrrecon.io.headroom import shoulder
from hdrrecon.io.mark import png_mark

WHITE_NITS = 203.0
PEAK_NITS = 1000.0
REC2020, PQ, HLG = 9, 16, 18
PRIMARIES_BY_CODE = {1: "rec709", 9: "rec2020", 12: "p3"}  # ITU-T H.273 table 2
_BAND_ROWS = 256  # so that a large picture needs little besides itself


def to_pq(
    image: np.ndarray,
    white_nits: float = WHITE_NITS,
    peak_nits: float = PEAK_NITS,
) -> tuple[np.ndarray, float, float]:
    """Linear Rec.709 light as PQ codes.

    Args:
        image: (H, W, 3) float32, finite, 1.0 = `white_nits`.
        white_nits: cd/m2, in (0, 10000].
        peak_nits: cd/m2, at least `white_nits`, at most 10000.

    Returns:
        (H, W, 3) uint16 codes of Rec.2020, full range; the brightest pixel and the mean in cd/m2 (MaxCLL and
        MaxFALL: of a pixel, its strongest channel counts).

    Raises:
        ValueError: `white_nits` or `peak_nits` out of range.
    """
    check_nits(white_nits, peak_nits)
    to_nits = (white_nits * matrix_between("rec709", "rec2020").T).astype(np.float32)
    bands = [slice(top, top + _BAND_ROWS) for top in range(0, len(image), _BAND_ROWS)]
    brightest = max(float((image[rows] @ to_nits).max()) for rows in bands)
    codes = np.empty(image.shape, np.uint16)
    levels = np.empty(image.shape[:2], np.float32)
    for rows in bands:
        nits = shoulder(np.maximum(image[rows] @ to_nits, 0), peak_nits, brightest)
        codes[rows] = np.rint(65535 * pq_encode(nits))
        levels[rows] = nits.max(axis=-1)
    return codes, float(levels.max()), float(levels.mean())


def check_nits(white_nits: float, peak_nits: float) -> None:
    """Raise ValueError for luminances that PQ cannot hold."""
    if not 0 < white_nits <= peak_nits <= PQ_PEAK_NITS:
        raise ValueError(
            f"wanted 0 < white_nits <= peak_nits <= {PQ_PEAK_NITS:.0f}, "
            f"got white_nits={white_nits:g} and peak_nits={peak_nits:g}"
        )


def from_pq(codes: np.ndarray, primaries: str, white_nits: float = WHITE_NITS) -> np.ndarray:
    """PQ codes as linear Rec.709 light, the inverse of `to_pq` but for its shoulder.

    Args:
        codes: (H, W, C) floats in [0, 1]; C = 3, or 1 for grey.
        primaries: a name of `color.PRIMARIES`. Colours outside Rec.709 have negative components.
        white_nits: cd/m2 that become 1.0.
    """
    matrix = matrix_between(primaries, "rec709").T.astype(np.float32)
    light = np.empty(codes.shape, np.float32)
    for top in range(0, len(codes), _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        nits = pq_decode(codes[rows]) / white_nits
        light[rows] = nits @ matrix if codes.shape[2] == 3 else nits
    return light


def encode_pq_png(
    image: np.ndarray,
    alpha: np.ndarray | None,
    white_nits: float = WHITE_NITS,
    peak_nits: float = PEAK_NITS,
) -> bytes:
    """A 16-bit PNG, straight alpha, tagged PQ (cICP), with mastering display (mDCV) and light levels (cLLI)."""
    import cv2

    codes, brightest, mean = to_pq(image, white_nits, peak_nits)
    codes = codes[..., ::-1]
    if alpha is not None:
        codes = np.dstack([codes, alpha_codes(alpha)])
    ok, png = cv2.imencode(".png", np.ascontiguousarray(codes))
    if not ok:
        raise OSError("OpenCV could not encode the PNG")
    places = [round(50_000 * v) for xy in (*PRIMARIES["rec2020"], D65) for v in xy]
    chunks = (
        (b"cICP", bytes([REC2020, PQ, 0, 1])),  # RGB, full range
        (b"mDCV", struct.pack(">8HII", *places, round(10_000 * peak_nits), 1)),
        (b"cLLI", struct.pack(">II", round(10_000 * brightest), round(10_000 * mean))),
        (b"tEXt", png_mark()),
    )
    png = png.tobytes()
    header = 33  # the signature and IHDR; colour chunks come right behind
    return png[:header] + b"".join(_chunk(*c) for c in chunks) + png[header:]


def alpha_codes(alpha: np.ndarray) -> np.ndarray:
    """(H, W) floats as uint16, cut to [0, 1]."""
    return np.rint(65535 * np.clip(alpha, 0, 1)).astype(np.uint16)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
