"""Tone curves: linear light (H, W, 3) to uint8 sRGB (H, W, 3). NaN, infinity and negative light do no harm.

Sources: "reinhard" is the extended operator, Reinhard et al., "Photographic tone reproduction for digital images",
SIGGRAPH 2002, eq. 4, on luminance; "filmic" is Narkowicz's fit of the ACES curve, "ACES filmic tone mapping curve",
2016, per channel.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from hdrrecon.color import linear_to_srgb, luminance

Method = Literal["reinhard", "filmic", "clip"]
_BAND_ROWS = 256


def tonemap(linear: np.ndarray, method: Method = "reinhard", exposure_stops: float = 0.0) -> np.ndarray:
    """Picture of linear light for an ordinary screen.

    Args:
        linear: (H, W, 3) floats, scene-linear Rec.709, 1.0 = the level at which the photo clipped. NaN counts as
            black, infinity as the brightest finite light.
        method: "clip" shows what a camera would; "reinhard" brings everything up to the brightest light into range,
            keeps colours and leaves a picture that never exceeds 1 as it is; "filmic" fades highlights to white.
        exposure_stops: added first; -1 halves the light.

    Returns:
        (H, W, 3) uint8, sRGB.

    Raises:
        ValueError: another shape, or an unknown method.

    Example:
        >>> tonemap(np.full((1, 1, 3), 0.5, np.float32), "clip").tolist()
        [[[188, 188, 188]]]
    """
    if method not in CURVES:
        raise ValueError(f"method is {method!r}; choose one of {', '.join(CURVES)}")
    light, gain = light_of(linear), 2.0**exposure_stops
    brightest = _brightest(light)
    # The top thousandth may burn out: a sun of a few pixels must not decide about the whole picture.
    white = max(1.0, gain * float(np.percentile(_clean(np.fmax.reduce(light, axis=2), brightest), 99.9)))
    picture = np.empty(light.shape, np.uint8)
    for top in range(0, len(light), _BAND_ROWS):  # a large picture at once would need ten times its memory
        rows = slice(top, top + _BAND_ROWS)
        picture[rows] = quantized(CURVES[method](_clean(light[rows], brightest) * gain, white))
    return picture


def light_of(linear: np.ndarray) -> np.ndarray:
    """The image as (H, W, 3) float32, or float64 if it is; raises ValueError for anything that is not one."""
    linear = np.asarray(linear)
    if linear.ndim != 3 or linear.shape[2] != 3 or 0 in linear.shape or linear.dtype.kind != "f":
        raise ValueError(
            f"a view needs linear light (H, W, 3) as floats, got {linear.dtype} {linear.shape}; "
            "pictures of code values can be shown as they are"
        )
    return linear.astype(
        np.promote_types(linear.dtype, np.float32), copy=False
    )  # float64 of large panoramas fills the memory


def drawable(linear: np.ndarray) -> np.ndarray:
    """The image as `light_of` gives it, finite and not negative."""
    linear = light_of(linear)
    return _clean(linear, _brightest(linear))


def _brightest(light: np.ndarray) -> float:
    return light.max(initial=1.0, where=np.isfinite(light))


def _clean(light: np.ndarray, brightest: float) -> np.ndarray:
    return np.clip(np.nan_to_num(light, nan=0.0, posinf=brightest), 0, brightest)


def quantized(linear: np.ndarray) -> np.ndarray:
    """Light in [0, 1] to 8-bit sRGB; more than 1 clips."""
    return np.rint(255 * linear_to_srgb(np.clip(linear, 0, 1))).astype(np.uint8)


def _reinhard(light: np.ndarray, white: float) -> np.ndarray:
    y = luminance(light)[..., None]
    return light * ((1 + y / white / white) / (1 + y))  # in this order nothing overflows


def _filmic(light: np.ndarray, _: float) -> np.ndarray:
    x = 0.6 * np.minimum(light, 1e4)  # 0.6 brings the fit to the exposure of the ACES original; far beyond 1e4 it is 1
    return x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)


CURVES = {"reinhard": _reinhard, "filmic": _filmic, "clip": lambda light, _: light}
