"""Brackets made of light: the photos a camera would have taken at other exposures, for programs that merge them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.io.atomic import atomic_write
from hdrrecon.view.tonemap import drawable

EVS = (-4.0, 0.0, 4.0)
BASE_SECONDS = Fraction(1, 60)
"""Exposure time written into the photo at 0 EV. Invented, as a result knows no time; only the ratios matter."""
_MOST_STOPS = 16
_IFD_EXIF, _EXPOSURE_TIME, _BIAS, _SOFTWARE = 0x8769, 0x829A, 0x9204, 0x0131


def bracket(
    light: np.ndarray, evs: Sequence[float] = EVS, *, response: ResponseCurve | None = None
) -> list[np.ndarray]:
    """Photos of light at several exposures.

    Args:
        light: (H, W, 3) scene-linear floats, 1.0 = what clips at 0 EV. NaN counts as black.
        evs: exposures in stops; +4 shows 16 times the light, -4 keeps detail up to 16 times the clip level.
        response: the curve of the camera to imitate; sRGB if not given.

    Returns:
        One (H, W, 3) uint8 per exposure, in the order of `evs`.

    Raises:
        ValueError: no exposures, one beyond 16 stops, or another shape.

    Example:
        >>> [int(p[0, 0, 0]) for p in bracket(np.full((1, 1, 3), 0.25, np.float32), (-2, 0, 2))]
        [71, 137, 255]
    """
    if len(evs) == 0 or not (np.abs(evs) <= _MOST_STOPS).all():
        raise ValueError(
            f"a bracket needs at least one exposure, from -{_MOST_STOPS} to {_MOST_STOPS}, got {list(evs)}"
        )
    light, curve = drawable(light), response or ResponseCurve.srgb()
    return [np.rint(255 * curve.expose(np.minimum(light * 2.0**ev, 1))).astype(np.uint8) for ev in evs]


def exposure_seconds(ev: float) -> Fraction:
    """Exposure time that stands for `ev`, to 1 in 10^6, small enough for the 32-bit fractions of EXIF."""
    seconds = BASE_SECONDS * Fraction(2.0**ev)
    return seconds.limit_denominator(1000) if seconds > 1 else 1 / (1 / seconds).limit_denominator(1000)


def write_bracket(
    folder: str | Path,
    light: np.ndarray,
    evs: Sequence[float] = EVS,
    *,
    name: str = "bracket",
    response: ResponseCurve | None = None,
    quality: int = 97,
) -> list[Path]:
    """Write a bracket as JPEGs NAME-4EV.jpg, NAME+0EV.jpg ... with EXIF ExposureTime and ExposureBiasValue.

    Args:
        folder: where to; made if missing. Files of the same names are replaced.
        light, evs, response: as `bracket`.
        name: start of the files' names.
        quality: of the JPEGs, 1 to 100, without chroma subsampling.

    Returns:
        The paths, in the order of `evs`.

    Raises:
        ValueError: as `bracket`, or two exposures of one name.
        OSError: the place cannot be written to; names it.

    Example:
        >>> write_bracket("stack", hdr, (-4, 0, 4), name="window")
        [PosixPath('stack/window-4EV.jpg'), PosixPath('stack/window+0EV.jpg'), PosixPath('stack/window+4EV.jpg')]
    """
    from PIL import Image

    paths = [Path(folder) / f"{name}{ev:+g}EV.jpg" for ev in evs]
    if len(set(paths)) < len(paths):
        raise ValueError(f"two exposures of {list(evs)} are the same")
    for path, picture, ev in zip(paths, bracket(light, evs, response=response), evs):
        exif = Image.Exif()
        exif[_SOFTWARE] = "hdrrecon, simulated exposure"
        bias = Fraction(ev).limit_denominator(1000)
        exif.get_ifd(_IFD_EXIF).update({_EXPOSURE_TIME: _rational(exposure_seconds(ev)), _BIAS: _rational(bias)})
        with atomic_write(path) as temporary:
            Image.fromarray(picture).save(temporary, quality=quality, subsampling=0, exif=exif)
    return paths


def _rational(value: Fraction):
    from PIL.TiffImagePlugin import IFDRational

    return IFDRational(value.numerator, value.denominator)
