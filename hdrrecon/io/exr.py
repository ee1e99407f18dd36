"""OpenEXR in and out, through the official `OpenEXR` package (OpenCV 5 is built without it).

Written files say what their numbers are: `chromaticities` Rec.709 and `whiteLuminance`, the cd/m2 of 1.0.
Source: Technical Introduction to OpenEXR and the standard attribute list, openexr.com.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from hdrrecon.color import D65, PRIMARIES, primaries_to_xyz
from hdrrecon.io.icc import rec709_matrix, xyz_of_white
from hdrrecon.io.limits import check_size
from hdrrecon.io.mark import SOFTWARE
from hdrrecon.io.photo import Decoded, ReadError
from hdrrecon.options import Compression, Primaries

HALF_MAX = 65504.0
CONFIDENCE_CHANNEL = "confidence"
_LONGEST_HEADER, _LEAST_CHANNEL_BYTES = 1 << 20, 18
CHROMATICITIES = {  # CIE xy of R, G, B and white, as the attribute of that name has them
    **{name: (*PRIMARIES[name], D65) for name in ("rec709", "p3", "rec2020")},
    "acescg": ((0.713, 0.293), (0.165, 0.830), (0.128, 0.044), (0.32168, 0.33767)),  # AP1, SMPTE ST 2065 white
}
_OURS = {  # attributes that follow from the image or from `write`'s own arguments
    "channels",
    "compression",
    "dataWindow",
    "displayWindow",
    "lineOrder",
    "pixelAspectRatio",
    "type",
    "screenWindowCenter",
    "screenWindowWidth",
    "tiles",
    "name",
    "version",
    "chunkCount",
    "chromaticities",
    "whiteLuminance",
    "envmap",
}


def check_exr(path: Path) -> None:
    """Raise ReadError when the first part of an EXR claims a size that is not believed, or its header is damaged."""
    with path.open("rb") as file:
        head, size = file.read(_LONGEST_HEADER), path.stat().st_size
    at, window, channels = 8, None, 1
    while at < len(head) and head[at]:
        end = head.find(b"\0", at)
        second = head.find(b"\0", end + 1)
        if end < 0 or second < 0 or second + 5 > len(head):
            break
        name, length = head[at:end], int.from_bytes(head[second + 1 : second + 5], "little")
        body = head[second + 5 : second + 5 + length]
        if name == b"dataWindow" and len(body) == 16:
            window = struct.unpack("<4i", body)
        elif name == b"channels":
            channels = max(1, (len(body) - 1) // _LEAST_CHANNEL_BYTES)
        at = second + 5 + length
    if window is None:
        raise ReadError("the EXR is damaged or truncated: its header has no data window")
    check_size(window[2] - window[0] + 1, (window[3] - window[1] + 1) * -(-channels // 8), size)


@contextmanager
def named_for_cpp(path: Path, writing: bool = False) -> Iterator[str]:
    """A name of the file that C++ libraries understand: they take UTF-8 only, and a file's name is any bytes.

    Where the name is no UTF-8, the file goes through a temporary folder.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as folder:
            other = Path(folder) / "x.exr"
            if not writing:
                shutil.copyfile(path, other)
            yield str(other)
            if writing:
                shutil.copyfile(other, path)
    else:
        yield str(path)


def read_exr(path: Path) -> Decoded:
    """The RGB(A) or luminance image of an EXR: its data window, in the file's own primaries, as float32.

    The first part with an image counts. Without plain R, G, B, a single layer "name.R, .G, .B" is taken.

    Raises:
        ReadError: truncated, deep, subsampled (luminance-chroma) or without colour (its channels are listed).
    """
    import OpenEXR

    check_exr(path)
    try:
        with named_for_cpp(path) as name, OpenEXR.File(name, separate_channels=True) as file:
            if not file.parts:
                raise ReadError("the EXR is damaged or truncated: it has no readable part")
            # Copies, because closing the file empties both dictionaries.
            parts = [(dict(part.header), dict(part.channels)) for part in file.parts]
    except (RuntimeError, ValueError, TypeError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"the EXR is damaged or truncated ({error}); copy the file again") from error
    for header, channels in parts:
        names = _image_channels(channels)
        if names:
            planes = [_plane(name, channels[name]) for name in names]
            return Decoded.from_channels(np.stack(planes, axis=-1), to_rec709=_to_rec709(header))
    found = sorted({name for _, channels in parts for name in channels})
    raise ReadError(f"the EXR has no R, G, B or Y channels, only {', '.join(found)}")


def _image_channels(channels: dict) -> list[str] | None:
    layers = {name[:-1] for name in channels if name[-2:] in (".R", ".G", ".B")}
    for prefix in ["", *(layers if len(layers) == 1 else ())]:
        if all(prefix + c in channels for c in "RGB"):
            return [prefix + c for c in "RGBA" if prefix + c in channels]
    if "RY" in channels or "BY" in channels:
        raise ReadError("an EXR of luminance and subsampled chroma is not supported; save it as RGB")
    return [c for c in "YA" if c in channels] if "Y" in channels else None


def _plane(name: str, channel: Any) -> np.ndarray:
    pixels = channel.pixels
    if pixels.dtype not in (np.float16, np.float32) or (channel.xSampling, channel.ySampling) != (1, 1):
        raise ReadError(
            f"EXR channel {name!r} is {pixels.dtype}, one per {channel.xSampling} x "
            f"{channel.ySampling} pixels; wanted half or float at every pixel"
        )
    return pixels.astype(np.float32)


