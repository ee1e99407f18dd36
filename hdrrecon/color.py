"""Colour: transfer functions, luminance and primaries. Pure functions on numpy arrays or torch tensors.

Light is scene-linear. Matrices act on column vectors: ``rgb @ M.T`` for arrays of shape (..., 3).

Sources: sRGB transfer IEC 61966-2-1; Rec.709 luminance ITU-R BT.709-6; PQ SMPTE ST 2084 / ITU-R BT.2100-2; HLG
ITU-R BT.2100-2 table 5;
primaries-to-XYZ derivation SMPTE RP 177.
"""

from __future__ import annotations

import sys

import numpy as np

from hdrrecon.options import UsageError

LUMINANCE_REC709 = (0.2126, 0.7152, 0.0722)
D65 = (0.3127, 0.3290)

PRIMARIES = {  # CIE xy of R, G, B; every entry has the D65 white point
    "rec709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "rec2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "adobe": ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060)),
}

PQ_PEAK_NITS = 10_000.0
_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32

HLG_PEAK_NITS = 1000.0  # of the display that the system gamma of 1.2 is for
HLG_GAMMA = 1.2
_HLG_A = 0.17883277
_HLG_B, _HLG_C = 1 - 4 * _HLG_A, 0.5 - _HLG_A * float(np.log(4 * _HLG_A))


def namespace(x):
    """numpy or torch, whichever `x` belongs to, without importing torch for numpy users."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(x, torch.Tensor) else np


def srgb_to_linear(x):
    """sRGB code values to linear light (EOTF). Any shape; 0 -> 0, 1 -> 1; odd below 0, extended above 1."""
    xp = namespace(x)
    a = xp.abs(x)
    curve = ((xp.clip(a, 0.04045, None) + 0.055) / 1.055) ** 2.4
    return xp.sign(x) * xp.where(a <= 0.04045, a / 12.92, curve)


def linear_to_srgb(x):
    """Linear light to sRGB code values, the inverse of `srgb_to_linear`. Any shape."""
    xp = namespace(x)
    a = xp.abs(x)
    # The clip keeps the branch that is not taken differentiable (pytorch#68425).
    curve = 1.055 * xp.clip(a, 0.0031308, None) ** (1 / 2.4) - 0.055
    return xp.sign(x) * xp.where(a <= 0.0031308, a * 12.92, curve)


def luminance(x, axis: int = -1):
    """Rec.709 luminance of linear RGB; `axis` is the channel axis (-1 for HWC, 1 for NCHW) and is removed."""
    r, g, b = (x[(slice(None),) * (axis % x.ndim) + (i,)] for i in range(3))
    wr, wg, wb = LUMINANCE_REC709
    return wr * r + wg * g + wb * b


def pq_encode(nits):
    """Absolute luminance in cd/m2, [0, 10000], to PQ code values in [0, 1] (SMPTE ST 2084)."""
    y = namespace(nits).clip(nits, 0, PQ_PEAK_NITS) / PQ_PEAK_NITS
    power = y**_PQ_M1
    return ((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2


def pq_decode(code):
    """PQ code values in [0, 1] to cd/m2, the inverse of `pq_encode`."""
    root = namespace(code).clip(code, 0, 1) ** (1 / _PQ_M2)
    ratio = namespace(code).clip(root - _PQ_C1, 0, None) / (_PQ_C2 - _PQ_C3 * root)
    return PQ_PEAK_NITS * ratio ** (1 / _PQ_M1)


def hlg_encode(scene):
    """Scene light in [0, 1] to HLG code values in [0, 1] (ITU-R BT.2100-2 table 5, OETF). Any shape."""
    xp = namespace(scene)
    scene = xp.clip(scene, 0, 1)
    bright = _HLG_A * xp.log(xp.clip(12 * scene - _HLG_B, 1e-9, None)) + _HLG_C
    return xp.where(scene <= 1 / 12, xp.sqrt(3 * scene), bright)


def hlg_decode(code):
    """HLG code values in [0, 1] to scene light in [0, 1], the inverse of `hlg_encode`. Any shape."""
    xp = namespace(code)
    code = xp.clip(code, 0, 1)
    return xp.where(code <= 0.5, code**2 / 3, (xp.exp((code - _HLG_C) / _HLG_A) + _HLG_B) / 12)


def primaries_to_xyz(primaries, white=D65) -> np.ndarray:
    """(3, 3) matrix from linear RGB with these xy primaries to CIE XYZ, white at Y = 1."""

    def to_xyz(xy):
        return np.array([xy[0] / xy[1], 1.0, (1 - xy[0] - xy[1]) / xy[1]])

    columns = np.stack([to_xyz(xy) for xy in primaries], axis=1)
    return columns * np.linalg.solve(columns, to_xyz(white))


REC709_TO_XYZ = primaries_to_xyz(PRIMARIES["rec709"])
XYZ_TO_REC709 = np.linalg.inv(REC709_TO_XYZ)


def xyz_to_uv(xyz):
    """CIE 1976 u', v' (..., 2) of XYZ (..., 3); X + 15 Y + 3 Z must not be 0. Source: ISO/CIE 11664-5."""
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    return namespace(xyz).stack([4 * x, 9 * y], -1) / (x + 15 * y + 3 * z)[..., None]


def matrix_between(src: str, dst: str) -> np.ndarray:
    """(3, 3) matrix between two of `PRIMARIES` ("rec709", "p3", "rec2020", "adobe"), both D65.

    Raises:
        UsageError: naming the known primaries.
    """
    for name in (src, dst):
        if name not in PRIMARIES:
            raise UsageError(f"unknown primaries {name!r}: choose one of {', '.join(sorted(PRIMARIES))}")
    return np.linalg.solve(primaries_to_xyz(PRIMARIES[dst]), primaries_to_xyz(PRIMARIES[src]))
