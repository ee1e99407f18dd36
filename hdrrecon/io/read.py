"""Reading any supported file, whatever its name says: `read` for people, `read_photo` for the pipeline."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from hdrrecon.color import linear_to_srgb, matrix_between, srgb_to_linear
from hdrrecon.io.container import check_bmp, check_webp, kind_of
from hdrrecon.io.exif import is_sound
from hdrrecon.io.exr import read_exr
from hdrrecon.io.heif import decode_avif, decode_heic
from hdrrecon.io.icc import Profile, ProfileError, convert_with_table, parse_profile
from hdrrecon.io.jpeg_decode import decode_jpeg
from hdrrecon.io.jxl import decode_jxl
from hdrrecon.io.limits import check_holds
from hdrrecon.io.orientation import is_adobe_rgb, orientation_of, upright
from hdrrecon.io.photo import RAW_NAMES, CodedPhoto, Decoded, Photo, ReadError, check_is_file
from hdrrecon.io.pillow import decode_with_pillow
from hdrrecon.io.png import decode_png
from hdrrecon.io.pq import WHITE_NITS
from hdrrecon.io.radiance import decode_hdr, decode_pfm
from hdrrecon.io.raw import decode_raw
from hdrrecon.io.tiff import decode_tiff, is_raw
from hdrrecon.io.ultrahdr import read_gain_map

_LONGEST_REASON = 200


def read(path: str | Path, *, white_nits: float = WHITE_NITS) -> np.ndarray:
    """Read an image file.

    Args:
        path: JPEG, PNG, TIFF, WebP, AVIF, HEIC, BMP, camera raw, OpenEXR, Radiance .hdr, PFM, .npy, and JPEG
            XL of PQ or floats, by content, not by name. HEIC, raw and some AVIF and JPEG XL files need an extra, which
            the error names.
        white_nits: of PQ and HLG pictures only: the luminance in cd/m2 that becomes 1.0.

    Returns:
        (H, W, 3), or (H, W, 4) with alpha last; grey is repeated; upright by the EXIF orientation.
        8- and 16-bit photos: the code values as stored, uint8 or uint16, in the file's own colour space.
        Float files: float32, the numbers as stored: also NaN and infinity, also in other primaries.
        HDR pictures for displays: float32 linear Rec.709 light. Of an Ultra HDR JPEG, the photo times its
        gain map, 1.0 = the photo's white; of PQ PNG, AVIF, HEIC and JPEG XL, and of HLG PNG, AVIF
        and HEIC as a display of 1000 cd/m2 shows them, 1.0 = `white_nits`.
        Camera raw files: float32 linear Rec.709 light, 1.0 = clipped.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: naming the path.
        ReadError: damaged, truncated, empty, or not of a supported kind; a ValueError naming the path.

    Example:
        >>> read("photo.jpg").dtype
        dtype('uint8')
    """
    path = Path(path)
    kind, data = _load(path)
    with _naming(path):
        decoded = _decode(kind, data, path, white_nits)
        gain_map = read_gain_map(data) if kind == "jpeg" else None
        if gain_map:
            decoded = replace(decoded, color=_lit(decoded, gain_map, path))
        elif decoded.raw:
            decoded = replace(decoded, color=_in_rec709(_to_unit(decoded.color), decoded.to_rec709))
    color = np.repeat(decoded.color, 3, axis=2) if decoded.color.shape[2] == 1 else decoded.color
    if decoded.alpha is not None:
        color = np.concatenate([color, decoded.alpha[..., None]], axis=2)
    return np.ascontiguousarray(upright(color, decoded.orientation))


def read_photo(path: str | Path) -> Photo:
    """Read an image file for the pipeline: as `read`, with the colour space understood. See `Photo`.

    An embedded matrix profile (Display P3, Adobe RGB ...) becomes `to_rec709`, and its tone curve is replaced
    by the sRGB curve; Adobe RGB named only by EXIF counts too. CMYK, and 8-bit RGB with a table profile, is
    converted to sRGB. A profile that cannot be used brings a warning, and sRGB is assumed. Of an Ultra HDR
    JPEG this is the photo without its gain map. PQ pictures are `linear`, 1.0 = 203 cd/m2.

    Args:
        path: as of `read`.

    Returns:
        The photo, upright; `pixels` (H, W, 3) float32.

    Raises:
        As `read`; also ReadError for NaN or infinity in a float file, counted.
    """
    coded = read_coded(path)
    pixels = encoded(coded.pixels, coded.values)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    same = ("bits", "linear", "to_rec709", "path", "exif", "icc_name", "response", "xmp")
    return Photo(
        pixels=np.ascontiguousarray(pixels),
        alpha=None if coded.alpha is None else _to_unit(coded.alpha),
        **{name: getattr(coded, name) for name in same},
    )


def read_coded(path: str | Path) -> CodedPhoto:
    """As `read_photo`, but integer codes are left as they are, for images that fill the memory. See `CodedPhoto`."""
    path = Path(path)
    kind, data = _load(path)
    with _naming(path):
        decoded = _decode(kind, data, path, WHITE_NITS)
        del data
        if decoded.exif and not is_sound(decoded.exif):
            note = "its EXIF block claims many times its own size and is left out"
            decoded = replace(decoded, exif=None, notes=(*decoded.notes, note))
        for note in decoded.notes:
            warnings.warn(f"{path}: {note}", stacklevel=3)
        bits, values = decoded.color.dtype.itemsize * 8, None
        decoded, profile = _understand(decoded, path)
        color, matrix = decoded.color, np.eye(3) if decoded.to_rec709 is None else decoded.to_rec709
        linear = color.dtype == np.float32
        if linear:
            _check_finite(decoded)
            if profile and not profile.is_linear:
                warnings.warn(
                    f"{path}: a float file with the non-linear profile {profile.name!r}; "
                    "its values are taken as linear light",
                    stacklevel=2,
                )
        elif decoded.raw:
            clipped = color == np.iinfo(color.dtype).max
            color = np.clip(linear_to_srgb(_to_unit(color)), 0, 1)
            color[clipped] = 1  # and not a rounding error less
        else:
            values = _code_values(color, profile)
    if profile and profile.to_rec709 is not None:
        matrix = profile.to_rec709
    alpha = None if decoded.alpha is None else np.ascontiguousarray(upright(decoded.alpha, decoded.orientation))
    return CodedPhoto(
        pixels=np.ascontiguousarray(upright(color, decoded.orientation)),
        values=values,
        alpha=alpha,
        linear=linear,
        bits=bits,
        to_rec709=matrix,
        path=path,
        exif=decoded.exif,
        icc_name=profile.name if profile else None,
        response="srgb" if decoded.raw else None,
        xmp=decoded.xmp,
    )


class _naming:
    """Every error of a decoder gets the file's name in front; warnings name it themselves."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, (ReadError, ModuleNotFoundError)):
            raise ReadError(f"{self.path}: {error}") from error
        if isinstance(error, MemoryError):
            raise ReadError(f"{self.path}: the image does not fit into memory") from error
        if isinstance(error, Exception) and not isinstance(error, Warning):
            # Decoders raise whatever they like at damaged files; a list of their kinds would never be complete.
            what = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST_REASON]
            raise ReadError(f"{self.path}: the file is damaged, or of a kind that is not supported ({what})") from error


