"""Camera raw files for the codec: Bayer mosaics through rawpy, demosaicked but not balanced; and a plain development of
them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from hdrrecon.color import linear_to_srgb
from hdrrecon.io.optional import need
from hdrrecon.io.photo import ReadError, file_bytes
from hdrrecon.io.raw import camera_to_rec709, saturation
from hdrrecon.rawcodec.description import Description

_EXIF_OF_FLIP = {0: 1, 3: 3, 5: 8, 6: 6}  # LibRaw's flip to EXIF's orientation


@dataclass(frozen=True)
class CameraRaw:
    """`light` (H, W, 3) float32, linear camera RGB, 1 = the sensor clips, as the sensor lay; and the facts of the
    file."""

    light: np.ndarray
    description: Description


def read_camera_raw(path: str | PathLike) -> CameraRaw:
    """Read a DNG, NEF, CR2, ARW ... : black subtracted, scaled to white, demosaicked (AHD), neither balanced nor
    turned.

    Raises:
        ReadError: LibRaw does not know the file, or it holds no colour mosaic.
        ModuleNotFoundError: without `hdrrecon[raw]`.
    """
    rawpy = need("rawpy", "raw", "reading camera raw files")
    data = file_bytes(Path(path))
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            names = raw.color_desc.decode(errors="replace")
            pattern = "RGGB" if raw.raw_pattern is None else "".join(names[i] for i in raw.raw_pattern.ravel()[:4])
            gains = np.array(raw.camera_whitebalance[:3], float)
            if not (gains > 0).all():
                gains = np.array(raw.daylight_whitebalance[:3], float)
            gains = gains / gains[1] if (gains > 0).all() else np.ones(3)
            black = int(round(float(np.mean(raw.black_level_per_channel))))
            clip = saturation(raw)
            white = int(raw.white_level) if clip is None else clip + min(raw.black_level_per_channel)
            matrix = camera_to_rec709(np.asarray(raw.rgb_xyz_matrix, float), np.asarray(raw.color_matrix, float))
            flip = int(raw.sizes.flip)
            pixels = raw.postprocess(
                gamma=(1, 1),
                no_auto_bright=True,
                output_bps=16,
                user_wb=[1, 1, 1, 1],
                output_color=rawpy.ColorSpace.raw,
                highlight_mode=rawpy.HighlightMode.Clip,
                adjust_maximum_thr=0.0,
                user_sat=clip,
                user_flip=0,
            )
    except rawpy.LibRawError as error:
        raise ReadError(f"{path}: this camera raw file cannot be developed ({error}); convert it to DNG") from error
    light = pixels.astype(np.float32) / np.float32(65535)
    facts = Description(black, white, tuple(gains.tolist()), matrix, _EXIF_OF_FLIP.get(flip, 1), pattern)
    return CameraRaw(light, facts)


def develop(photo: CameraRaw, exposure: float = 0.0, quality: int = 92) -> bytes:
    """A JPEG as a camera would make it: white balance, matrix, sRGB curve; with the orientation in its EXIF.

    Args:
        exposure: stops; 0 puts the light at which the first balanced channel clips on white.
        quality: of the JPEG.
    """
    from PIL import Image

    facts = photo.description
    light = facts.balanced(photo.light) * np.float32(2.0**exposure / min(facts.gains))
    code = np.round(255 * linear_to_srgb(np.clip(light, 0, 1))).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = facts.orientation
    out = io.BytesIO()
    Image.fromarray(code).save(out, "JPEG", quality=quality, exif=exif.tobytes())
    return out.getvalue()
