"""HDR stills in the two systems of television, PQ and HLG: Rec.2020 primaries; as PNG with no extra.

Light is placed on the screen by `white_nits`: 1.0 becomes that many cd/m2 (203 is what ITU-R BT.2408 gives
to diffuse white). What would pass `peak_nits` is bent over the last stop below it (`headroom.shoulder`).
Saturated colours outside Rec.709 are kept, outside Rec.2020 they are cut. PQ says luminance itself; HLG says scene
light, which its display of 1000 cd/m2 shows with a gamma of 1.2 (the OOTF).

Sources: SMPTE ST 2084 and ITU-R BT.2100-2 tables 4 and 5 (PQ, HLG); ITU-T H.273 (code points 9 = Rec.2020, 16 = PQ,
18 = HLG); PNG third
edition (W3C 2025) for cICP, mDCV and cLLI; CTA-861.3 annex P for the light levels.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from hdrrecon.color import (
    D65,
    HLG_GAMMA,
    HLG_PEAK_NITS,
    PQ_PEAK_NITS,
    PRIMARIES,
    hlg_decode,
    hlg_encode,
    matrix_between,
    pq_decode,
    pq_encode,
    primaries_to_xyz,
)
from hdrrecon.io.headroom import shoulder
from hdrrecon.io.mark import png_mark
from hdrrecon.options import Transfer

WHITE_NITS = 203.0
PEAK_NITS = 1000.0
REC2020, PQ, HLG = 9, 16, 18
TRANSFER_CODES = {"pq": PQ, "hlg": HLG}  # ITU-T H.273 table 3
PRIMARIES_BY_CODE = {1: "rec709", 9: "rec2020", 12: "p3"}  # ITU-T H.273 table 2
_BAND_ROWS = 256  # so that a large picture needs little besides itself
_DARKEST = 1e-9  # luminance below which HLG's gamma is not followed to its pole at 0


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
    fitting = brightest * (1 - 1e-6)  # light exactly at the peak is not bent for a rounding error
    codes = np.empty(image.shape, np.uint16)
    levels = np.empty(image.shape[:2], np.float32)
    for rows in bands:
        nits = shoulder(np.maximum(image[rows] @ to_nits, 0), peak_nits, fitting)
        codes[rows] = np.rint(65535 * pq_encode(nits))
        levels[rows] = nits.max(axis=-1)
    return codes, float(levels.max()), float(levels.mean())


def to_hlg(image: np.ndarray, white_nits: float = WHITE_NITS, peak_nits: float = PEAK_NITS) -> np.ndarray:
    """Linear Rec.709 light as HLG codes, by the inverse OOTF of a display of 1000 cd/m2 and the OETF.

    Of saturated colours HLG holds less than of white: a strongest channel of 1000 * Y^0.2 cd/m2, Y the luminance of the
    colour whose strongest channel is 1. What would pass that is bent like what would pass `peak_nits`.

    Args:
        image: (H, W, 3) float32, finite, 1.0 = `white_nits`.
        white_nits: cd/m2, in (0, 1000].
        peak_nits: cd/m2, at least `white_nits`, at most 1000.

    Returns:
        (H, W, 3) uint16 codes of Rec.2020, full range.

    Raises:
        ValueError: `white_nits` or `peak_nits` out of range.
    """
    check_nits(white_nits, peak_nits, "hlg")
    to_nits = (white_nits * matrix_between("rec709", "rec2020").T).astype(np.float32)

    def light_and_limit(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        nits = np.maximum(image[rows] @ to_nits, 0)
        hue = nits / np.maximum(nits.max(axis=-1, keepdims=True), np.float32(_DARKEST))
        most = HLG_PEAK_NITS * np.maximum(_luminance(hue, "rec2020"), np.float32(_DARKEST)) ** (HLG_GAMMA - 1)
        return nits, np.minimum(most, np.float32(peak_nits))

    bands = [slice(top, top + _BAND_ROWS) for top in range(0, len(image), _BAND_ROWS)]
    fullest = max(float((nits / limit).max()) for nits, limit in map(light_and_limit, bands))
    fullest *= 1 - 1e-6  # rounding: white of 1000 cd/m2 fits
    codes = np.empty(image.shape, np.uint16)
    for rows in bands:
        nits, limit = light_and_limit(rows)
        display = shoulder(nits / limit, 1, fullest) * limit / np.float32(HLG_PEAK_NITS)
        luminance = np.maximum(_luminance(display, "rec2020"), np.float32(_DARKEST))
        codes[rows] = np.rint(65535 * hlg_encode(display * luminance ** (1 / HLG_GAMMA - 1)))
    return codes


def _luminance(rgb: np.ndarray, primaries: str) -> np.ndarray:
    """(H, W, 1) luminance of (H, W, 3) linear light in these primaries; grey is its own."""
    if rgb.shape[2] == 1:
        return rgb
    return rgb @ primaries_to_xyz(PRIMARIES[primaries])[1].astype(np.float32)[:, None]


def check_nits(white_nits: float, peak_nits: float, transfer: Transfer = "pq") -> None:
    """Raise ValueError for luminances that PQ, or HLG, cannot hold."""
    most = HLG_PEAK_NITS if transfer == "hlg" else PQ_PEAK_NITS
    if not 0 < white_nits <= peak_nits <= most:
        raise ValueError(
            f"wanted 0 < white_nits <= peak_nits <= {most:.0f} in {transfer.upper()}, "
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


def from_hlg(codes: np.ndarray, primaries: str, white_nits: float = WHITE_NITS) -> np.ndarray:
    """HLG codes as the linear Rec.709 light of a display of 1000 cd/m2; arguments and result as `from_pq`."""
    matrix = matrix_between(primaries, "rec709").T.astype(np.float32)
    light = np.empty(codes.shape, np.float32)
    for top in range(0, len(codes), _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        scene = hlg_decode(codes[rows])
        display = scene * _luminance(scene, primaries) ** (HLG_GAMMA - 1) * (HLG_PEAK_NITS / white_nits)
        light[rows] = display @ matrix if codes.shape[2] == 3 else display
    return light


def from_signal(codes: np.ndarray, primaries: int, transfer: int, white_nits: float) -> np.ndarray:
    """`from_pq` or `from_hlg`, by the ITU-T H.273 numbers of a file; of primaries that are not known, Rec.2020."""
    decode = from_hlg if transfer == HLG else from_pq
    return decode(codes, PRIMARIES_BY_CODE.get(primaries, "rec2020"), white_nits)


def to_signal(image: np.ndarray, white_nits: float, peak_nits: float, transfer: Transfer) -> np.ndarray:
    """The codes of `to_pq` or `to_hlg`."""
    return to_hlg(image, white_nits, peak_nits) if transfer == "hlg" else to_pq(image, white_nits, peak_nits)[0]


def encode_pq_png(
    image: np.ndarray,
    alpha: np.ndarray | None,
    white_nits: float = WHITE_NITS,
    peak_nits: float = PEAK_NITS,
    transfer: Transfer = "pq",
) -> bytes:
    """A 16-bit PNG, straight alpha, tagged PQ or HLG (cICP); PQ with mastering display (mDCV) and levels (cLLI)."""
    import cv2

    # Light levels and the mastering display are absolute, which HLG is not.
    levels = []
    if transfer == "hlg":
        codes = to_hlg(image, white_nits, peak_nits)
    else:
        codes, brightest, mean = to_pq(image, white_nits, peak_nits)
        places = [round(50_000 * v) for xy in (*PRIMARIES["rec2020"], D65) for v in xy]
        levels = [
            (b"mDCV", struct.pack(">8HII", *places, round(10_000 * peak_nits), 1)),
            (b"cLLI", struct.pack(">II", round(10_000 * brightest), round(10_000 * mean))),
        ]
    codes = codes[..., ::-1]
    if alpha is not None:
        codes = np.dstack([codes, alpha_codes(alpha)])
    ok, png = cv2.imencode(".png", np.ascontiguousarray(codes))
    if not ok:
        raise OSError("OpenCV could not encode the PNG")
    chunks = (
        (b"cICP", bytes([REC2020, TRANSFER_CODES[transfer], 0, 1])),  # RGB, full range
        *levels,
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
