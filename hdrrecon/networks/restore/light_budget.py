"""The light budget of a panorama: how much light the clipped sky, sun, lamps and windows must have given.

A panorama shows the ground that its light falls on. `panorama_statistics` weighs what the ground sends back against
what the visible sky gives; this network turns some fifty such numbers into the posterior of what is missing: is there a
sun, how strong, how much more or less than stage 2 says comes from everything else that clipped, and how sure all of
that is.

The light of a panorama is then

    linear + gain * (stage 2's energy answer - linear) + a sun's disc of the illuminance `sun`     if there is a sun,
    stage 2's energy answer                                                                        if there is none

A small ensemble of perceptrons, each fitted on its own bootstrap of the training scenes: where they differ, the answer
is less sure. The sun's prior is what the ground asks for (`balance`), the gain's is 1, stage 2's own answer; without a
sun that answer stands as it is, because no correction of it held for scenes that were left out
(`weights/light-budget.md`).

Source: the balance is Lambert's, L = rho E / pi; a sun as a disc of known size and an energy to be found: Lagarde,
Lachambre and Jover, SIGGRAPH 2016 course notes; ensembles: Lakshminarayanan et al. 2017; the Bayesian bootstrap: Rubin
1981.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log, log2
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.latlong import angles
from hdrrecon.networks.restore.panorama_statistics import SeenPanorama, Source, find_source, statistics

KINDS = ("hard sun", "hazy sun", "sky", "lamps", "windows")
"""What a scene is lit by; the first two cast a sun's shadow."""
_SUNS = 2
_OUTPUTS = len(KINDS) + 4
_SUN_STOPS = 2.0  # the network's unit for the sun's illuminance
_SUN_RANGE = (-8.0, 7.0)  # stops of the sun's illuminance, in light of 1.0 = clip level
BRIGHTEST_SUN = 10.0
"""A clear sky's sun gives a surface facing it at most so many times what the sky gives level ground: snow asks for
more."""
_GAIN_STOPS = 1.5  # the largest correction, up or down, of stage 2's energy
_FARTHEST = 3.0  # standard deviations to which statistics are limited: beyond, nothing was learnt
LAPLACE_80 = log(5)  # half the 80 % interval of a Laplace law of scale 1


@dataclass(frozen=True)
class LightBudgetConfig:
    """Sizes."""

    statistics: tuple[str, ...] = ()  # names, in the order of the inputs
    members: int = 12  # perceptrons in the ensemble
    hidden: int = 32  # width of their two hidden layers


class BudgetAnswer(NamedTuple):
    """Tensors (members, N) but for `kinds` (members, N, 5) logits. `sun`: illuminance facing it in stops, were there
    one; `gain`: of stage 2's energy in stops, were there one; `facing`, `level`: log of the Laplace scale, in stops, of
    the illuminance facing the source and on level ground."""

    kinds: Tensor
    sun: Tensor
    gain: Tensor
    facing: Tensor
    level: Tensor

    @property
    def sun_probability(self) -> Tensor:
        """(members, N)."""
        return self.kinds.softmax(-1)[..., :_SUNS].sum(-1)

    def decided(self) -> tuple[Tensor, Tensor, Tensor]:
        """Probability of a sun, its illuminance (0 where none is the likelier) and the gain of stage 2's energy, each
        (N,).

        The illuminance is the median of the posterior: none with the probability of no sun, else a Laplace law of its
        logarithm. A sun that is hardly likelier than none is so given less light, and its gain is nearer to 1, stage
        2's own.
        """
        likely = self.sun_probability.mean(0)
        quantile = ((likely - 0.5) / likely).clamp(
            1e-6, 0.5
        )  # of the sun's law, where half of the posterior lies below
        stops = self.sun.mean(0) + self.facing.exp().mean(0) * (2 * quantile).log()
        sunny = likely > 0.5
        gain = (2 * quantile * self.gain.mean(0)).exp2()
        return likely, torch.where(sunny, stops.exp2(), 0.0), torch.where(sunny, gain, 1.0)


@dataclass(frozen=True)
class LightEstimate:
    """What is believed about the lost light of one panorama. Light of 1.0 = clip level, intervals of 80 %.

    `kind`: the likeliest of `KINDS`; `probabilities` of all of them.
    `gain`: of stage 2's energy answer.
    `sun_elevation_deg`, `sun_azimuth_deg`, `sun_direction_deg`: of the sun, or of the likeliest place of one; half of
    the interval of its direction. None where nothing clipped above the horizon.
    `sun_illuminance`: of a surface facing the sun, from its disc alone; 0 where there is none.
    `facing_stops`, `level_stops`: half of the interval of the illuminance facing the source, and of level ground.
    `given`: the sun's direction was given, not found; `given_strength`: its strength too.
    """

    kind: str
    probabilities: dict[str, float]
    gain: float = 1.0
    sun_elevation_deg: float | None = None
    sun_azimuth_deg: float | None = None
    sun_direction_deg: float | None = None
    sun_illuminance: float = 0.0
    facing_stops: float = 0.0
    level_stops: float = 0.0
    given: bool = False
    given_strength: bool = False

    @property
    def sun_probability(self) -> float:
        return sum(self.probabilities[kind] for kind in KINDS[:_SUNS])

    @property
    def has_sun(self) -> bool:
        return self.sun_illuminance > 0

    def as_dict(self) -> dict:
        """For JSON."""
        return asdict(self)


