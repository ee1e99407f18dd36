"""PU21: luminance to units of roughly equal visibility, so that PSNR and SSIM mean something for HDR.

Images are numpy (H, W, 3), linear Rec.709. One unit is about one step of 8-bit SDR on a 100 cd/m2 display.
A reconstruction has no nits of its own: `display_nits` shows it on a display whose white is where the photo
clips. Both images of a comparison must be aligned first (`hdrrecon.metrics.alignment`).

Source: Mantiuk & Azimi, "PU21: A novel perceptually uniform encoding for adapting existing quality metrics
for HDR", PCS 2021; constants of the "banding + glare" fit in github.com/gfxdisp/pu21.
"""

from __future__ import annotations

import numpy as np

from hdrrecon.color import namespace
from hdrrecon.metrics.fidelity import psnr, ssim

LOWEST_NITS, HIGHEST_NITS = 0.005, 10_000.0
WHITE_NITS, PEAK_NITS = 200.0, 4000.0
UNIT_PEAK = 256.0  # 100 cd/m2; the dynamic range the official PSNR and SSIM assume
# The encoding's authors weigh channels with more digits than BT.709 itself; kept, so that results agree.
LUMINANCE = np.array([0.212656, 0.715158, 0.072186])

# p1 to p7 of the official encoder.
_OFFSET, _NUMERATOR, _DENOMINATOR = 0.353487901, 0.3734658629, 8.277049286e-05
_INNER, _OUTER = 0.9062562627, 0.09150303166
_BLACK, _SCALE = 0.9099517204, 596.3148142


def pu21_encode(nits) -> np.ndarray:
    """Luminance (or one colour channel) in cd/m2, any shape, to PU21 units, float64.

    Values outside [0.005, 10000] are clamped, where the fit ends. 0.005 -> 0, 100 -> 256, 10000 -> 595.

    Raises:
        TypeError: for integers: code values are not light.

    Example:
        >>> pu21_encode([0.005, 1.0, 100.0]).round(1).tolist()
        [0.0, 36.5, 256.4]
    """
    nits = np.asarray(nits)
    if nits.dtype.kind != "f":
        raise TypeError(
            f"pu21_encode needs absolute luminance in cd/m2 as floats, got {nits.dtype}; "
            "linearise code values and scale them to nits first (metrics.display_nits)"
        )
    return pu21_units(nits.astype(np.float64))


def pu21_units(nits):
    """`pu21_encode` without its check, for numpy arrays and (differentiably) torch tensors; keeps shape and dtype."""
    xp = namespace(nits)
    power = xp.clip(nits, LOWEST_NITS, HIGHEST_NITS) ** _INNER
    ratio = (_OFFSET + _NUMERATOR * power) / (1 + _DENOMINATOR * power)
    return xp.clip(_SCALE * (ratio**_OUTER - _BLACK), 0, None)


def pu21_decode(units) -> np.ndarray:
    """PU21 units, [0, 595], to cd/m2: the inverse of `pu21_encode`."""
    ratio = np.maximum(np.asarray(units, np.float64) / _SCALE + _BLACK, 0) ** (1 / _OUTER)
    power = np.maximum(ratio - _OFFSET, 0) / (_NUMERATOR - _DENOMINATOR * ratio)
    return power ** (1 / _INNER)


def display_nits(linear, white_nits: float = WHITE_NITS, peak_nits: float = PEAK_NITS) -> np.ndarray:
    """Scene-linear light (1.0 = clip level of the photo) on a display: cd/m2 in [0.005, peak_nits]."""
    return np.clip(np.asarray(linear, np.float64) * white_nits, LOWEST_NITS, peak_nits)


def pu21_psnr(prediction_nits, truth_nits) -> float:
    """PSNR in dB of PU21-encoded RGB, peak 256. Both (H, W, 3) in cd/m2, already aligned."""
    return psnr(pu21_encode(prediction_nits), pu21_encode(truth_nits), UNIT_PEAK)


def pu21_ssim(prediction_nits, truth_nits) -> float:
    """SSIM of PU21-encoded luminance, dynamic range 256. Both (H, W, 3) in cd/m2, already aligned."""

    def encode(image):
        return pu21_encode(np.asarray(image, np.float64) @ LUMINANCE)

    return ssim(encode(prediction_nits), encode(truth_nits), UNIT_PEAK)
