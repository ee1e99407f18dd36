"""Writing HDR images: .exr, .hdr, float .tif and .npy, whole or not at all."""
from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hdrrecon.io.atomic import atomic_write
from hdrrecon.io.exr import HALF_MAX, Compression, exr_channels, exr_header, write_exr
from hdrrecon.io.radiance import encode_hdr
from hdrrecon.io.tiff import encode_float_tiff

WRITABLE = frozenset((".exr", ".hdr", ".tif", ".tiff", ".npy"))
DEFAULT_WHITE_NITS = 203.0
"""Diffuse white of an HDR display, ITU-R BT.2408: the luminance that 1.0 is declared to stand for."""


def write(
    path: str | Path,
    image: np.ndarray,
    *,
    alpha: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    dtype: Literal["half", "float"] = "half",
    compression: Compression = "zip",
    white_nits: float | None = None,
    envmap: Literal["latlong"] | None = None,
    attributes: dict[str, Any] | None = None,
) -> Path:
    """Write a linear HDR image; the extension chooses the format.

    ======== ================================ ====================== =========================================
    .exr     half or float, Rec.709 tagged    alpha, confidence      negatives kept
    .tif     float32, uncompressed            alpha                  negatives kept
    .npy     float32                          alpha as 4th channel   negatives kept
    .hdr     8 bits and a shared exponent     no alpha (a warning)   negatives become 0
    ======== ================================ ====================== =========================================

    The file appears under its name only when it is complete. Missing parent folders are created.

    Args:
        path: where to; an existing file is replaced.
        image: (H, W, 3) scene-linear Rec.709 floats, finite. Also (H, W) or (H, W, 1) grey, repeated, and
            (H, W, 4), whose last channel is `alpha`.
        alpha: (H, W) floats, written as given (straight, not premultiplied).
        confidence: (H, W) floats in [0, 1]; an extra channel "confidence" (.exr only).
        dtype: "half" or "float" channels (.exr only). Half ends at 65504: more is clamped with a warning.
        compression: .exr only. All are lossless but pxr24 (floats), b44, dwaa and dwab.
        white_nits: luminance in cd/m2 of 1.0, kept as `whiteLuminance` (.exr only). Default 203 (BT.2408).
        envmap: "latlong" marks an equirectangular panorama (.exr only).
        attributes: further header attributes: strings, numbers, lists of them (.exr only).

    Returns:
        The path.

    Raises:
        ValueError: unknown extension (the known ones are listed), wrong shape, NaN or infinity, an option
            that the format cannot hold. Nothing has been written then.
        TypeError: integers: code values are not light.
        OSError: the place cannot be written to; names it.

    Example:
        >>> write("out.exr", hdr, dtype="float", compression="piz", attributes={"capturedBy": "me"})
        PosixPath('out.exr')
    """
    path = Path(path)
    extension = path.suffix.lower()
    if extension not in WRITABLE:
        known = ", ".join(sorted(WRITABLE))
        raise ValueError(f"cannot write {path}: unknown extension {path.suffix!r}; use one of {known}")
    if extension != ".exr":
        _only_exr(path, confidence=confidence, white_nits=white_nits, envmap=envmap, attributes=attributes)
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
    alpha, confidence = (_plane(path, name, plane, image.shape[:2])
                         for name, plane in (("alpha", alpha), ("confidence", confidence)))
    if extension == ".hdr" and alpha is not None:
        warnings.warn(f"{path}: .hdr holds no alpha, it is left out; write .exr to keep it", stacklevel=2)
        alpha = None
    if extension == ".exr":
        white_nits = DEFAULT_WHITE_NITS if white_nits is None else white_nits
        header = exr_header(
            compression=compression, white_nits=white_nits, envmap=envmap, attributes=attributes)
        channels, clamped = exr_channels(image, alpha, confidence, dtype)
        if clamped:
            warnings.warn(f"{path}: {clamped} values beyond {HALF_MAX:.0f} do not fit into half floats and "
                          'are clamped; keep them with dtype="float"', stacklevel=2)

    with atomic_write(path) as temporary:
        if extension == ".exr":
            write_exr(temporary, header, channels)
        elif extension == ".hdr":
            temporary.write_bytes(encode_hdr(image))
        else:
            full = image if alpha is None else np.dstack([image, alpha])
            if extension == ".npy":
                with temporary.open("wb") as file:
                    np.save(file, full)
            else:
                temporary.write_bytes(encode_float_tiff(full))
    return path


def _only_exr(path: Path, **options: Any) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ValueError(f"cannot write {path}: {path.suffix} holds no {', '.join(given)}, only .exr does")


def _floats(path: Path, what: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind != "f":
        raise TypeError(f"cannot write {path}: {what} is {values.dtype}, wanted floats of linear light; "
                        "convert code values with hdrrecon.color.srgb_to_linear(codes / 255)")
    with np.errstate(over="ignore"):  # doubles beyond float32 become infinite and are refused right here
        values = values.astype(np.float32)
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise ValueError(f"cannot write {path}: {bad} of {values.size} {what} values are NaN or infinite; "
                         "clean them first, for instance with numpy.nan_to_num")
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
