"""What the decoder expects of each latent: the entropy model of the raw codec, in floating point, for training.

Latents lie on the grid of 8 x 8 blocks in four groups, coarse to fine. Each group is coded in passes. For every pass a
small network looks at the JPEG (the guide), at coarser groups and at what earlier passes coded nearby, and predicts

* the order mask: which blocks this pass codes (blocks that no pass chooses are not coded at all);
* for each latent its mean, and the scale of its distribution as an index into tables;
* for each block the precision, as a factor on the step.

After training everything is rounded to integers (`hdrrecon.rawcodec.integer_net`), so that decoders agree bit for bit.

Source: the structure follows Wang et al., "Beyond learned metadata-based raw image reconstruction" (IJCV 2024): order
masks, guided context, adaptive precision; the grid, the groups, and the integers are our own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GUIDE = 23  # the guide's channels, the gain grid, the step
GROUPS = (3, 15, 45, 129)  # latents
PASSES = (3, 2, 2, 1)
SCALES = 64
SMALLEST, RATIO = 0.05, 240.0  # Laplace scales in steps: from 0.05 to 12
PRECISIONS = 16
EVEN = 8  # the precision that leaves the step alone
FRACTION = 4  # context sees latents in quarters of the base step


@dataclass(frozen=True)
class EntropyConfig:
    """Widths of the entropy model's layers, in channels."""

    guide: int = 32  # of guide features
    context: int = 24  # of each context
    hidden: int = 48  # of the parameter networks


@dataclass
class CodedLatents:
    """What coding did.

    `decoded` (N, 192, h, w) without gradient; for the chosen blocks `bits` and `values` (P, 192), and `octaves` (P,
    passes), the log2 of their steps over the base step; `share` (passes,) of all blocks that each pass codes.
    """

    decoded: Tensor
    bits: Tensor
    values: Tensor
    octaves: Tensor
    share: Tensor


def _pick(planes: Tensor, chosen: Tensor) -> Tensor:
    """(N, C, h, w) -> (P, C)."""
    return planes.permute(0, 2, 3, 1).reshape(-1, planes.shape[1])[chosen]


