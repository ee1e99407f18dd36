"""AVIF and HEIC, photos in and HDR (PQ, HLG) in and out; both are boxes of the ISO base media format.

AVIF photos of 8 bits come through Pillow; deeper ones and HDR through imagecodecs, `hdrrecon[hdrfiles]`.
HEIC comes through pillow-heif, `hdrrecon[phone]`, which also turns it upright. Turn, profile, EXIF and XMP of AVIF are
read from its boxes (`boxes`), because no two of these libraries hand out the same.

Sources: ISO 23008-12 (HEIF), 12.1.5 for `colr`; AV1 image format 1.1 (aomedia.org) and its `av1C` box.
"""

from __future__ import annotations

import io

import numpy as np

from hdrrecon.color import matrix_between
from hdrrecon.io.alpha import divided
from hdrrecon.io.boxes import PrimaryItem, primary_item
from hdrrecon.io.code_points import profile_of_transfer
from hdrrecon.io.exif import is_sound
from hdrrecon.io.limits import check_size
from hdrrecon.io.mark import box_mark
from hdrrecon.io.optional import need
from hdrrecon.io.orientation import orientation_of
from hdrrecon.io.photo import Decoded, ReadError
from hdrrecon.io.pillow import decode_with_pillow
from hdrrecon.io.pq import HLG, PQ, PRIMARIES_BY_CODE, REC2020, TRANSFER_CODES, alpha_codes, from_signal, to_signal
from hdrrecon.options import Transfer

_QUALITY = 90
_SRGB_LIKE = (1, 2, 6, 13)  # BT.709, unspecified, BT.601, sRGB: in practice all are displayed as sRGB


def decode_avif(data: bytes, white_nits: float) -> Decoded:
    """The primary picture. Of a sequence that is its still, the first frame as a rule.

    Raises ReadError: damaged.
    """
    item = primary_item(data) or PrimaryItem()
    if data[8:12] == b"avis" and item.size:
        # As a still: imagecodecs 2026.3 corrupts its memory when asked for one frame of a sequence.
        data = data[:8] + b"avif" + data[12:]
    if item.size:
        check_size(*item.size, len(data))
    if item.coded_size and item.coded_size != item.size:
        raise ReadError(
            f"the AVIF is damaged: it claims {item.size} pixels (width, height), its picture has {item.coded_size}"
        )
    if item.exif and not is_sound(item.exif):
        data = data.replace(b"Exif\0", b"skip\0", 1)  # Pillow would unpack it, asked or not
    bits = item.bits or _first_av1c_bits(data)
    primaries, transfer = item.nclx or (2, 2)
    facts = {"orientation": _orientation(item), "exif": item.exif, "icc": item.icc, "xmp": item.xmp}
    if bits == 8 and transfer not in (PQ, HLG):
        decoded = decode_with_pillow("avif", data)
        return _photo(decoded.color, decoded.alpha, primaries, transfer, **facts)
    imagecodecs = need("imagecodecs", "hdrfiles", f"reading {bits}-bit AVIF")
    try:
        pixels = imagecodecs.avif_decode(data)
    except RuntimeError as error:
        raise ReadError(f"the AVIF is damaged or truncated ({error})") from error
    return _deep(_first_frame(pixels), 2**bits - 1, primaries, transfer, white_nits, **facts)


def decode_heic(data: bytes, white_nits: float) -> Decoded:
    """The primary picture; `irot` and `imir` are applied by the library. Raises ReadError: damaged."""
    item = primary_item(data) or PrimaryItem()
    if item.size:
        check_size(*item.size, len(data))
    pillow_heif = need("pillow_heif", "phone", "reading HEIC")
    try:
        image = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
        pixels, mode = np.array(image), image.mode
    except (OSError, ValueError, EOFError, RuntimeError, SyntaxError, LookupError) as error:
        raise ReadError(f"the HEIC is damaged or truncated ({error})") from error
    exif = image.info.get("exif") or item.exif
    facts = {
        "orientation": orientation_of(exif) if item.turn is None else 1,
        "exif": exif,
        "icc": image.info.get("icc_profile") or item.icc,
        "xmp": image.info.get("xmp") or item.xmp,
    }
    nclx = image.info.get("nclx_profile") or {}
    primaries, transfer = item.nclx or (nclx.get("color_primaries", 2), nclx.get("transfer_characteristics", 2))
    if mode.split(";")[0][-1:] == "a":  # stored multiplied by alpha
        pixels = np.dstack([divided(pixels[..., :-1], pixels[..., -1]), pixels[..., -1]])
    if pixels.dtype == np.uint16:  # scaled to 16 bits by the library
        return _deep(pixels, 65535, primaries, transfer, white_nits, **facts)
    if transfer in (PQ, HLG):
        return _deep(pixels, 255, primaries, transfer, white_nits, **facts)
    whole = Decoded.from_channels(pixels)
    return _photo(whole.color, whole.alpha, primaries, transfer, **facts)


