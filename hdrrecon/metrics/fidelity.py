"""Whole-image fidelity: PSNR, SSIM, mu-law PSNR and the re-photograph error.

kornia computes PSNR and SSIM. Arrays are numpy; values are dB unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np

MU = 5000.0
WINDOW = 11  # taps of the Gaussian window of SSIM, sigma 1.5 (Wang et al. 2004)
_LEAST_MSE = 1e-12  # identical images would score infinity, which no mean survives


def psnr(prediction, truth, peak: float) -> float:
    """Peak signal-to-noise ratio in dB over all elements; at most the value at a mean square error of 1e-12.

    Args:
        prediction, truth: the same shape, any.
        peak: the largest value the signal can take.
    """
    from kornia.metrics import psnr as kornia_psnr

    prediction, truth = _tensors(prediction, truth)
    ceiling = 10 * np.log10(peak**2 / _LEAST_MSE)
    return min(float(kornia_psnr(prediction, truth, float(peak))), float(ceiling))


def ssim(prediction, truth, dynamic_range: float) -> float:
    """Mean structural similarity of two (H, W) images, in [-1, 1].

    Borders are mirrored including the edge pixel, as scipy and the MATLAB original do; kornia mirrors
    without it, so the images are extended before and only kornia's valid part is used.

    Source: Wang et al., "Image quality assessment: from error visibility to structural similarity", TIP 2004.
    """
    from kornia.metrics import ssim as kornia_ssim

    def extend(image):
        return np.pad(np.asarray(image, np.float64), WINDOW // 2, mode="symmetric")[None, None]

    prediction, truth = _tensors(extend(prediction), extend(truth))
    return float(kornia_ssim(prediction, truth, WINDOW, float(dynamic_range), eps=0.0, padding="valid").mean())


def mu_law_psnr(prediction, truth, mu: float = MU) -> float:
    """PSNR in dB after mu-law compression, both divided by the truth's 99.99 percentile and clipped to [0, 1].

    Args:
        prediction, truth: (H, W, 3) linear light in one common unit (aligned).

    Source: Kalantari & Ramamoorthi, "Deep high dynamic range imaging of dynamic scenes", 2017 (mu = 5000).
    """
    truth = np.asarray(truth, np.float64)
    peak = max(np.percentile(truth.max(-1), 99.99), 1e-12)

    def compress(light):
        return np.log1p(mu * np.clip(light / peak, 0, 1)) / np.log1p(mu)

    return psnr(compress(np.asarray(prediction, np.float64)), compress(truth), 1.0)


def rephotograph_error(prediction, photo, response) -> float:
    """Mean absolute difference, in 8-bit code values, between the photo and a photo taken of the prediction.

    A reconstruction may invent light only where the camera saw none: taken again, it must give the input
    back.

    Args:
        prediction: (H, W, 3) linear, 1.0 = clip level of the photo (aligned).
        photo: (H, W, 3) uint8.
        response: the camera's `ResponseCurve` (for a real photo, the estimated one).
    """
    retaken = np.rint(255 * response.expose(np.clip(np.asarray(prediction, np.float64), 0, 1)))
    return float(np.abs(retaken - photo.astype(np.float64)).mean())


def _tensors(*arrays):
    import torch

    return [torch.from_numpy(np.ascontiguousarray(a, np.float64)) for a in arrays]
