"""Camera raw files, through rawpy (LibRaw), `hdrrecon[raw]`.

A raw file is linear already: there is no camera response to guess, only clipped light to restore. It is
demosaicked and white balanced as the camera was set, but left in the camera's own primaries, because there,
and only there, a clipped channel is exactly 1; `Decoded.to_rec709` is the rest. All channels are cut where
the first one clips on white, so that white stays white.

Source of the colour matrix: the way from a camera's XYZ matrix to sRGB as in dcraw (D. Coffin) and the DNG
specification 1.7, chapter 6: what the white balance makes white is D65.
"""

from __future__ import annotations

import io

import numpy as np

from hdrrecon.color import REC709_TO_XYZ
from hdrrecon.io.optional import need
from hdrrecon.io.photo import Decoded, ReadError

_SATURATION_AT_LEAST = 0.75  # of the white level: below it, no camera clips


def decode_raw(data: bytes) -> Decoded:
    """(H, W, 3) uint16 light, linear, 65535 = clipped; upright.

    Raises:
        ReadError: LibRaw does not know the camera, or the file is damaged.
        ModuleNotFoundError: without `hdrrecon[raw]`.
    """
    rawpy = need("rawpy", "raw", "reading camera raw files")
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            matrix = camera_to_rec709(np.asarray(raw.rgb_xyz_matrix, float), np.asarray(raw.color_matrix, float))
            pixels = raw.postprocess(
                gamma=(1, 1),
                no_auto_bright=True,
                output_bps=16,
                use_camera_wb=True,
                output_color=rawpy.ColorSpace.raw,
                highlight_mode=rawpy.HighlightMode.Clip,
                # LibRaw would stretch the brightest pixel to white, clipped or not.
                adjust_maximum_thr=0.0,
                user_sat=saturation(raw),
            )
    except rawpy.LibRawError as error:
        text = error.args[0] if error.args else error
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        raise ReadError(
            f"this camera raw file cannot be developed ({text}); convert it to DNG or a 16-bit TIFF"
        ) from error
    return Decoded.from_channels(pixels, to_rec709=matrix, raw=True)


def saturation(raw) -> int | None:
    """Where the sensor clips, above black, for cameras that clip below the white level their files declare.

    Many pixels of exactly the highest code are clipped ones: noise leaves no such edge elsewhere.
    """
    codes = raw.raw_image_visible
    if codes is None or raw.white_level is None:
        return None
    top = int(codes.max())
    if not _SATURATION_AT_LEAST * raw.white_level < top < raw.white_level:
        return None
    many = 8 + codes.size // 100_000
    return top - min(raw.black_level_per_channel) if np.count_nonzero(codes == top) > many else None


def camera_to_rec709(camera_from_xyz: np.ndarray, rgb_from_camera: np.ndarray) -> np.ndarray:
    """(3, 3) balanced camera RGB -> linear Rec.709, from whichever matrix LibRaw has; else identity."""
    camera_from_rgb = camera_from_xyz[:3] @ REC709_TO_XYZ
    sums = camera_from_rgb.sum(axis=1, keepdims=True)
    if np.isfinite(sums).all() and (np.abs(sums) > 1e-6).all():
        balanced = camera_from_rgb / sums
        if abs(np.linalg.det(balanced)) > 1e-6:
            return np.linalg.inv(balanced)
    direct = rgb_from_camera[:, :3]  # DNG (LibRaw#751): already balanced
    usable = np.isfinite(direct).all() and abs(np.linalg.det(direct)) > 1e-6
    return direct if usable else np.eye(3)