def conv(inputs: int, outputs: int, side: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, padding=side // 2)


def table_scale(index: Tensor) -> Tensor:
    """Scale of a Laplace distribution, in steps, from a table index in 0...63."""
    return SMALLEST * RATIO ** (index / (SCALES - 1))


def bits(symbols: Tensor, scale: Tensor) -> Tensor:
    """-log2 of the probability that a Laplace variable of this scale rounds to the symbol."""
    size = symbols.abs()
    inner = 1 - torch.exp(-0.5 / scale) * torch.cosh(torch.clamp(size / scale, max=20.0))  # |symbol| < 1/2
    outer = torch.exp(-(size - 0.5).clamp(min=0) / scale) * (1 - torch.exp(-1 / scale)) / 2
    return -torch.log2(torch.where(size < 0.5, inner, outer).clamp(min=1e-6))


def symbol_bits(symbol: Tensor, index: Tensor) -> Tensor:
    """`bits` of whole symbols, with fewer operations."""
    half = (0.5 / SMALLEST) * torch.exp(index * (-math.log(RATIO) / (SCALES - 1)))  # half a step in units of the scale
    tail = torch.exp(-half)
    size = symbol.abs()
    outer = (2 * size - 1) * half / math.log(2) + 1 - torch.log2(1 + tail)
    return (size > 0) * outer - torch.log2(1 - tail)


class GroupModel(nn.Module):
    """Networks of one group of latents: `order` gives the order masks, `parameters_` tables, means and precision."""

    coarser: nn.Conv2d | None
    nearby: nn.Conv2d | None

    def __init__(self, index: int, config: EntropyConfig) -> None:
        super().__init__()
        self.size, self.passes = GROUPS[index], PASSES[index]
        coarser = sum(GROUPS[:index])
        context, hidden = config.context, config.hidden
        self.coarser = conv(coarser, context, 3) if coarser else None
        self.nearby = conv(self.size + 1, context, 5 if index == 0 else 3) if self.passes > 1 else None
        inputs = config.guide + (context if coarser else 0) + (context if self.nearby is not None else 0)
        self.has_mean = index < 2
        self.order = nn.ModuleList([conv(inputs, 16, 1), conv(16, self.passes, 1)])
        last = conv(hidden, self.size * (1 + self.has_mean) + 1, 1)
        self.parameters_ = nn.ModuleList([conv(inputs, hidden, 1), conv(hidden, hidden, 1), last])
        nn.init.normal_(last.weight, std=0.02)
        with torch.no_grad():
            for layer in (last, self.order[1]):
                nn.init.zeros_(layer.get_parameter("bias"))
            last.get_parameter("bias")[: self.size] = 1.5  # of 63 / 16

    def features(self, inputs: Tensor) -> Tensor:
        """What the parameters are read from, at every block."""
        for layer in self.parameters_[:-1]:
            inputs = F.relu(layer(inputs))
        return inputs

    def order_logits(self, inputs: Tensor) -> Tensor:
        """(N, passes, h, w); a block wants to be coded in a pass where it is positive."""
        return self.order[1](F.relu(self.order[0](inputs)))

    def readout(self) -> tuple[Tensor, Tensor]:
        """Weight (outputs, hidden) and bias of the last layer: tables, means, precision."""
        last = self.parameters_[-1]
        return last.get_parameter("weight")[:, :, 0, 0], last.get_parameter("bias")


class EntropyModel(nn.Module):
    """All groups; `forward` gives rate, decoded latents, and what a log wants to know."""

    Config = EntropyConfig

    def __init__(self, config: EntropyConfig = EntropyConfig()) -> None:
        super().__init__()
        self.config = config
        self.guide = nn.ModuleList([conv(GUIDE, config.guide, 3), conv(config.guide, config.guide, 3)])
        self.groups = nn.ModuleList(GroupModel(i, config) for i in range(len(GROUPS)))

    def coded_groups(self) -> Iterator[GroupModel]:
        """The groups' networks, from coarse to fine."""
        for group in self.groups:
            assert isinstance(group, GroupModel)
            yield group

    def forward(
        self,
        guide: Tensor,
        latents: Tensor,
        step: Tensor,
        chosen: Tensor,
        temperature: float = 0.5,
        fixed_order: bool = False,
        fixed_step: bool = False,
    ) -> CodedLatents:
        """Code latents, differentiably.

        Args:
            guide: (N, 23, h, w), see `guide_planes`; constant planes switch the guide off.
            latents: (N, 192, h, w).
            step: (N, 1, 1, 1) base step.
            chosen: (P,) flat indices of the blocks (of all images) whose rate is wanted: a sample of them suffices for
                a gradient.
            temperature: of the noise on the order masks; 0 takes the likelier.
            fixed_order: a checkerboard in place of learned masks (ablation).
            fixed_step: precision 8 everywhere (ablation).
        """
        g = guide
        for layer in self.guide:
            g = F.relu(layer(g))
        steps = _pick(step.expand_as(latents[:, :1]), chosen)
        decoded: list[Tensor] = []
        rates: list[Tensor] = []
        hards: list[Tensor] = []
        precisions, shares = [], []
        start = 0
        for group in self.coded_groups():
            z = latents[:, start : start + group.size]
            start += group.size
            base = [g]
            if group.coarser is not None:
                base.append(F.relu(group.coarser(torch.cat(decoded, 1) * (FRACTION / 16) / step)))
            known, value, here = torch.zeros_like(z[:, :1]), torch.zeros_like(z), _pick(z, chosen)
            known_here, hard, rate = torch.zeros_like(here[:, :1]), torch.zeros_like(here), torch.zeros_like(here)
            weight, bias = group.readout()
            size = group.size
            for i in range(group.passes):
                inputs = base
                if group.nearby is not None:
                    seen = torch.cat([value * (FRACTION / 16) / step, known], 1)
                    inputs = [*base, F.relu(group.nearby(seen))]
                stacked = torch.cat(inputs, 1)
                want = self._mask(group.order_logits(stacked)[:, i : i + 1], temperature)
                if fixed_order:
                    want = checkerboard(i, group.passes, known)
                everywhere = group.features(stacked)
                precision = F.conv2d(everywhere, weight[-1:, :, None, None], bias[-1:])
                precision = (EVEN + 4 * precision).clamp(0, PRECISIONS - 1)
                whole = torch.full_like(precision, EVEN) if fixed_step else precision.detach().round()
                delta = step * 2 ** ((whole - EVEN) / 4)
                delta_here, hidden = _pick(delta, chosen), _pick(everywhere, chosen)
                index = (16 * F.linear(hidden, weight[:size], bias[:size])).clamp(0, SCALES - 1)
                fresh_here = _pick(want, chosen) * (1 - known_here)
                mean_here = torch.zeros_like(here)
                if group.has_mean:
                    mean_here = F.linear(hidden, weight[size:-1], bias[size:-1]) * steps * 4
                with torch.no_grad():
                    mean = torch.zeros_like(z)
                    if group.has_mean:
                        mean = F.conv2d(everywhere, weight[size:-1, :, None, None], bias[size:-1]) * step * 4
                    fresh = want * (1 - known)
                    value = value + fresh * (mean + delta * quantized((z - mean) / delta))
                    known = known + fresh
                    shares.append(fresh.mean())
                scaled = (here - mean_here) / delta_here
                symbol = quantized(scaled.detach())
                cost = symbol_bits(symbol, index)
                if group.has_mean:  # the gradient of the mean is that of a noisy value
                    noisy = bits(scaled + torch.rand_like(scaled) - 0.5, table_scale(index.detach()))
                    cost = cost + noisy - noisy.detach()
                rate = rate + fresh_here * cost
                hard = hard + fresh_here * (mean_here + delta_here * (scaled + (symbol - scaled).detach()))
                known_here = known_here + fresh_here
                precisions.append((_pick(precision, chosen) - EVEN) / 4)
            decoded.append(value)
            rates.append(rate)
            hards.append(hard)
        return CodedLatents(
            torch.cat(decoded, 1),
            torch.cat(rates, 1),
            torch.cat(hards, 1),
            torch.cat(precisions, 1),
            torch.stack(shares),
        )

    @staticmethod
    def _mask(logit: Tensor, temperature: float) -> Tensor:
        """0 or 1, with the gradient of a sigmoid; logistic noise while training (Gumbel-softmax of two classes)."""
        if temperature > 0:
            u = torch.rand_like(logit).clamp(1e-6, 1 - 1e-6)
            soft = torch.sigmoid((logit + temperature * (u.log() - (1 - u).log())) / max(temperature, 0.3))
        else:
            soft = torch.sigmoid(logit)
        return (soft > 0.5).float() + soft - soft.detach()


def quantized(scaled: Tensor, offset: float = 0.38) -> Tensor:
    """Round with a dead zone: what is smaller than 1 - offset becomes 0."""
    return scaled.sign() * torch.floor(scaled.abs() + offset)


def checkerboard(index: int, passes: int, like: Tensor) -> Tensor:
    """Fixed order: a quarter, then a half, then the rest; with two passes a half and the rest."""
    h, w = like.shape[-2:]
    y, x = torch.arange(h)[:, None], torch.arange(w)[None]
    if index == passes - 1:
        return torch.ones_like(like)
    if passes == 3 and index == 0:
        return ((y % 2 == 0) & (x % 2 == 0)).float().expand_as(like)
    return ((y + x) % 2 == 0).float().expand_as(like)


def guide_planes(guide: Tensor, gains: Tensor, step: Tensor) -> Tensor:
    """Inputs of the guide network, all in about [-4, 4].

    Args:
        guide: (N, 21, h, w) uint8 values as float.
        gains: (N, 1, h, w) gain of each block in 1/32 stops.
        step: (N, 1, 1, 1) index of the base step, 0...63.
    """
    planes = torch.cat([guide / 64 - 2, gains.clamp(-127, 127) / 32, (step / 16 - 2).expand_as(gains)], 1)
    return planes
