"""Writes decoded raw as a DNG (LinearRaw), which raw developers open like the camera's own file.

Source: Adobe DNG specification 1.4; tags beyond TIFF 6.0 by their numbers there.
"""

from __future__ import annotations

import io

import numpy as np

from hdrrecon.color import REC709_TO_XYZ
from hdrrecon.io.optional import need
from hdrrecon.rawcodec.description import Description

_LINEAR_RAW = 34892
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL = 1, 2, 3, 4, 5, 10
_WHITE = 65535
_DENOMINATOR = 1_000_000


def encode_dng(raw: np.ndarray, description: Description) -> bytes:
    """A DNG file.

    Args:
        raw: (H, W, 3) linear camera RGB in [0, 1].
        description: white balance, matrix and orientation go into its tags.

    Raises:
        ModuleNotFoundError: without `hdrrecon[raw]` (tifffile).
    """
    tifffile = need("tifffile", "raw", "writing DNG")
    neutral = [1 / g for g in description.gains]
    balanced_from_xyz = np.linalg.inv(np.asarray(description.to_rec709, float)) @ np.linalg.inv(REC709_TO_XYZ)
    matrix = np.diag(neutral) @ balanced_from_xyz

    def rational(values) -> tuple[int, ...]:
        return tuple(int(n) for v in values for n in (round(float(v) * _DENOMINATOR), _DENOMINATOR))

    tags = [
        (50706, _BYTE, 4, (1, 4, 0, 0), True),  # DNGVersion
        (50707, _BYTE, 4, (1, 1, 0, 0), True),  # DNGBackwardVersion
        (50708, _ASCII, 0, "hdrrecon raw stream", True),  # UniqueCameraModel
        (274, _SHORT, 1, description.orientation, True),
        (50714, _SHORT, 3, (0, 0, 0), True),  # BlackLevel
        (50717, _LONG, 3, (_WHITE, _WHITE, _WHITE), True),  # WhiteLevel
        (50721, _SRATIONAL, 9, rational(matrix.ravel()), True),  # ColorMatrix1
        (50728, _RATIONAL, 3, rational(neutral), True),  # AsShotNeutral
        (50778, _SHORT, 1, 21, True),  # CalibrationIlluminant1: D65
        (50829, _LONG, 4, (0, 0, raw.shape[0], raw.shape[1]), True),  # ActiveArea
    ]
    out = io.BytesIO()
    codes = np.round(np.clip(raw, 0, 1) * np.float32(_WHITE)).astype(np.uint16)
    tifffile.imwrite(
        out, codes, photometric=_LINEAR_RAW, planarconfig="contig", extratags=tags, metadata=None, software="hdrrecon"
    )
    return out.getvalue()