def _orientation(item: PrimaryItem) -> int:
    """The turn that the boxes say; where they say none, that of EXIF."""
    return orientation_of(item.exif) if item.turn is None else item.turn


def _first_frame(pixels: np.ndarray) -> np.ndarray:
    return pixels[0] if pixels.ndim == 4 else pixels


def encode_pq_avif(
    image: np.ndarray, alpha: np.ndarray | None, white_nits: float, peak_nits: float, transfer: Transfer = "pq"
) -> bytes:
    """12-bit 4:4:4 PQ or HLG. Raises ModuleNotFoundError without `hdrrecon[hdrfiles]`."""
    imagecodecs = need("imagecodecs", "hdrfiles", "writing AVIF")
    codes = _with_alpha(to_signal(image, white_nits, peak_nits, transfer), alpha)
    twelve = np.rint(codes * np.float32(4095 / 65535)).astype(np.uint16)
    avif = imagecodecs.avif_encode(
        np.ascontiguousarray(twelve),
        _QUALITY,
        speed=6,
        bitspersample=12,
        pixelformat="444",
        primaries=REC2020,
        transfer=TRANSFER_CODES[transfer],
        matrix=REC2020,
    )
    return bytes(avif) + box_mark()


def encode_pq_heic(
    image: np.ndarray, alpha: np.ndarray | None, white_nits: float, peak_nits: float, transfer: Transfer = "pq"
) -> bytes:
    """10-bit 4:4:4 PQ or HLG. Raises ModuleNotFoundError without `hdrrecon[phone]`."""
    pillow_heif = need("pillow_heif", "phone", "writing HEIC")
    codes = _with_alpha(to_signal(image, white_nits, peak_nits, transfer), alpha)
    height, width, channels = codes.shape
    file = io.BytesIO()
    heif = pillow_heif.from_bytes({3: "RGB;16", 4: "RGBA;16"}[channels], (width, height), codes.tobytes())
    heif.save(
        file,
        quality=_QUALITY,
        chroma=444,
        color_primaries=REC2020,
        transfer_characteristics=TRANSFER_CODES[transfer],
        matrix_coefficients=REC2020,
        full_range_flag=1,
    )
    return file.getvalue() + box_mark()


def _with_alpha(codes: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    return codes if alpha is None else np.dstack([codes, alpha_codes(alpha)])


def _deep(pixels: np.ndarray, top: int, primaries: int, transfer: int, white_nits: float, **facts) -> Decoded:
    """PixelCodes of more than 8 bits, 0 to `top`, or of HDR: PQ and HLG become light, the rest 16-bit codes."""
    whole = Decoded.from_channels(pixels)
    if transfer not in (PQ, HLG):
        codes = np.rint(pixels * np.float32(65535 / top)).astype(np.uint16)
        whole = Decoded.from_channels(codes)
        return _photo(whole.color, whole.alpha, primaries, transfer, **facts)

    def unit(plane):
        return plane.astype(np.float32) / np.float32(top)

    light = from_signal(unit(whole.color), primaries, transfer, white_nits)
    return Decoded(light, None if whole.alpha is None else unit(whole.alpha), **{**facts, "icc": None})


def _photo(color, alpha, primaries: int, transfer: int, **facts) -> Decoded:
    if not facts.get("icc"):
        facts["profile"] = profile_of_transfer(primaries, transfer)
        if transfer in _SRGB_LIKE and primaries in (9, 12):
            facts["to_rec709"] = matrix_between(PRIMARIES_BY_CODE[primaries], "rec709")
    return Decoded(color, alpha, **facts)


def _first_av1c_bits(data: bytes) -> int:
    """Bits per channel by the first `av1C` box, where the boxes cannot be followed to the primary picture."""
    at = data.find(b"av1C")
    if at < 0 or at + 7 > len(data):
        raise ReadError("the AVIF is damaged or truncated: it has no av1C box")
    high, twelve = data[at + 6] & 0x40, data[at + 6] & 0x20
    return 12 if high and twelve else 10 if high else 8
