"""The photo under a gain map: light laid upon a photo as it is stored, in the photo's own colours."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdrrecon.color import LUMINANCE_REC709, linear_to_srgb, srgb_to_linear
from hdrrecon.io.container import kind_of
from hdrrecon.io.orientation import ORIENTATION_TAG, as_stored, orientation_of
from hdrrecon.io.photo import CodedPhoto
from hdrrecon.io.read import encoded, read_coded
from hdrrecon.io.ultrahdr import encode_ultrahdr

_LONGEST_EXIF_BYTES = 65533
_QUALITY = 95  # of a base that has to be made


@dataclass(frozen=True)
class Base:
    """A JPEG, its `size` (H, W) upright, and what gives its picture (H, W, 3), linear as displayed, for the few that
    need it; `to_rec709` as in `Photo`."""

    jpeg: bytes
    size: tuple[int, int]
    displayed: Callable[[], np.ndarray]
    to_rec709: np.ndarray
    orientation: int


def open_base(path: str | Path) -> Base:
    """A JPEG as it is; any other photo as a new sRGB JPEG of it, whose clipped pixels are white.

    Raises:
        As `read_photo`; ValueError for a file that holds light, not a photo.
    """
    photo, data = read_coded(path), Path(path).read_bytes()
    if photo.linear:
        raise ValueError(f"the base {path} holds linear light; wanted the photo that the light was made from")
    size = photo.pixels.shape[:2]
    if kind_of(data[:32]) == "jpeg":
        return Base(data, size, lambda: _displayed(photo), photo.to_rec709, orientation_of(photo.exif))
    displayed = _displayed(photo)
    if not np.allclose(photo.to_rec709, np.eye(3)):
        displayed = np.clip(displayed @ photo.to_rec709.T.astype(np.float32), 0, 1)
    return Base(_as_jpeg(displayed, photo), size, lambda: displayed, np.eye(3), 1)


def _displayed(photo: CodedPhoto) -> np.ndarray:
    light = srgb_to_linear(encoded(photo.pixels, photo.values))
    return np.repeat(light, 3, axis=2) if light.shape[2] == 1 else light


def _as_jpeg(displayed: np.ndarray, photo: CodedPhoto) -> bytes:
    from PIL import Image

    codes = np.rint(255 * np.clip(linear_to_srgb(displayed), 0, 1)).astype(np.uint8)
    file = io.BytesIO()
    exif = _upright_exif(photo)
    Image.fromarray(codes).save(file, "JPEG", quality=_QUALITY, subsampling=0, **({"exif": exif} if exif else {}))
    return file.getvalue()


def _upright_exif(photo: CodedPhoto) -> bytes | None:
    """The photo's EXIF block with its turn taken out, or, with a warning, None where it is damaged or too long."""
    from PIL import Image

    if not photo.exif:
        return None
    try:
        exif = Image.Exif()
        exif.load(photo.exif)
        exif[ORIENTATION_TAG] = 1  # it has been applied
        block = exif.tobytes()
        if len(block) <= _LONGEST_EXIF_BYTES:
            return block
        reason = f"its {len(block)} bytes are more than a JPEG holds"
    except Exception as error:  # Pillow parses it in many steps; none of them may cost the light
        reason = f"it is damaged: {error}"
    warnings.warn(f"{photo.path}: the EXIF block is left out of the result, {reason}", stacklevel=2)
    return None


def check_gain(channels: int, headroom_stops: float | None) -> None:
    """Raise ValueError for options that make no sense."""
    if channels not in (1, 3):
        raise ValueError(f"gain_channels must be 1 or 3, got {channels!r}")
    if headroom_stops is not None and not 0 < headroom_stops <= 16:
        raise ValueError(f"headroom_stops must be above 0 and at most 16, got {headroom_stops!r}")


def lay_on(
    base: str | Path,
    image: np.ndarray,
    *,
    channels: int = 3,
    headroom_stops: float | None = None,
    replace_gain_map: bool = False,
) -> bytes:
    """An Ultra HDR file of the photo `base` and its light.

    Args:
        base: path of the photo.
        image: (H, W, 3) float32 linear Rec.709, as `reconstruct` gives it for that photo, upright.
        channels, headroom_stops, replace_gain_map: see `write`.

    Raises:
        ValueError: another size, a base with a gain map, a CMYK base, a useless option.
    """
    check_gain(channels, headroom_stops)
    photo = open_base(base)
    if image.shape[:2] != photo.size:
        (h, w), (bh, bw) = image.shape[:2], photo.size
        raise ValueError(
            f"the light has {w} x {h} pixels, the base {base} {bw} x {bh}; "
            "wanted the photo that the light was made from"
        )

    def lies(picture):
        return np.ascontiguousarray(as_stored(picture, photo.orientation))

    same = np.array_equal(photo.to_rec709, np.eye(3))
    radiance = image if same else image @ np.linalg.inv(photo.to_rec709).T.astype(np.float32)
    weights = np.asarray(LUMINANCE_REC709) @ photo.to_rec709
    displayed = lies(photo.displayed()) if channels == 1 else None
    return encode_ultrahdr(
        photo.jpeg,
        lies(radiance),
        displayed,
        weights,
        channels=channels,
        headroom_stops=headroom_stops,
        replace_gain_map=replace_gain_map,
    )
