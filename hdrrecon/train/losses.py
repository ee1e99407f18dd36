"""Losses, all on (N, C, H, W) linear light with 1.0 = the level at which the photo clips, unless said otherwise."""
from __future__ import annotations

from torch import Tensor

from hdrrecon.color import luminance
from hdrrecon.metrics.pu21 import LOWEST_NITS, PEAK_NITS, WHITE_NITS, pu21_units

FLOOR = 1e-4


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


def display_error(prediction: Tensor, truth: Tensor) -> Tensor:
    """Negative PU21-PSNR in tens of decibels, (N,): the photo's clip level at 200 cd/m2, limited to 4000."""
    shown = lambda x: pu21_units((x * WHITE_NITS).clamp(LOWEST_NITS, PEAK_NITS))
    mean_square = (shown(prediction) - shown(truth)).square().mean((1, 2, 3))
    return ((mean_square + 1e-2) / 256**2).log10()


def laplace_nll(error_stops: Tensor, spread: Tensor, mask: Tensor) -> Tensor:
    """Negative log-likelihood of |error| under a Laplace law of scale `spread`, over `mask`; all (N, 1, H, W) -> (N,)."""
    nll = error_stops.abs() / spread + spread.log()
    return (mask * nll).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)
