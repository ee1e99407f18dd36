"""Soft masks of over-, under- and well-exposed pixels, from code values.

A pixel counts as measured up to `OVER_START`; from there to `OVER_FULL` trust falls to nothing. The
wide ramp is deliberate: JPEG and sharpening move clipped pixels by several codes, and in camera JPEGs
everything from code 250 up is clipped. Inside the ramp the networks decide.

Source: the alpha blend of Eilertsen et al. 2017 and Santos et al. 2020, with thresholds of our own.
"""

from __future__ import annotations

OVER_START = 240 / 255
OVER_FULL = 250 / 255
UNDER_START = 13 / 255


def over_mask(code):
    """Per-channel soft mask of clipped values: 0 up to code 240/255, 1 from 250/255. Same shape as `code`."""
    return ((code - OVER_START) / (OVER_FULL - OVER_START)).clip(0, 1)


def under_mask(code, axis: int = -3):
    """Soft mask of crushed pixels: 1 where the brightest channel is 0, 0 from 13/255.

    Args:
        code: code values in [0, 1]; `axis` is the channel axis (-3 for NCHW, -1 for HWC), kept with size 1.
    """
    brightest = code.max(axis, keepdims=True)
    brightest = getattr(brightest, "values", brightest)  # torch returns (values, indices)
    return (1 - brightest / UNDER_START).clip(0, 1)


def well_mask(code, axis: int = -3):
    """Soft mask of well-exposed pixels: 1 where no channel is clipped and the pixel is not crushed."""
    over = over_mask(code).max(axis, keepdims=True)
    over = getattr(over, "values", over)
    return (1 - over) * (1 - under_mask(code, axis))