def _load(path: Path) -> tuple[str, bytes]:
    """Kind and bytes of a file; of an EXR the first bytes only, because its library reads the file itself."""
    check_is_file(path)
    with path.open("rb") as file:
        head = file.read(32)
        with _naming(path):
            kind = kind_of(head)
        return kind, head if kind == "exr" else head + file.read()


def _decode(kind: str, data: bytes, path: Path, white_nits: float) -> Decoded:
    """The file's own numbers; light, where they are PQ or HLG codes."""
    if kind == "exr":
        return read_exr(path)
    # Most raw files are TIFFs whose first page is a thumbnail, told by their name or by what is inside.
    if kind == "tiff" and (path.suffix.lower() in RAW_NAMES or is_raw(data)):
        kind = "raw"
    if kind in _PQ_DECODERS:
        return _PQ_DECODERS[kind](data, white_nits)
    return _DECODERS[kind](data)


def _lit(decoded: Decoded, gain_map, path: Path) -> np.ndarray:
    """Linear Rec.709 light (H, W, 3), as stored, of a photo and its gain map."""
    decoded, profile = _understand(decoded, path)
    base = srgb_to_linear(encoded(decoded.color, _code_values(decoded.color, profile)))
    base = np.repeat(base, 3, axis=2) if base.shape[2] == 1 else base
    return _in_rec709(gain_map.light(base), profile.to_rec709 if profile else None)


