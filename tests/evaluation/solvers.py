"""Methods of a "user", found by name: tests.evaluation.solvers:FUNCTION."""

import numpy as np

from hdrrecon.color import srgb_to_linear


def double(photo):
    """Linear, but in a unit of its own."""
    return 2 * srgb_to_linear(photo / 255)


def broken(photo):
    """NaN in the corner of every photo."""
    out = srgb_to_linear(photo / 255)
    out[:2, :2] = np.nan
    return out


def half(photo):
    """Half the size."""
    return double(photo)[::2, ::2]


def angry(photo):
    """Fails on one photo in two."""
    if photo[0, 0, 0] % 2:
        raise RuntimeError("out of luck")
    return double(photo)