def _to_rec709(header: dict) -> np.ndarray | None:
    values = header.get("chromaticities")  # absent means Rec.709, says the format
    if values is None or np.size(values) != 8:
        return None
    pairs = np.reshape(values, (4, 2)).astype(np.float64)
    if not np.isfinite(pairs).all() or (pairs[:, 1] == 0).any():
        return None
    try:
        return rec709_matrix(primaries_to_xyz(pairs[:3], pairs[3]), xyz_of_white(pairs[3]))
    except np.linalg.LinAlgError as error:
        raise ReadError("the EXR is damaged: its chromaticities are no primaries") from error


def to_primaries(light: np.ndarray, primaries: Primaries) -> np.ndarray:
    """(..., 3) Rec.709 light in other primaries, adapted to their white point (Bradford)."""
    if primaries == "rec709":
        return light
    *rgb, white = CHROMATICITIES[primaries]
    matrix = np.linalg.inv(rec709_matrix(primaries_to_xyz(rgb, white), xyz_of_white(white)))
    return (light @ matrix.T.astype(np.float32)).astype(np.float32, copy=False)


def exr_header(
    *,
    compression: Compression,
    white_nits: float,
    envmap: Literal["latlong"] | None,
    attributes: dict[str, Any] | None,
    primaries: Primaries = "rec709",
) -> dict[str, Any]:
    """The header of a new file. Raises ValueError: an unknown option, or an attribute that is set here."""
    import OpenEXR

    _choice("compression", compression, get_args(Compression))
    _choice("envmap", envmap, (None, "latlong"))
    _choice("primaries", primaries, tuple(CHROMATICITIES))
    if not 0 < white_nits < float("inf"):
        raise ValueError(f"white_nits must be a positive number of cd/m2, got {white_nits}")
    taken = sorted(_OURS & set(attributes or {}))
    if taken:
        raise ValueError(f"attributes {', '.join(taken)} are set by write itself; use its arguments instead")
    constant = ("NO" if compression == "none" else compression.upper()) + "_COMPRESSION"
    header = {
        "software": SOFTWARE,
        **(attributes or {}),
        "compression": getattr(OpenEXR, constant),
        "type": OpenEXR.scanlineimage,
        "chromaticities": tuple(float(v) for pair in CHROMATICITIES[primaries] for v in pair),
        "whiteLuminance": float(white_nits),
    }
    return {**header, "envmap": OpenEXR.ENVMAP_LATLONG} if envmap else header


def exr_channels(
    image: np.ndarray,
    alpha: np.ndarray | None,
    confidence: np.ndarray | None,
    dtype: Literal["half", "float"],
) -> tuple[dict[str, np.ndarray], int]:
    """Channels of (H, W, 3) float32 and optional (H, W) planes; how many values were clamped for half."""
    _choice("dtype", dtype, ("half", "float"))
    if dtype == "half":
        parts = [image, *(plane for plane in (alpha, confidence) if plane is not None)]
        clamped = sum(_beyond_half(part) for part in parts)
        if clamped:  # conversion would make infinities of these
            parts = [np.clip(part, -HALF_MAX, HALF_MAX) for part in parts]
        image, *others = (as_half(part) for part in parts)
        alpha = None if alpha is None else others.pop(0)
        confidence = None if confidence is None else others.pop(0)
    else:
        clamped = 0
    # OpenEXR ignores strides: an array that is not contiguous would be written scrambled.
    planes = dict(zip("RGB", split_channels(image)))
    planes |= {"A": np.ascontiguousarray(alpha)} if alpha is not None else {}
    planes |= {CONFIDENCE_CHANNEL: np.ascontiguousarray(confidence)} if confidence is not None else {}
    return planes, clamped


def _beyond_half(values: np.ndarray) -> int:
    """How many do not fit into half floats."""
    if max(-float(values.min()), float(values.max())) <= HALF_MAX:
        return 0
    return int(np.count_nonzero(np.abs(values) > HALF_MAX))


def split_channels(image: np.ndarray) -> list[np.ndarray]:
    """The channels of (H, W, C), each contiguous."""
    import cv2

    # OpenCV copies numbers of 16 bits as what they are to it: integers.
    return [
        plane.view(image.dtype) for plane in cv2.split(image.view(np.uint16 if image.itemsize == 2 else image.dtype))
    ]


def as_half(plane: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) float32 as float16, rounded as `astype` does, which converts one value at a time and takes
    ten times as long."""
    import cv2

    plane = np.ascontiguousarray(plane)
    if hasattr(cv2, "convertFp16"):  # OpenCV 4
        return cv2.convertFp16(plane).view(np.float16)
    return cv2.add(plane, 0, dtype=cv2.CV_16F)


def write_exr(path: Path, header: dict[str, Any], channels: dict[str, np.ndarray]) -> None:
    """Raises ValueError: an attribute of a type that OpenEXR cannot hold; OSError: it could not write."""
    import OpenEXR

    try:
        with OpenEXR.File(header, channels) as file, named_for_cpp(path, writing=True) as name:
            file.write(name)
    except (RuntimeError, TypeError, ValueError) as error:
        if "attribute" in str(error):
            raise ValueError(f"OpenEXR cannot store this attribute: {error}") from error
        raise OSError(f"OpenEXR could not write: {error}") from error


def _choice(name: str, value: Any, allowed: tuple) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(repr, allowed))}")
