"""Which training views have texture where they are clipped: the ones a network can learn texture from.

Most random views clip to flat white, and a network that sees mostly these learns to paint flat white.

Source: Santos et al. 2020: of grey -> L = log(I + 1) -> bilateral base B -> detail D = L - B, a patch is kept if
mean((|dx D| + |dy D|) (1 - M)) exceeds 0.85. The paper gives no unit for that and for the bilateral filter's sigma of
100. In nats they make no sense: no edge is 100 nats high, so the filter would not see edges at all, and hardly a pixel
has a gradient of 0.85. Both do make sense in 8-bit levels of L, so these are the units here: 255 levels from black to
the brightest of the patch. A sigma of 100 levels then keeps the edges of lamps and windows in the base, however bright
they are, and texture in the detail.
"""

from __future__ import annotations

import cv2
import numpy as np

from hdrrecon.camera.masks import over_mask
from hdrrecon.color import luminance
from hdrrecon.train.data.pairs import Sample

LEVELS = 255.0
SIGMA_LEVELS = 100.0
SIGMA_PX = 10.0
THRESHOLD = 0.85  # levels per pixel
REDUCTION = 4  # the base is smooth: a quarter of the resolution holds it


def texture_score(hdr: np.ndarray, mask: np.ndarray) -> float:
    """Gradient of the detail in clipped pixels, in 8-bit levels per pixel, averaged over all pixels of the patch.

    So a patch scores high if much of it is clipped and has texture there.

    Args:
        hdr: (3, H, W) linear light, 1.0 = clip level.
        mask: (H, W), (1, H, W) or (3, H, W) in [0, 1], 1 = clipped (the paper's 1 - M); of channels the largest counts.
    """
    log_light = np.log1p(np.maximum(luminance(hdr, 0), 0)).astype(np.float32)
    levels = log_light * np.float32(LEVELS / max(float(log_light.max()), 1e-6))
    detail = levels - bilateral_base(levels)
    gradient = np.zeros_like(detail)
    gradient[:, :-1] += np.abs(np.diff(detail, axis=1))
    gradient[:-1] += np.abs(np.diff(detail, axis=0))
    return float((gradient * np.asarray(mask).reshape(-1, *gradient.shape).max(0)).mean())


def worth(sample: Sample) -> float:
    """Probability of keeping a training sample: 0.5 where its clipped part is flat, 1 from the paper's threshold on.

    The paper keeps nothing flat; then lamps and white walls would never be seen, and their brightness is half of the
    task.
    """
    return 0.5 + 0.5 * min(1.0, texture_score(sample.truth.numpy(), over_mask(sample.code).numpy()) / THRESHOLD)


def bilateral_base(levels: np.ndarray, sigma_levels: float = SIGMA_LEVELS, sigma_px: float = SIGMA_PX) -> np.ndarray:
    """Bilateral filter of (H, W) float32, both of whose weights are Gaussians.

    Source: the piecewise-linear form of Durand & Dorsey 2002, https://doi.org/10.1145/566654.566574: between two
    levels the filter is nearly linear, so it is a blur per level, of which at most seven do at this sigma. The
    bilateral grid of the classic operators smooths one image along another, at any sigma; here, on 256 x 256, it takes
    80 times as long and is off by 3.7 levels (RMS, this one 2.0).
    """
    height, width = levels.shape
    small = cv2.resize(levels, (-(-width // REDUCTION), -(-height // REDUCTION)), interpolation=cv2.INTER_AREA)
    low, high = float(levels.min()), float(levels.max())
    steps = max(1, int(np.ceil((high - low) / (sigma_levels / 2))))
    spacing = max(high - low, 1e-6) / steps
    base = np.zeros_like(levels)
    for i in range(steps + 1):
        level = low + i * spacing
        weight = np.exp(-0.5 * ((small - level) / sigma_levels) ** 2)
        blurred = [cv2.GaussianBlur(x, (0, 0), sigma_px / REDUCTION) for x in (weight * small, weight)]
        plane = cv2.resize(blurred[0] / blurred[1], (width, height), interpolation=cv2.INTER_LINEAR)
        base += np.maximum(1 - np.abs(levels - level) / np.float32(spacing), 0) * plane
    return base