class LightBudget(nn.Module):
    """Statistics of a panorama -> posterior of its missing light. See the module's text.

    Buffers `mean`, `deviation` (D,) standardise the statistics; `sharpness` () makes the odds fit scenes left out;
    `stretch` (2,) brings the intervals `facing` and `level` to what held-out scenes need; `direction` (2,): half of the
    interval of the sun's direction is the first plus the second times the radius of the clipped region, in degrees.
    """

    Config = LightBudgetConfig
    mean: Tensor
    deviation: Tensor
    stretch: Tensor
    sharpness: Tensor
    direction: Tensor

    def __init__(self, config: LightBudgetConfig = LightBudgetConfig()):
        super().__init__()
        self.config = config
        members, inputs, hidden = config.members, len(config.statistics), config.hidden
        self.weight1 = nn.Parameter(torch.randn(members, inputs, hidden) / max(inputs, 1) ** 0.5)
        self.weight2 = nn.Parameter(torch.randn(members, hidden, hidden) / hidden**0.5)
        self.weight3 = nn.Parameter(torch.randn(members, hidden, _OUTPUTS) * 0.1 / hidden**0.5)
        self.bias1, self.bias2 = (nn.Parameter(torch.zeros(members, 1, hidden)) for _ in range(2))
        self.bias3 = nn.Parameter(torch.zeros(members, 1, _OUTPUTS))
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.register_buffer("stretch", torch.ones(2))
        self.register_buffer("sharpness", torch.ones(()))
        self.register_buffer("direction", torch.tensor([3.0, 0.3]))

    def standardised(self, values: Tensor) -> Tensor:
        """(N, D) statistics in standard deviations of the training scenes, limited."""
        return ((values - self.mean) / self.deviation).clamp(-_FARTHEST, _FARTHEST)

    def forward(self, values: Tensor) -> BudgetAnswer:
        """(N, D) statistics in the order of the configuration -> what each member thinks."""
        answer = self.answer(self.standardised(values)[None], *self.physics(values))
        return answer._replace(kinds=self.sharpness * answer.kinds)

    def physics(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """(N,) each: the sun the ground asks for, and the brightest that a sky of that light lets be, in stops."""
        balance, visible, restored = (
            values[:, self.config.statistics.index(n)] for n in ("balance", "visible", "restored")
        )
        return balance, visible + restored + log2(BRIGHTEST_SUN)

    def answer(self, inputs: Tensor, balance: Tensor, brightest: Tensor, dropout: float = 0.0) -> BudgetAnswer:
        """`inputs` (members | 1, N, D) standardised; `balance`, `brightest` (N,): see `physics`."""
        x = F.silu(inputs @ self.weight1 + self.bias1)
        x = F.silu(F.dropout(x, dropout, dropout > 0) @ self.weight2 + self.bias2)
        x = F.dropout(x, dropout, dropout > 0) @ self.weight3 + self.bias3
        sun, gain, facing, level = x[..., len(KINDS) :].unbind(-1)
        return BudgetAnswer(
            2 * x[..., : len(KINDS)],
            torch.minimum((balance - 1 + _SUN_STOPS * sun).clamp(*_SUN_RANGE), brightest),
            _GAIN_STOPS * torch.tanh(gain),
            facing.clamp(-4, 2),
            level.clamp(-4, 2),
        )

    @torch.no_grad()
    def weigh(self, seen: SeenPanorama, sun: str | tuple[float, ...] = "auto") -> LightEstimate:
        """What is missing in a panorama.

        Args:
            seen: the panorama at the working resolution.
            sun: "auto" finds out; "off": there is none; (elevation, azimuth) in degrees, or (elevation, azimuth,
                strength): there is one there, of the illuminance `strength` on a surface facing it, in light of 1.0 =
                clip level.
        """
        given = None if isinstance(sun, str) else sun
        source = find_source(seen.clipped)
        if given is not None:
            source = Source.at(given[0], given[1], seen.clipped)
        values = statistics(seen, source)
        inputs = torch.tensor([[values[name] for name in self.config.statistics]], dtype=torch.float32)
        answer = self(inputs.to(self.mean.device))
        probabilities = answer.kinds.softmax(-1).mean((0, 1)).tolist()
        _, strength, gain = (float(value) for value in answer.decided())
        if given:
            strength, gain = (
                (given[2] if len(given) > 2 else 2 ** float(answer.sun.mean())),
                2 ** float(answer.gain.mean()),
            )
        if sun == "off" or source is None:
            strength, gain = 0.0, 1.0
        shines = strength > 0
        best = int(np.argmax(probabilities[:_SUNS] if shines else probabilities[_SUNS:])) + (0 if shines else _SUNS)
        doubt = self.half_intervals(answer)[0]
        place = {}
        if source is not None:
            elevation, azimuth = angles(source.direction)
            place = {
                "sun_elevation_deg": elevation,
                "sun_azimuth_deg": azimuth,
                "sun_direction_deg": 0.0 if given else float(self.direction[0] + self.direction[1] * source.radius_deg),
            }
        return LightEstimate(
            KINDS[best],
            dict(zip(KINDS, probabilities, strict=True)),
            gain,
            **place,
            sun_illuminance=strength,
            facing_stops=float(doubt[0]),
            level_stops=float(doubt[1]),
            given=given is not None,
            given_strength=given is not None and len(given) > 2,
        )

    def half_intervals(self, answer: BudgetAnswer) -> Tensor:
        """(N, 2): half of the 80 % intervals in stops, of facing and level: what the members say of themselves, and how
        far apart they are."""
        sunny = answer.sun_probability.mean(0) > 0.5
        apart = torch.where(sunny, answer.sun.std(0, correction=0), 0.0)
        scales = torch.stack([answer.facing, answer.level], -1).exp().mean(0)
        return self.stretch * LAPLACE_80 * (scales.square() + apart[:, None].square() / 2).sqrt()
