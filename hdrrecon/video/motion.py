"""Where a cell of this frame was in another one, and how far that is believed. At the working size, on the CPU.

Frames are compared after a change of exposure has been taken out and both clip at the same level; what is left is
brightness through a square root, in which sensor noise is about even. Clipped areas show no texture: their motion is
that of their rim.

Images are (h, w) or (h, w, C) float32; flow (h, w, 2) is in cells, (x, y).

Source: Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016, as in OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from hdrrecon.color import LUMINANCE_REC709

SMALLEST_PX = 24  # of a side; dense inverse search wants pyramids of patches of eight, less is taken to stand still
DARKEST = 2.0**-8  # light below is noise, and tells nothing of a change of exposure
APPEARANCE = (
    50.0  # how fast belief falls with the squared difference of two cells, both in [0, 1]; VIDEO.md of Lai et al. 2018
)
ENOUGH_CELLS = 32  # with fewer, a change of exposure is not measured
_FLAT = 0.97  # square root of light: from a tenth of a stop below the clip level on there is no texture to follow
MOST_CELLS = 8192  # that it is measured from
_LUMINANCE = np.array([LUMINANCE_REC709])


@dataclass(frozen=True)
class Motion:
    """From a frame to another one.

    `flow` (h, w, 2): what to add to the place of a cell to find it in the other frame; `trust` (h, w) in [0, 1];
    `exposure` (3,): stops by which the channels of this frame are brighter than those of the other.
    """

    flow: np.ndarray
    trust: np.ndarray
    exposure: np.ndarray

    def warped(self, image: np.ndarray, cubic: bool = False) -> np.ndarray:
        """An image (h, w) or (h, w, C <= 4) of the other frame, brought to this one."""
        return warp(image, self.flow, cubic)


def warp(image: np.ndarray, flow: np.ndarray, cubic: bool = False) -> np.ndarray:
    """`image` at the place of each cell plus `flow`; beyond the edge is what is at the edge."""
    height, width = image.shape[:2]
    x, y = _grid(height, width)
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], how, borderMode=cv2.BORDER_REPLICATE)


def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))


def between(one: np.ndarray, other: np.ndarray, over_one: np.ndarray, over_other: np.ndarray) -> tuple[Motion, Motion]:
    """Motion from `one` to `other`, and back.

    Args:
        one, other: (h, w, 3) linear light of two frames of one size, 1.0 = the clip level.
        over_one, over_other: (h, w, 3) share of each cell that is clipped.
    """
    bright = [cv2.transform(x, _LUMINANCE) for x in (one, other)]
    measured = [(strongest(x) < 0.02) & (y > DARKEST) for x, y in zip((over_one, over_other), bright)]
    guess = _exposure(one, other, measured[0] & measured[1])
    a, b = _comparable(one, other, guess)
    if min(a.shape) < SMALLEST_PX or np.array_equal(a, b):
        there = back = np.zeros((*a.shape, 2), np.float32)
    else:
        search = _search()
        eight = [np.rint(255 * x).astype(np.uint8) for x in (a, b)]
        there, back = search.calc(*eight, None), search.calc(*eight[::-1], None)
        there, back = (_from_rim(f, x) for f, x in ((there, a), (back, b)))
    out = []
    for flow, reverse, x, y, first, second, over, sign in (
        (there, back, a, b, one, other, (measured[0], measured[1]), 1),
        (back, there, b, a, other, one, (measured[1], measured[0]), -1),
    ):
        error = flow + warp(reverse, flow)
        trust = np.exp(-APPEARANCE * (x - warp(y, flow)) ** 2) * (error[..., 0] ** 2 + error[..., 1] ** 2 < 1)
        both = over[0] & (warp(over[1].astype(np.float32), flow) > 0.999) & (trust > 0.5)
        exposure = _exposure(first, warp(second, flow), both) if both.sum() >= ENOUGH_CELLS else sign * guess
        out.append(Motion(flow, _inside(flow, trust.astype(np.float32)), exposure))
    return out[0], out[1]


def strongest(image: np.ndarray) -> np.ndarray:
    """(h, w) largest of three channels; numpy's own reduction of so short an axis takes twenty times as long."""
    return cv2.max(cv2.max(image[..., 0], image[..., 1]), image[..., 2])


def _exposure(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(3,) stops by which `one` is brighter than `other`."""
    index = np.flatnonzero(where)
    if len(index) < ENOUGH_CELLS:
        return np.zeros(3, np.float32)
    index = index[:: max(1, len(index) // MOST_CELLS)]
    light = [np.log2(np.maximum(x.reshape(-1, 3)[index], 1e-4)) for x in (one, other)]
    return np.median(light[0] - light[1], 0).astype(np.float32)


def _comparable(one: np.ndarray, other: np.ndarray, brighter: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminances (h, w) in [0, 1], through a square root, as if both images had one exposure and every channel one clip
    level.

    `brighter` (3,): stops by which the first has more light.
    """
    out = []
    for image, gain in ((one, np.ones(3)), (other, 2.0**brighter)):
        level = np.minimum(1.0, 2.0**brighter)  # what the darker exposure shows of the other's clip level
        same = np.minimum(image * (gain / level).astype(np.float32), 1)
        out.append(np.sqrt(np.maximum(cv2.transform(same, _LUMINANCE), 0)))
    return out[0], out[1]


def _search():
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def _inside(flow: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Nothing is known of what was outside of the picture."""
    height, width = trust.shape
    x, y = _grid(height, width)
    x, y = x + flow[..., 0], y + flow[..., 1]
    return trust * ((x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5))


def _from_rim(flow: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """Flow in which cells without texture, where `bright` (h, w) is at its clip level, move as their surroundings (push
    and pull)."""
    known = (bright < _FLAT).astype(np.float32)
    if known.all():
        return flow
    # A patch of flow that touches a flat region is drawn along its edge.
    weight = cv2.erode(known, np.ones((3, 3), np.uint8))[..., None]
    return weight * flow + (1 - weight) * _pulled(flow * weight, weight)


def _pulled(sums: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Means of what is known nearby: at the finest scale that knows anything. `sums` is already weighted."""
    height, width = weight.shape[:2]
    if min(height, width) <= 2:
        return np.broadcast_to(sums.sum((0, 1)) / max(float(weight.sum()), 1e-6), sums.shape).astype(np.float32)
    half = (width + 1) // 2, (height + 1) // 2
    small = cv2.resize(np.dstack([sums, weight]), half, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(
        np.ascontiguousarray(_pulled(small[..., :2], small[..., 2:])), (width, height), interpolation=cv2.INTER_LINEAR
    )
    near = cv2.blur(np.dstack([sums, weight]), (3, 3))
    share = np.clip(near[..., 2:] * 3, 0, 1)
    return share * near[..., :2] / np.maximum(near[..., 2:], 1e-6) + (1 - share) * coarse
