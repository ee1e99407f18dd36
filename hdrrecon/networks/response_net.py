"""ResponseNet: the inverse camera response from statistics of one photo. The pipeline's default first stage.

A small perceptron reads what `response_statistics` counted and answers, for each family of cameras, with an
inverse response (the family's mean and 11 basis weights, made monotone), and with how likely the family is. The
estimate is the weighted mean of the three, so that a photo that cannot tell gets the mean of what is plausible instead
of an invented curve. Curves and means live on a logarithmic scale (`camera.basis.compress`): dark tones count as seen.

Sources: Lin et al. 2004 and Lin & Zhang 2005 (edges betray the response); Liu et al. 2020 (inverse EMoR weights,
monotone layer); Grossberg & Nayar 2004 (the basis). The combination is ours.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hdrrecon.camera.basis import FAMILIES, expand, load_basis
from hdrrecon.camera.prior import log_odds
from hdrrecon.networks.linearization_net import bounded, monotone
from hdrrecon.networks.response_statistics import SIZE, response_statistics

LONGEST_PX = 1280  # photos are looked at in this size at most: cost and memory do not grow with them


@dataclass(frozen=True)
class ResponseConfig:
    """`hidden`: widths of the perceptron; `weights`: basis vectors per curve; `dropout` between layers, in training."""

    hidden: tuple[int, ...] = (128, 64)
    weights: int = 11
    dropout: float = 0.5


class ResponseNet(nn.Module):
    """Statistics of a photo -> inverse response. See the module's text."""

    Config = ResponseConfig

    def __init__(self, config: ResponseConfig = ResponseConfig()):
        super().__init__()
        self.config = config
        basis = load_basis()
        # Constants of the shipped basis, kept in the weights file: a checkpoint stays right if the basis is refitted.
        self.register_buffer("family_means", torch.tensor(basis.compressed_means, dtype=torch.float32))
        self.register_buffer("vectors", torch.tensor(basis.compressed.vectors[: config.weights], dtype=torch.float32))
        self.register_buffer("centre", torch.zeros(SIZE))
        self.register_buffer("scale", torch.ones(SIZE))
        widths = (SIZE, *config.hidden)
        layers = [layer for a, b in zip(widths, widths[1:]) for layer in (nn.Linear(a, b), nn.SiLU(), nn.Dropout(config.dropout))]
        self.body = nn.Sequential(*layers)
        self.curves = nn.Linear(widths[-1], len(FAMILIES) * config.weights)
        self.families = nn.Linear(widths[-1], len(FAMILIES))
        for head in (self.curves, self.families):  # untrained: the three family means, equally likely
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def normalise_by(self, statistics: Tensor) -> None:
        """Take centre and scale of the inputs from a sample of training statistics (N, SIZE)."""
        self.centre.copy_(statistics.mean(0))
        self.scale.copy_(statistics.std(0) + 0.05)

    def forward(self, statistics: Tensor, prior: dict[str, float] | None = None) -> dict[str, Tensor]:
        """statistics (N, SIZE) -> `inverse` (N, 1024), `family_curves` (N, 3, 1024), `family_logits` (N, 3).

        `prior`, the probability of each family, None for equal ones, is in the logits.
        """
        deep = self.body((statistics - self.centre) / self.scale)
        weights = self.curves(deep).reshape(len(deep), len(FAMILIES), -1) * 4  # a unit weight moves a curve by 1/32 only
        logits = self.families(deep) + deep.new_tensor(log_odds(prior))
        curves = monotone(self.family_means + weights @ self.vectors)
        inverse = (logits.softmax(1)[..., None] * curves).sum(1)
        return dict(inverse=expand(inverse), family_curves=expand(curves), family_logits=logits)

    @torch.inference_mode()
    def estimate(self, code: Tensor, prior: dict[str, float] | None = None) -> dict[str, Tensor]:
        """One photo (1, 3, H, W) of any size -> `inverse` (1024,), `families` (3,) summing to 1, `spread` (1024,).

        `prior`: probability of each family before the photo is seen (`camera.prior`); None, all alike.
        `spread` is the standard deviation over the families' answers: how far what is plausible differs.
        """
        out = self(response_statistics(bounded(code, LONGEST_PX)), prior)
        likely = out["family_logits"][0].softmax(0)
        spread = (likely[:, None] * (out["family_curves"][0] - out["inverse"][0]) ** 2).sum(0).sqrt()
        return dict(inverse=out["inverse"][0], families=likely, spread=spread)
