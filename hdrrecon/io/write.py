"""Writing HDR images: light (.exr, .hdr, .tif, .npy) or pictures for HDR displays, whole or not at all."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hdrrecon.io.atomic import atomic_write
from hdrrecon.io.exr import HALF_MAX, exr_channels, exr_header, to_primaries, write_exr
from hdrrecon.io.heif import encode_pq_avif, encode_pq_heic
from hdrrecon.io.jxl import encode_pq_jxl
from hdrrecon.io.optional import need
from hdrrecon.io.photo import ULTRA_HDR_SUFFIXES
from hdrrecon.io.pq import PEAK_NITS, WHITE_NITS, check_nits, encode_pq_png
from hdrrecon.io.radiance import encode_hdr
from hdrrecon.io.tiff import encode_float_tiff
from hdrrecon.io.ultrahdr_base import check_gain, lay_on
from hdrrecon.options import Compression, Primaries, Transfer, check_transfer

_HLG_ENCODERS = {".png": encode_pq_png, ".avif": encode_pq_avif, ".heic": encode_pq_heic}  # of PQ as well
_PQ_ENCODERS = {**_HLG_ENCODERS, ".jxl": encode_pq_jxl}
WRITABLE = frozenset((".exr", ".hdr", ".tif", ".tiff", ".npy", *ULTRA_HDR_SUFFIXES, *_PQ_ENCODERS))
_HOLDERS = {  # which formats can hold what an option says
    **dict.fromkeys(("confidence", "envmap", "attributes"), (".exr",)),
    "primaries": (".exr",),
    "white_nits": (".exr", *_PQ_ENCODERS),
    "peak_nits": (*_PQ_ENCODERS,),
    "transfer": (*_HLG_ENCODERS,),
    **dict.fromkeys(("base", "headroom_stops", "gain_channels", "replace_gain_map"), ULTRA_HDR_SUFFIXES),
}


_HDRFILES, _PHONE = ("imagecodecs", "hdrfiles"), ("pillow_heif", "phone")
_EXTRAS = {".avif": _HDRFILES, ".jxl": _HDRFILES, ".heic": _PHONE}


def write(
    path: str | Path,
    image: np.ndarray,
    *,
    alpha: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    dtype: Literal["half", "float"] = "half",
    compression: Compression = "piz",
    primaries: Primaries = "rec709",
    white_nits: float | None = None,
    peak_nits: float | None = None,
    transfer: Transfer = "pq",
    envmap: Literal["latlong"] | None = None,
    attributes: dict[str, Any] | None = None,
    base: str | Path | None = None,
    headroom_stops: float | None = None,
    gain_channels: Literal[1, 3] | None = None,
    replace_gain_map: bool = False,
) -> Path:
    """Write a linear HDR image; the extension chooses the format.

    ======== ================================ ====================== =========================================
    .exr     half or float, Rec.709 tagged    alpha, confidence      negatives kept
    .tif     float32, uncompressed            alpha                  negatives kept
    .npy     float32                          alpha as 4th channel   negatives kept
    .hdr     8 bits and a shared exponent     no alpha (a warning)   negatives become 0
    .jpg     Ultra HDR: `base` + gain map     no alpha (a warning)   for phones, browsers, photo programs
    .png     16-bit PQ, Rec.2020              alpha                  for browsers; large
    .avif    12-bit PQ, Rec.2020, lossy       alpha                  ``hdrrecon[hdrfiles]``
    .heic    10-bit PQ, Rec.2020, lossy       alpha                  ``hdrrecon[phone]``
    .jxl     float PQ, Rec.2020, lossy        alpha                  ``hdrrecon[hdrfiles]``
    ======== ================================ ====================== =========================================

    The file appears under its name only when it is complete. Missing parent folders are created.

    Args:
        path: where to; an existing file is replaced.
        image: (H, W, 3) scene-linear Rec.709 floats, finite. Also (H, W) or (H, W, 1) grey, repeated, and
            (H, W, 4), whose last channel is `alpha`. Or an `hdrrecon.Reconstruction` of such.
        alpha: (H, W) floats, written as given (straight, not premultiplied).
        confidence: (H, W) floats in [0, 1]; an extra channel "confidence" (.exr only).
        dtype: "half" or "float" channels (.exr only). Half ends at 65504: more is clamped with a warning.
        compression: .exr only. All are lossless but pxr24 (floats), b44, dwaa and dwab. Light of a photo of 8 bits
            takes few values, which "piz" (wavelets, Huffman) holds in half the space of "zip", in half the time.
        primaries: the light is converted to them and the file says so (.exr only): "rec709", "p3", "rec2020", or
            "acescg" (AP1, with its own white point).
        white_nits: luminance in cd/m2 of 1.0, default 203 (BT.2408). In .exr a note (`whiteLuminance`), in PQ
            files (.png, .avif, .heic, .jxl) how bright they are shown.
        peak_nits: luminance in cd/m2 that PQ and HLG files stay below, default 1000; light that would pass it bends
            over the stop below it. Nothing is bent when all of it fits.
        transfer: "pq", or "hlg" (.png, .avif and .heic only). HLG's display has 1000 cd/m2: `peak_nits` is at most
            that, and saturated colours bend earlier than white.
        envmap: "latlong" marks an equirectangular panorama (.exr only).
        attributes: further header attributes: strings, numbers, lists of them (.exr only).
        base: the photo that `image` was reconstructed from (.jpg only, and needed there). A JPEG is kept as
            it is, pixels, EXIF, ICC and all, and grows by at most 15 % from 26 kB on; a warning names the few
            kinds (grey, 4:4:0 ...) that libultrahdr refuses. Of another photo a JPEG is made. Where `image` is at most
            1 the result looks like the photo, elsewhere `image` times as bright; see `hdrrecon.io.gainmap`.
        headroom_stops: stops above white (.jpg only) below which the light is to stay, bent like `peak_nits`,
            and with which a display shows it in full. If not said, up to 8 stops are kept, and displays
            with 4 show them in full.
        gain_channels: 3 (if not said) keeps the hue of the light, 1 that of the photo (.jpg only).
        replace_gain_map: take a base that has a gain map, without it; else it is refused (.jpg only).

    Returns:
        The path.

    Raises:
        ValueError: unknown extension (the known ones are listed), wrong shape, NaN or infinity, an option
            that the format cannot hold, a base that cannot carry the light. Nothing has been written then.
        TypeError: integers: code values are not light.
        ModuleNotFoundError: a format whose extra is not installed; names it.
        OSError: the place cannot be written to; names it.

    Example:
        >>> write("out.exr", hdr, dtype="float", compression="zip", attributes={"capturedBy": "me"})
        PosixPath('out.exr')
        >>> write("out.jpg", hdr, base="photo.jpg")
        PosixPath('out.jpg')
    """
    path = Path(path)
    if not isinstance(image, np.ndarray) and hasattr(image, "radiance"):  # a Reconstruction, of a room above
        envmap = envmap or ("latlong" if image.panorama and path.suffix.lower() == ".exr" else None)
        image = image.radiance
    extension = check_options(
        path,
        confidence=confidence,
        envmap=envmap,
        attributes=attributes,
        primaries=None if primaries == "rec709" else primaries,
        white_nits=white_nits,
        peak_nits=peak_nits,
        transfer=None if transfer == "pq" else transfer,
        base=base,
        headroom_stops=headroom_stops,
        gain_channels=gain_channels,
        replace_gain_map=replace_gain_map or None,
    )
    image = _floats(path, "image", image)
    image = image[..., None] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or 0 in image.shape:
        raise ValueError(f"cannot write {path}: image of shape {image.shape}; wanted (H, W, 3), RGBA or grey")
    if image.shape[2] == 4:
        if alpha is not None:
            raise ValueError(f"cannot write {path}: alpha is given twice, also as the image's 4th channel")
        image, alpha = image[..., :3], image[..., 3]
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    alpha, confidence = (
        _plane(path, name, plane, image.shape[:2]) for name, plane in (("alpha", alpha), ("confidence", confidence))
    )
    if extension in (".hdr", *ULTRA_HDR_SUFFIXES) and alpha is not None:
        warnings.warn(f"{path}: {extension} holds no alpha, it is left out; write .exr to keep it", stacklevel=2)
        alpha = None
    white_nits = WHITE_NITS if white_nits is None else white_nits
    peak_nits = PEAK_NITS if peak_nits is None else peak_nits
    if extension == ".exr":
        header = exr_header(
            compression=compression, white_nits=white_nits, envmap=envmap, attributes=attributes, primaries=primaries
        )
        channels, clamped = exr_channels(to_primaries(image, primaries), alpha, confidence, dtype)
        if clamped:
            warnings.warn(
                f"{path}: {clamped} values beyond {HALF_MAX:.0f} do not fit into half floats and "
                'are clamped; keep them with dtype="float"',
                stacklevel=2,
            )
        with atomic_write(path) as temporary:
            write_exr(temporary, header, channels)
        return path

    if extension in ULTRA_HDR_SUFFIXES:
        with _naming(path):
            assert base is not None  # check_options has seen to it
            content = lay_on(
                base,
                image,
                channels=3 if gain_channels is None else gain_channels,
                headroom_stops=headroom_stops,
                replace_gain_map=replace_gain_map,
            )
    elif extension in _PQ_ENCODERS:
        with _naming(path):
            if transfer == "hlg":
                content = _HLG_ENCODERS[extension](image, alpha, white_nits, peak_nits, transfer)
            else:
                content = _PQ_ENCODERS[extension](image, alpha, white_nits, peak_nits)
    else:
        content = _encode(extension, image, alpha)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return path


def _encode(extension: str, image: np.ndarray, alpha: np.ndarray | None) -> bytes:
    if extension == ".hdr":
        return encode_hdr(image)
    full = image if alpha is None else np.dstack([image, alpha])
    if extension != ".npy":
        return encode_float_tiff(full)
    file = io.BytesIO()
    np.save(file, full)
    return file.getvalue()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors of an encoder get the file's name in front."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"cannot write {path}: {error}") from error


def check_options(path: Path, **options: Any) -> str:
    """The extension of `path`, when `write` knows it and it can hold every one of the options that is not None.

    Raises:
        ValueError, ModuleNotFoundError: as `write`.
    """
    extension = path.suffix.lower()
    if extension not in WRITABLE:
        known = ", ".join(sorted(WRITABLE))
        raise ValueError(f"cannot write {path}: unknown extension {path.suffix!r}; use one of {known}")
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if extension not in _HOLDERS[name]:
            raise ValueError(
                f"cannot write {path}: {path.suffix} holds no {name}, only {', '.join(_HOLDERS[name])} can"
            )
    if extension in ULTRA_HDR_SUFFIXES and "base" not in given:
        raise ValueError(
            f'cannot write {path}: a JPEG holds light on top of its photo; name it with base="photo.jpg", or write .png'
        )
    with _naming(path):
        if extension in _PQ_ENCODERS:
            transfer = given.get("transfer", "pq")
            check_transfer(transfer)
            check_nits(given.get("white_nits", WHITE_NITS), given.get("peak_nits", PEAK_NITS), transfer)
        if extension in ULTRA_HDR_SUFFIXES:
            check_gain(given.get("gain_channels", 3), given.get("headroom_stops"))
    if extension in _EXTRAS:
        need(*_EXTRAS[extension], f"writing {extension}")
    return extension


def _floats(path: Path, what: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind != "f":
        raise TypeError(
            f"cannot write {path}: {what} is {values.dtype}, wanted floats of linear light; "
            "convert code values with hdrrecon.color.srgb_to_linear(codes / 255)"
        )
    with np.errstate(over="ignore"):  # doubles beyond float32 become infinite and are refused right here
        values = values.astype(np.float32, copy=False)
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise ValueError(
            f"cannot write {path}: {bad} of {values.size} {what} values are NaN or infinite; "
            "clean them first, for instance with numpy.nan_to_num"
        )
    return values


def _plane(path: Path, what: str, plane: np.ndarray | None, size: tuple[int, int]) -> np.ndarray | None:
    if plane is None:
        return None
    plane = _floats(path, what, plane)
    if plane.shape == (*size, 1):
        plane = plane[..., 0]
    if plane.shape != size:
        raise ValueError(f"cannot write {path}: {what} of shape {plane.shape} beside an image of {size}")
    return plane
