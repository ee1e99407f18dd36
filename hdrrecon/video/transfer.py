"""Light to the signal of a screen: Rec.2020 primaries, PQ or HLG, R'G'B' in [0, 1]. By tables, for powers of six
million values take longer than a frame may.

Light above `peak_nits` is bent over the last stop below it, as `io.headroom.shoulder`, but always alike: a shoulder
that looked at each frame's brightest pixel would pump.

Sources: SMPTE ST 2084, ITU-R BT.2100-2 tables 4 and 5 (PQ, HLG), BT.2408-7 (203 cd/m2 for graphics white: 0.58 of PQ
and 0.75 of HLG), BT.2087 (primaries).
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from hdrrecon.color import HLG_GAMMA, HLG_PEAK_NITS, hlg_encode, matrix_between, pq_encode
from hdrrecon.video.tags import Transfer

_KEPT_BITS = 13  # of a float32's 23 bits of mantissa, those that tables do not look at: steps of a thousandth
_LUMINANCE_2020 = (0.2627, 0.6780, 0.0593)


class ToSignal:
    """(H, W, 3) float32 linear Rec.709 light, 1.0 = `white_nits`, to R'G'B' float32; counts how bright it gets.

    Args:
        transfer: "pq" or "hlg".
        white_nits: cd/m2 of 1.0.
        peak_nits: cd/m2 that nothing passes. HLG is made for 1000.

    `brightest` and `frame_mean` are MaxCLL and MaxFALL so far, in cd/m2: the largest channel of any pixel (the top
    hundred thousandth of a frame left out: a single pixel of noise is no light), and the largest mean of a frame.
    """

    def __init__(self, transfer: Transfer = "pq", white_nits: float = 203.0, peak_nits: float = 1000.0):
        self.transfer, self.white_nits, self.peak_nits = transfer, white_nits, peak_nits
        self.matrix = white_nits * matrix_between("rec709", "rec2020")
        self.brightest = self.frame_mean = 0.0

    def __call__(self, light: np.ndarray) -> np.ndarray:
        nits = cv2.transform(np.ascontiguousarray(light, np.float32), self.matrix)
        np.maximum(nits, 0, out=nits)
        strongest = cv2.max(cv2.max(nits[..., 0], nits[..., 1]), nits[..., 2])
        if float(strongest.max()) > self.peak_nits / 2:
            nits *= shoulder_gain(strongest, self.peak_nits)[..., None]
            strongest = cv2.max(cv2.max(nits[..., 0], nits[..., 1]), nits[..., 2])
        self._count(strongest)
        return _looked_up(nits, _pq_table()) if self.transfer == "pq" else hlg_signal(nits)

    def _count(self, strongest: np.ndarray) -> None:
        left_out = strongest.size // 100_000
        flat = strongest.ravel()
        top = float(np.partition(flat, -1 - left_out)[-1 - left_out]) if left_out else float(flat.max())
        self.brightest = max(self.brightest, top)
        self.frame_mean = max(self.frame_mean, float(strongest.mean()))


def shoulder_gain(strongest: np.ndarray, peak: float) -> np.ndarray:
    """What pixels whose strongest channel is this are multiplied by; 1 up to half the peak. (H, W) float32."""
    gain = np.ones_like(strongest)
    bright = strongest > peak / 2
    stops = np.log2(strongest[bright] / np.float32(peak / 2))
    gain[bright] = np.exp2(1 - np.exp(-stops) - stops)
    return gain


def hlg_signal(nits: np.ndarray) -> np.ndarray:
    """Display light (H, W, 3) in cd/m2 of Rec.2020 to HLG: out of the screen's gamma, then the camera's curve."""
    display = nits / np.float32(HLG_PEAK_NITS)
    luminance = cv2.transform(display, np.array([_LUMINANCE_2020]))
    scene = display * np.power(np.maximum(luminance, 1e-6), 1 / HLG_GAMMA - 1)[..., None]
    return _looked_up(scene, _hlg_table())


def _looked_up(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Non-negative float32 values through a table over the upper bits of a float."""
    index = np.ascontiguousarray(values).view(np.uint32) >> _KEPT_BITS
    return table.take(index, mode="clip")


def _over_floats(function) -> np.ndarray:
    """Table of a function in the middle of each of its cells, up to 16384."""
    last = int(np.float32(16384).view(np.uint32)) >> _KEPT_BITS
    bits = (np.arange(last + 1, dtype=np.uint32) << _KEPT_BITS) + (1 << (_KEPT_BITS - 1))
    values = bits.view(np.float32).astype(np.float64)
    values[0] = 0
    return function(values).astype(np.float32)


@lru_cache(maxsize=1)
def _pq_table() -> np.ndarray:
    return _over_floats(pq_encode)


@lru_cache(maxsize=1)
def _hlg_table() -> np.ndarray:
    return _over_floats(hlg_encode)
