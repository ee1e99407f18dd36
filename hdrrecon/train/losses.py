"""Losses, all on (N, C, H, W) linear light with 1.0 = the level at which the photo clips, unless said otherwise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.color import luminance, xyz_to_uv
from hdrrecon.metrics.quick import display_error

__all__ = [
    "clipped_rms_stops",
    "curve_rmse",
    "curve_stops",
    "display_error",
    "energy_stops",
    "hue_error",
    "interval_pinball",
    "masked_log_l1",
    "root_mean_square",
    "shadow_stops",
    "tint_stops",
    "uv",
    "uv_error",
]

FLOOR = 1e-4
REC709_TO_XYZ = ((0.412424, 0.357579, 0.180464), (0.212656, 0.715158, 0.072186), (0.019332, 0.119193, 0.950444))


def root_mean_square(x: Tensor, dim) -> Tensor:
    """Square root of the mean square, with a gradient at 0."""
    return (x.square().mean(dim) + 1e-8).sqrt()


def curve_rmse(inverse: Tensor, truth: Tensor) -> Tensor:
    """(N, K) against (N, K): RMSE of each curve, (N,)."""
    return root_mean_square(inverse - truth, -1)


def curve_stops(inverse: Tensor, truth: Tensor, share: Tensor) -> Tensor:
    """Error of inverse curves in stops after the best gain, (N,), weighted by how many pixels use each code.

    Args:
        inverse, truth: (N, K) at uniform codes.
        share: (N, K) weights that sum to 1: the histogram of the well-exposed pixels.
    """
    d = (inverse.clamp(min=FLOOR) / truth.clamp(min=FLOOR)).log2()
    d = d - (share * d).sum(1, keepdim=True)
    return ((share * d.square()).sum(1) + 1e-8).sqrt()


def clipped_rms_stops(prediction: Tensor, truth: Tensor) -> Tensor:
    """RMSE in stops of luminance over the truly clipped pixels of each image, (N,)."""
    clipped = (truth.amax(1) >= 1).float()
    d = (luminance(prediction, 1).clamp(min=FLOOR) / luminance(truth, 1).clamp(min=FLOOR)).log2()
    mean_square = (clipped * d.square()).sum((1, 2)) / clipped.sum((1, 2)).clamp(min=1)
    return (mean_square + 1e-6).sqrt()


def masked_log_l1(prediction: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Mean |log2 ratio| per channel where `mask` > 0, weighted by it, (N,)."""
    d = (prediction.clamp(min=FLOOR) / truth.clamp(min=FLOOR)).log2().abs()
    return (mask * d).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)


def interval_pinball(missing_stops: Tensor, below: Tensor, above: Tensor, mask: Tensor) -> Tensor:
    """Pinball loss of the 10 % and 90 % quantiles at `-below` and `above`, over `mask`; all (N, 1, H, W) -> (N,).

    Source: Koenker & Bassett 1978, equation 1.5: at its minimum nine in ten, and one in ten, lie under them.
    """
    over, under = missing_stops - above, -below - missing_stops
    loss = sum(torch.maximum(0.9 * x, -0.1 * x) for x in (over, under))
    return (mask * loss).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)


def energy_stops(prediction: Tensor, truth: Tensor, blocks: int = 4) -> Tensor:
    """|log2| of predicted over true light of the clipped pixels, summed over the photo and over `blocks` x `blocks`
    parts, (N,).

    Light adds up, stops do not: a grey disc may be right in the mean of its stops and lack nearly all light of the sun.
    """
    clipped = (truth.amax(1, keepdim=True) >= 1).float()

    def total(x, n):
        return F.adaptive_avg_pool2d(clipped * luminance(x, 1)[:, None], n)

    whole = (total(prediction, 1).clamp(min=1e-9) / total(truth, 1).clamp(min=1e-9)).log2().abs().flatten()
    if blocks == 1:
        return whole
    share = F.adaptive_avg_pool2d(clipped, blocks).sqrt()  # more than a lone pixel, less than in proportion
    parts = (total(prediction, blocks).clamp(min=1e-6) / total(truth, blocks).clamp(min=1e-6)).log2().abs()
    return 0.5 * whole + 0.5 * (share * parts).sum((1, 2, 3)) / share.sum((1, 2, 3)).clamp(min=1e-3)


def shadow_stops(prediction: Tensor, truth: Tensor, under: Tensor) -> Tensor:
    """Mean |log2 ratio| of luminance over crushed pixels, by their mask (N, 1, H, W), light below a thousandth of the
    clip level counted as that, (N,)."""
    d = (luminance(prediction, 1).clamp(min=1e-3) / luminance(truth, 1).clamp(min=1e-3)).log2().abs()[:, None]
    return (under * d).sum((1, 2, 3)) / under.sum((1, 2, 3)).clamp(min=1)


def hue_error(prediction: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """One minus the cosine between RGB vectors, weighted by `mask` (N, 1, H, W), (N,)."""

    def norm(x):
        return (x.square().sum(1, keepdim=True) + FLOOR**2).sqrt()

    cosine = (prediction * truth).sum(1, keepdim=True) / (norm(prediction) * norm(truth))
    return (mask * (1 - cosine)).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)


def uv_error(prediction: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Distance in the CIE 1976 u'v' plane, weighted by `mask` (N, 1, H, W), (N,): 0.004 is just noticeable side by
    side."""
    distance = ((uv(prediction) - uv(truth)).square().sum(1, keepdim=True) + 1e-8).sqrt()
    return (mask * distance).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)


def uv(light: Tensor) -> Tensor:
    """u' and v' of Rec.709 light, (N, 2, H, W)."""
    xyz = torch.einsum("ij,njhw->nihw", light.new_tensor(REC709_TO_XYZ), light.clamp(min=FLOOR))
    return xyz_to_uv(xyz.movedim(1, -1)).movedim(-1, 1)


def tint_stops(prediction: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """How much greener or less green light is than the truth over a whole batch: |mean error| of log2 R/G plus that of
    log2 B/G, weighted by `mask` (N, 1, H, W); one number."""
    off = (prediction.clamp(min=FLOOR) / truth.clamp(min=FLOOR)).log2()
    tint = off[:, [0, 2]] - off[:, 1:2]
    return ((mask * tint).sum((0, 2, 3)) / mask.sum().clamp(min=1)).abs().sum()
