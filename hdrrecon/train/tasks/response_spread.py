"""Calibration of ResponseNet's spread: how far a band around the estimate has to reach to hold the true curve over 68 %
of the codes of photos that the network was not fitted to. Seconds.

Quantile regression (Koenker & Bassett 1978) of the logarithm of the error over the raw spread, for a quantile does not
mind a few photos that are off by far, as a variance does.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.networks.linearize.response_net import ResponseNet
from hdrrecon.networks.linearize.response_spread import HELD, log_factors
from hdrrecon.train.data.response_statistics import Counted

EVEN = 0.5  # share of the weight that is the families' alike; the rest is as they are in the world
SMALLEST = 1e-4  # error below which none is counted
KEPT = slice(12, -12, 8)  # of the 1024 codes: the ends are known to all, neighbours are alike
RIDGE = 1e-3


def calibrate(net: ResponseNet, photos: Counted, odds: Tensor, steps: int = 400, rate: float = 0.05) -> None:
    """Fit `spread_weights` of a network whose configuration is `calibrated`.

    Args:
        photos: that the network was not fitted to.
        odds: (N,) how likely each is in the world, up to a factor.
    """
    net.spread_weights.zero_()
    with torch.no_grad():
        out = net(photos.statistics)
        likely, raw = out["family_logits"].softmax(1), net.spread(out)
    off = (out["inverse"] - photos.inverse).abs().clamp(min=SMALLEST)
    missing = (off / raw.clamp(min=SMALLEST)).log()[:, KEPT]
    importance = balanced(odds, photos.family)[:, None]
    weights = torch.zeros_like(net.spread_weights, requires_grad=True)
    optimizer = torch.optim.Adam([weights], rate)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        rest = missing - log_factors(likely, weights, raw.shape[1])[:, KEPT]
        pinball = torch.maximum(HELD * rest, (HELD - 1) * rest)
        loss = (importance * pinball).sum(0).mean() + RIDGE * weights.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.spread_weights.copy_(weights.detach())


def balanced(odds: Tensor, family: Tensor) -> Tensor:
    """Weights (N,) that sum to 1: `EVEN` of them shared alike by the families, the rest as `odds` have them."""
    shares = torch.stack([odds[family == index].sum() for index in range(len(FAMILIES))])
    return (1 - EVEN) * odds / odds.sum() + EVEN * odds / shares[family].clamp(min=1e-9) / int((shares > 0).sum())


def held_share(net: ResponseNet, photos: Counted, odds: Tensor) -> dict[str, float]:
    """Share of the codes at which the band holds the true curve, by family (nan where there is none)."""
    with torch.no_grad():
        out = net(photos.statistics)
        inside = ((out["inverse"] - photos.inverse).abs() <= net.spread(out)).float().mean(1)

    def of(index: int) -> float:
        kept = photos.family == index
        return float((odds * inside)[kept].sum() / odds[kept].sum())

    return {name: of(index) for index, name in enumerate(FAMILIES)}
