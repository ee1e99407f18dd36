"""ResponseNet: the inverse camera response from statistics of one photo. The pipeline's default first stage.

A small perceptron reads what `response_statistics` counted and answers, for each family of cameras, with an
inverse response (the family's mean and 11 basis weights, made monotone), and with how likely the family is. The
estimate is the weighted mean of the three, so that a photo that cannot tell gets the mean of what is plausible instead
of an invented curve; and what is read into a photo counts only as far as it can tell anything (`camera.evidence`).
Curves and means live on a logarithmic scale (`camera.basis.compress`): dark tones count as seen.

Sources: Lin et al. 2004 and Lin & Zhang 2005 (edges betray the response); Liu et al. 2020 (inverse EMoR weights,
monotone layer); Grossberg & Nayar 2004 (the basis). The combination is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from hdrrecon.camera.basis import FAMILIES, expand, load_basis
from hdrrecon.camera.evidence import brightest_code, telling, varied_levels
from hdrrecon.camera.exif_prior import log_odds
from hdrrecon.camera.response import CODES
from hdrrecon.networks.cuda_graphs import CudaGraphed
from hdrrecon.networks.linearize.linearization_net import bounded, monotone
from hdrrecon.networks.linearize.response_spread import INPUTS, PARTS, log_factors, raw_spread
from hdrrecon.networks.linearize.response_statistics import (
    CLASSIC,
    KINDS,
    Counting,
    photo_statistics,
    statistics_and_levels,
)
from hdrrecon.networks.stages import Linearizer

LONGEST_PX = 1280  # photos are looked at in this size at most: cost and memory do not grow with them
GREY_DOUBT = 2  # a grey photo has no blending colours to read; its answers are off by twice as much


@dataclass(frozen=True)
class ResponseConfig:
    """Sizes of a `ResponseNet`, and what it reads."""

    # Widths of the perceptron.
    hidden: tuple[int, ...] = (128, 64)
    # Basis vectors per curve.
    weights: int = 11
    # Share of values left out between layers, in training.
    dropout: float = 0.5
    # Kinds of statistics it reads (`response_statistics.KINDS`).
    kinds: tuple[str, ...] = CLASSIC
    # Codes at which curves are made; straight in between, on the logarithmic scale.
    samples: int = len(CODES)
    # Widths of a perceptron that the families have to themselves; empty: they share that of the curves.
    family_hidden: tuple[int, ...] = ()
    # That perceptron tells cameras from others alone. The one of the curves tells flat sRGB from films: it sees more,
    # and what it sees misleads about cameras only.
    split: bool = False
    # Standard deviation of the answer for each family, at middle levels, where the photo is one of that family.
    doubts: tuple[float, ...] = (0.02, 0.01, 0.06)
    # The same of the mean of each family, where nothing is known but the family.
    prior_doubts: tuple[float, ...] = (0.037, 0.01, 0.12)
    # The weights hold factors on the spread, fitted to photos that the network was not (`response_spread`).
    calibrated: bool = False


class ResponseNet(nn.Module, Linearizer):
    """Statistics of a photo -> inverse response. See the module's text."""

    Config = ResponseConfig
    longest_px = LONGEST_PX
    takes_statistics = True
    takes_bytes = True

    def __init__(self, config: ResponseConfig = ResponseConfig()):
        super().__init__()
        self.config = config
        self._counting: Counting = photo_statistics
        basis, at = load_basis(), np.linspace(0, len(CODES) - 1, config.samples).round().astype(int)
        # Constants of the shipped basis, kept in the weights file: a checkpoint stays right if the basis is refitted.
        self.register_buffer("family_means", torch.tensor(basis.compressed_means[:, at], dtype=torch.float32))
        self.register_buffer(
            "vectors", torch.tensor(basis.compressed.vectors[: config.weights, at], dtype=torch.float32)
        )
        self.register_buffer("columns", columns_of(config.kinds), persistent=False)
        size = len(self.columns)
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.body = perceptron(size, config.hidden, config.dropout)
        self.family_body = perceptron(size, config.family_hidden, config.dropout) if config.family_hidden else None
        self.curves = nn.Linear(config.hidden[-1], len(FAMILIES) * config.weights)
        self.families = nn.Linear((config.family_hidden or config.hidden)[-1], 1 if config.split else len(FAMILIES))
        self.split = nn.Linear(config.hidden[-1], 1) if config.split else None
        if config.calibrated:
            self.register_buffer("spread_weights", torch.zeros(INPUTS, PARTS))
        for head in filter(
            None, (self.curves, self.families, self.split)
        ):  # untrained: the three family means, cameras or not alike
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def use_cuda_graphs(self) -> None:
        """Count photos of a size that comes again in one launch (`hdrrecon.networks.cuda_graphs`)."""
        self._counting = CudaGraphed(photo_statistics)

    def normalise_by(self, statistics: Tensor) -> None:
        """Take centre and scale of the inputs from a sample of training statistics (N, SIZE)."""
        chosen = statistics[:, self.columns]
        self.centre.copy_(chosen.mean(0))
        self.scale.copy_(chosen.std(0) + 0.05)

    def normalised(self, statistics: Tensor) -> Tensor:
        """Statistics (N, SIZE) -> the perceptron's inputs."""
        return (statistics[:, self.columns] - self.centre) / self.scale

    def forward(
        self, statistics: Tensor, prior: dict[str, float] | None = None, trust: float = 1.0
    ) -> dict[str, Tensor]:
        """statistics (N, SIZE) -> `inverse` (N, 1024), `family_curves` (N, 3, 1024), `family_logits` (N, 3).

        `prior`, the probability of each family, None for equal ones, is in the logits. `trust` in statistics: of 0 come
        the means of the families, as likely as before.
        """
        out = self.answer(self.normalised(statistics), prior, trust=trust)
        return out | {name: expand(resampled(out[name], len(CODES))) for name in ("inverse", "family_curves")}

    def answer(
        self,
        inputs: Tensor,
        prior: dict[str, float] | None = None,
        family_inputs: Tensor | None = None,
        trust: float = 1.0,
    ) -> dict[str, Tensor]:
        """What `forward` answers, of normalised inputs, with curves at `samples` codes and on the scale of `compress`.

        `family_inputs`: what the families see, if not the same."""
        deep = self.body(inputs)
        weights = self.curves(deep).reshape(len(deep), len(FAMILIES), -1) * (
            4 * trust
        )  # a unit weight moves a curve by 1/32 only
        family_deep = deep
        if self.family_body is not None:
            family_deep = self.family_body(inputs if family_inputs is None else family_inputs)
        logits = self.families(family_deep)
        if self.split is not None:  # the two share what cameras leave: their probabilities sum to one, times that
            flat = self.split(deep)
            logits = torch.cat([logits, nn.functional.logsigmoid(flat), nn.functional.logsigmoid(-flat)], 1)
        logits = logits * trust + deep.new_tensor(log_odds(prior))
        curves = monotone(self.family_means + weights @ self.vectors)
        return {
            "inverse": (logits.softmax(1)[..., None] * curves).sum(1),
            "family_curves": curves,
            "family_logits": logits,
        }

    @torch.inference_mode()
    def estimate(self, code: Tensor, prior: dict[str, float] | None = None) -> dict[str, Tensor]:
        """One photo (1, 3, H, W) of any size -> `inverse` (1024,), `families` (3,) summing to 1, `spread` (1024,).

        `code`: code values in [0, 1], or bytes that stand for 255ths of them (uint8). `prior`: probability of each
        family before the photo is seen (`camera.exif_prior`); None, all alike.
        `spread` is half the width of the band that should hold the true curve over 68 % of the codes
        (`response_spread`).
        """
        return self.conclude(self.gather(code), prior)

    @torch.inference_mode()
    def gather(self, code: Tensor) -> Tensor:
        """Evidence of one photo (1, 3, H, W): its statistics, shares of 256 levels, 1 if it has colour, and its pixels.
        (SIZE + 258,).

        The mean over photos of one camera is their evidence together.
        """
        if code.dtype == torch.uint8 and (max(code.shape) > LONGEST_PX or code.device.type != "cpu"):
            code = code.float() / 255  # bytes are counted as they are, not shrunk
        code = bounded(code, LONGEST_PX)
        statistics, levels = statistics_and_levels(code[0], self._counting)
        if code.dtype == torch.uint8:
            coloured = statistics.new_tensor([not torch.equal(code, code[:, :1].expand_as(code))])
        else:
            coloured = ((code - code[:, :1]).abs().max() >= 0.5 / 255).float().view(1)
        pixels = statistics.new_tensor([code[0, 0].numel()])
        return torch.cat([statistics, levels / levels.sum(), coloured, pixels])

    @torch.inference_mode()
    def conclude(self, evidence: Tensor, prior: dict[str, float] | None = None) -> dict[str, Tensor]:
        """What `estimate` answers, from what was gathered."""
        statistics, levels, coloured, pixels = evidence.split((len(evidence) - 258, 256, 1, 1))
        shares = levels.tolist()
        told = telling(varied_levels(shares), float(pixels), brightest_code(shares))
        out = self(statistics[None], prior, told)
        spread = self.spread(out, told, GREY_DOUBT if coloured == 0 else 1)[0]
        return {"inverse": out["inverse"][0], "families": out["family_logits"][0].softmax(0), "spread": spread}

    def spread(self, out: dict[str, Tensor], told: float = 1.0, doubt: float = 1.0) -> Tensor:
        """Uncertainty (N, 1024) of what `forward` answered, 1 = clip level: see `response_spread`.

        Args:
            told: how much the photo could tell (`camera.evidence.telling`).
            doubt: factor on the doubts within the families.
        """
        likely = out["family_logits"].softmax(1)
        curves = (out["inverse"], out["family_curves"], likely)
        seen = raw_spread(*curves, likely.new_tensor(self.config.doubts) * doubt)
        if self.config.calibrated:
            seen = seen * log_factors(likely, self.spread_weights, seen.shape[1]).exp()
        unseen = raw_spread(*curves, likely.new_tensor(self.config.prior_doubts))
        return (told * seen**2 + (1 - told) * unseen**2).sqrt()


def perceptron(size: int, widths: tuple[int, ...], dropout: float) -> nn.Sequential:
    """Linear layers with SiLU and dropout after each."""
    pairs = zip((size, *widths), widths)
    return nn.Sequential(*(layer for a, b in pairs for layer in (nn.Linear(a, b), nn.SiLU(), nn.Dropout(dropout))))


def columns_of(kinds: tuple[str, ...]) -> Tensor:
    """Where kinds of statistics lie in the vector of `response_statistics`."""
    ends = dict(zip(KINDS, np.cumsum(list(KINDS.values()))))
    return torch.cat([torch.arange(ends[kind] - KINDS[kind], ends[kind]) for kind in kinds])


def resampled(curves: Tensor, samples: int) -> Tensor:
    """Curves (..., K) at uniform codes -> (..., samples), straight in between; the same object if K is `samples`."""
    if curves.shape[-1] == samples:
        return curves
    flat = curves.reshape(-1, 1, curves.shape[-1])
    return nn.functional.interpolate(flat, samples, mode="linear", align_corners=True).reshape(
        *curves.shape[:-1], samples
    )
