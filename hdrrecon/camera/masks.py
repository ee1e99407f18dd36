"""Soft masks of over- and under-exposed pixels, from code values; and the codes at which they begin, here alone.

A pixel counts as measured up to `OVER_START`; from there to `OVER_FULL` trust falls to nothing. The
wide ramp is deliberate: JPEG and sharpening move clipped pixels by several codes, and in camera JPEGs
everything from code 250 up is clipped. Inside the ramp the networks decide.

Source: the alpha blend of Eilertsen et al. 2017 and Santos et al. 2020, with thresholds of our own.
"""

from __future__ import annotations

OVER_CODE, CLIP_CODE, UNDER_CODE = 240, 250, 13  # of 255
OVER_START, OVER_FULL, UNDER_START = OVER_CODE / 255, CLIP_CODE / 255, UNDER_CODE / 255


def over_mask(code):
    """Per-channel soft mask of clipped values: 0 up to code 240/255, 1 from 250/255. Same shape as `code`."""
    return ((code - OVER_START) / (OVER_FULL - OVER_START)).clip(0, 1)


def under_mask(code, axis: int = -3):
    """Soft mask of crushed pixels: 1 where the brightest channel is 0, 0 from 13/255.

    Args:
        code: code values in [0, 1]; `axis` is the channel axis (-3 for NCHW, -1 for HWC), kept with size 1.
    """
    # Of torch's two, `max` also says where, which takes four times as long.
    brightest = code.amax(axis, keepdim=True) if hasattr(code, "amax") else code.max(axis, keepdims=True)
    return (1 - brightest / UNDER_START).clip(0, 1)
