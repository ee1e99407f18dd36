"""Quick scores in torch, for training: what the evaluation measures, on (N, 3, H, W) light with 1.0 = the clip level.

Training chooses weights by these on every validation. Figures that are quoted come from `hdrrecon evaluate`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from hdrrecon.camera.masks import OVER_CODE, UNDER_START
from hdrrecon.color import luminance
from hdrrecon.metrics.pu21 import LOWEST_NITS, PEAK_NITS, WHITE_NITS, pu21_units


def display_error(prediction: Tensor, truth: Tensor) -> Tensor:
    """Negative PU21-PSNR in tens of decibels, (N,): the photo's clip level at 200 cd/m2, limited to 4000."""

    def shown(x):
        return pu21_units((x * WHITE_NITS).clamp(LOWEST_NITS, PEAK_NITS))

    mean_square = (shown(prediction) - shown(truth)).square().mean((1, 2, 3))
    return ((mean_square + 1e-2) / 256**2).log10()


def well_exposed(code: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, H, W) bool, as the evaluation protocol defines it: brightest channel at most 240, mean at
    least 13."""
    return (code.amax(1) <= (OVER_CODE + 0.5) / 255) & (code.mean(1) >= UNDER_START)


def alignment_gain(prediction: Tensor, truth: Tensor, code: Tensor) -> Tensor:
    """Least-squares gain of the prediction over well-exposed pixels, (N, 1, 1, 1), as the evaluation protocol takes
    it."""
    well = well_exposed(code)[:, None]
    gain = (well * prediction * truth).sum((1, 2, 3)) / (well * prediction.square()).sum((1, 2, 3)).clamp(min=1e-12)
    gain = torch.where(well.flatten(1).sum(1) >= 200, gain.clamp(0.1, 10), torch.ones_like(gain))
    return gain.view(-1, 1, 1, 1)


def protocol_scores(prediction: Tensor, truth: Tensor, code: Tensor) -> dict[str, float]:
    """Quick version of the evaluation for one image: aligned PU21-PSNR, clipped and well-exposed RMSE in stops."""
    p = prediction * alignment_gain(prediction, truth, code)
    d = (luminance(p, 1).clamp(min=1e-4) / luminance(truth, 1).clamp(min=1e-4)).log2()

    def rms(m):
        return float(d[m].square().mean().sqrt()) if m.any() else float("nan")

    clipped = truth.amax(1) >= 1
    return {
        "psnr": -10 * float(display_error(p, truth)),
        "clipped": rms(clipped),
        "bias": float(d[clipped].mean()) if clipped.any() else float("nan"),
        "well": rms(well_exposed(code)),
    }


def mean_of(rows: Sequence[Mapping[str, float]], name: str) -> float:
    """Mean of a figure over the images it is known of (NaN: not known); 0 if it is known of none."""
    known = [row[name] for row in rows if not math.isnan(row[name])]
    return sum(known) / max(1, len(known))
