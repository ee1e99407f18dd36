"""How uncertain an estimated response is: half the width of a band that should hold the true inverse curve over 68 % of
the codes.

Two doubts make it: which family a photo is of, and how far each family's answer is off. Both were too small for some
photos and too large for others, so what remains is fitted: a factor for each part of the codes, by how likely the
families are (`train.tasks.response_spread`, quantile regression of Koenker & Bassett 1978).
"""

from __future__ import annotations

import torch
from torch import Tensor

from hdrrecon.camera.basis import FAMILIES

HELD = 0.68  # of the codes: what one standard deviation of a normal distribution holds
PARTS = 5  # of the codes, at whose centres the factors are fitted; straight in between
INPUTS = len(FAMILIES) + 1


def raw_spread(inverse: Tensor, family_curves: Tensor, likely: Tensor, doubts: Tensor) -> Tensor:
    """Standard deviation of a mixture of families, (N, K).

    Args:
        inverse: (N, K) mean curves, 1 = clip level; family_curves: (N, 3, K).
        likely: (N, 3) probabilities of the families.
        doubts: (3,) or (N, 3) standard deviation within each family at middle levels.
    """
    between = (likely[..., None] * (family_curves - inverse[:, None]) ** 2).sum(1)
    # The ends of a curve are known; 4 makes it 1 in the middle.
    within = 4 * (inverse * (1 - inverse)).clamp(min=0) * (likely * doubts**2).sum(-1, keepdim=True)
    return (between + within).sqrt()


def log_factors(likely: Tensor, weights: Tensor, samples: int) -> Tensor:
    """Logarithms (N, samples) of the factors on `raw_spread`.

    Args:
        likely: (N, 3) probabilities of the families.
        weights: (INPUTS, PARTS), fitted; zeros change nothing.
    """
    entropy = -(likely * likely.clamp(min=1e-6).log()).sum(-1, keepdim=True)
    # The three sum to 1: one of them stands for the constant.
    inputs = torch.cat([torch.ones_like(entropy), likely[:, 1:], entropy], 1)
    places = torch.linspace(0, PARTS - 1, samples, device=weights.device)
    parts = (1 - (places[:, None] - torch.arange(PARTS, device=weights.device)).abs()).clamp(min=0)
    return inputs @ weights @ parts.T