def _in_rec709(light: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    return light if matrix is None else light @ matrix.T.astype(np.float32)


def _decode_webp(data: bytes) -> Decoded:
    check_webp(data)
    decoded = decode_with_pillow("webp", data)
    return replace(decoded, orientation=orientation_of(decoded.exif, decoded.xmp))


def _decode_bmp(data: bytes) -> Decoded:
    check_bmp(data)
    return decode_with_pillow("bmp", data)


def _decode_npy(data: bytes) -> Decoded:
    try:
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = read_header[version](file)
        check_holds(".npy", math.prod(shape) * dtype.itemsize, len(data))
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except ReadError:
        raise
    except Exception as error:  # its header is parsed as Python, which fails in many ways
        raise ReadError(f"the .npy file is damaged or truncated ({error})") from error
    array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype not in (np.uint8, np.uint16):
        raise ReadError(f"a .npy of {array.dtype}; wanted uint8 or uint16 codes, or floats of linear light")
    return Decoded.from_channels(array)


_DECODERS = {
    "jpeg": decode_jpeg,
    "webp": _decode_webp,
    "tiff": decode_tiff,
    "npy": _decode_npy,
    "raw": decode_raw,
    "bmp": _decode_bmp,
    "hdr": decode_hdr,
    "pfm": decode_pfm,
}
_PQ_DECODERS = {"png": decode_png, "avif": decode_avif, "heic": decode_heic, "jxl": decode_jxl}


def _understand(decoded: Decoded, path: Path) -> tuple[Decoded, Profile | None]:
    """The profile to apply, if any; table profiles are applied here and now."""
    icc = decoded.icc
    if not icc:
        if decoded.profile is not None:
            return decoded, _for_channels(decoded.profile, decoded.color.shape[2])
        if decoded.to_rec709 is None and is_adobe_rgb(decoded.exif):
            return decoded, _adobe_rgb()
        return decoded, None
    try:
        profile = parse_profile(icc)
        if profile.to_rec709 is None and decoded.color.dtype == np.uint8 and decoded.color.shape[2] == 3:
            from PIL import Image

            image = convert_with_table(Image.fromarray(np.ascontiguousarray(decoded.color)), icc)
            return replace(decoded, color=np.asarray(image)), replace(profile, to_rec709=np.eye(3))
        if profile.to_rec709 is None:
            raise ProfileError(f"table profile {profile.name!r} works on 8-bit RGB only")
        profile = _for_channels(profile, decoded.color.shape[2])
        if len(profile.curves) != decoded.color.shape[2]:
            raise ProfileError(f"a {profile.space} profile on an image of {decoded.color.shape[2]} channels")
        profile.encode_luts(256)  # raises for curves that cannot be used
        return decoded, profile
    except ProfileError as error:
        warnings.warn(f"{path}: {error}; sRGB is assumed", stacklevel=3)
        return decoded, None


def _for_channels(profile: Profile, channels: int) -> Profile:
    """A profile of colour for a grey picture: its curve of green, and no primaries."""
    if len(profile.curves) == 3 and channels == 1:
        return replace(profile, curves=profile.curves[1:2], to_rec709=np.eye(3))
    return profile


def _adobe_rgb() -> Profile:
    """Adobe RGB (1998): gamma 563/256."""

    def curve(x):
        return x ** (563 / 256)

    return Profile("Adobe RGB (EXIF)", "RGB", matrix_between("adobe", "rec709"), (curve,) * 3)


def _code_values(codes: np.ndarray, profile: Profile | None) -> np.ndarray | None:
    """sRGB-encoded value of each integer code, (3, K) float32; None if they are that already."""
    luts = profile.encode_luts(np.iinfo(codes.dtype).max + 1) if profile and profile.curves else None
    return None if luts is None else np.broadcast_to(luts, (3, luts.shape[1]))


def encoded(codes: np.ndarray, values: np.ndarray | None) -> np.ndarray:
    """Integer codes (H, W, C) as float32 in [0, 1]; floats as they are."""
    if values is None:
        return _to_unit(codes)
    return np.stack([values[c][codes[..., c]] for c in range(codes.shape[2])], axis=-1)


def _to_unit(codes: np.ndarray) -> np.ndarray:
    if codes.dtype == np.float32:
        return codes
    return codes.astype(np.float32) / np.float32(np.iinfo(codes.dtype).max)


def _check_finite(decoded: Decoded) -> None:
    for what, values in (("colour", decoded.color), ("alpha", decoded.alpha)):
        if values is not None and not np.isfinite(values).all():
            nan, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
            raise ReadError(
                f"{nan} NaN and {infinite} infinite {what} values; clean the file first, "
                "for instance with numpy.nan_to_num"
            )
