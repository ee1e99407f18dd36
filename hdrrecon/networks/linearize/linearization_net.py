"""Linearization-Net: the inverse camera response from one photo, after Liu et al., CVPR 2020.

The network sees crops of the photo at native resolution (image, edges and soft histogram maps of 4, 8 and 16
bins, as published), for how colours blend across edges betrays the curve, and global statistics of the whole
photo, for so does the histogram. It answers with one inverse response per family of cameras (mean + 11 basis
weights, made monotone) and with how likely each family is; the estimate is their weighted mean, which is
the best answer when a photo cannot tell (least expected squared error).

Sources: Liu et al. 2020 (inputs, monotone layer, losses); Li & Peers 2017 (crops with many occupied
histogram bins, averaged). Families and global statistics are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.camera.basis import FAMILIES, load_basis
from hdrrecon.camera.exif_prior import log_odds
from hdrrecon.networks.linearize.response_statistics import LEVEL_BINS, level_statistics
from hdrrecon.networks.stages import Linearizer

STATISTICS = 6 * LEVEL_BINS


@dataclass(frozen=True)
class LinearizationConfig:
    """`crop_px`: side of the crops; `crops`: how many at inference; `widths`: channels at /2, /4, /8, /16;
    `weights`: basis vectors per curve; `bins`: of the soft histogram maps."""

    crop_px: int = 160
    crops: int = 6
    widths: tuple[int, ...] = (24, 48, 96, 160)
    weights: int = 11
    bins: tuple[int, ...] = (4, 8, 16)


class LinearizationNet(nn.Module, Linearizer):
    """Photo -> inverse response. See the module's text."""

    Config = LinearizationConfig

    def __init__(self, config: LinearizationConfig = LinearizationConfig()):
        super().__init__()
        self.config = config
        basis, means = load_basis(), torch.tensor(load_basis().family_means, dtype=torch.float32)
        # Constants of the shipped basis, kept in the weights file: a checkpoint stays right if the basis is refitted.
        self.register_buffer("family_means", means)
        self.register_buffer("vectors", torch.tensor(basis.union.vectors[: config.weights], dtype=torch.float32))
        widths = config.widths
        self.stem = nn.Conv2d(9 + 3 * sum(config.bins), widths[0], 5, 2, 2)
        pairs = zip((widths[0], *widths), widths)
        self.body = nn.Sequential(*(Residual(a, b, stride=1 if i == 0 else 2) for i, (a, b) in enumerate(pairs)))
        self.statistics = nn.Sequential(
            nn.Linear(STATISTICS, 256), nn.SiLU(), nn.Dropout(0.1), nn.Linear(256, 128), nn.SiLU()
        )
        self.fuse = nn.Sequential(nn.Linear(2 * widths[-1] + 128, 192), nn.SiLU(), nn.Dropout(0.1))
        self.curves = nn.Linear(192, len(FAMILIES) * config.weights)
        self.families = nn.Linear(192, len(FAMILIES))
        for head in (self.curves, self.families):  # untrained: the three family means, equally likely
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, crops: Tensor, statistics: Tensor, prior: dict[str, float] | None = None) -> dict[str, Tensor]:
        """crops (N, 3, S, S) code values in [0, 1], statistics (N, STATISTICS) ->

        `inverse` (N, 1024) monotone from 0 to 1, `family_logits` (N, 3), `family_curves` (N, 3, 1024).
        `prior`, the probability of each family, None for equal ones, is in the logits.
        """
        deep = self.body(self.stem(crop_features(crops, self.config.bins)))
        pooled = torch.cat([deep.mean((2, 3)), deep.amax((2, 3)), self.statistics(statistics)], 1)
        fused = self.fuse(pooled).float()
        return self.curves_of(self.curves(fused), self.families(fused) + fused.new_tensor(log_odds(prior)))

    def curves_of(self, weights: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Heads' output to curves: mean + weights, monotone per family, then the likelihood-weighted mean."""
        weights = (
            weights.float().reshape(len(weights), len(FAMILIES), -1) * 4
        )  # a unit weight moves a curve by 1/32 only
        with torch.autocast(weights.device.type, enabled=False):  # bfloat16 has 8 bits: too few for a curve
            curves = monotone(self.family_means + weights @ self.vectors)
            inverse = (logits.float().softmax(1)[..., None] * curves).sum(1)
        return {"inverse": inverse, "family_logits": logits.float(), "family_curves": curves}

    @torch.inference_mode()
    def estimate(self, code: Tensor, prior: dict[str, float] | None = None) -> dict[str, Tensor]:
        """One photo (1, 3, H, W) of any size -> `inverse` (1024,), `families` (3,) that sum to 1, `spread`.

        `spread` (1024,) is the standard deviation over families and crops: how far the answers differ.
        `prior`: probability of each family before the photo is seen (`camera.exif_prior`); None, all alike.
        Cost does not grow with the photo: crops come from at most a 1024 px version of it.
        """
        crops, statistics = (
            select_crops(bounded(code, 1024), self.config.crop_px, self.config.crops),
            code_statistics(code),
        )
        out = self(crops, statistics.expand(len(crops), -1), prior)
        likely = out["family_logits"].softmax(1)
        inverse = out["inverse"].mean(0)
        spread = (likely[..., None] * (out["family_curves"] - inverse) ** 2).sum(1).mean(0).sqrt()
        return {"inverse": inverse, "families": likely.mean(0), "spread": spread}


class Residual(nn.Module):
    """Two 3x3 convolutions with group normalisation and a shortcut."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1):
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, 1),
            nn.GroupNorm(8, c_out),
            nn.SiLU(),
            nn.Conv2d(c_out, c_out, 3, 1, 1),
            nn.GroupNorm(8, c_out),
        )
        same = stride == 1 and c_in == c_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(c_in, c_out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.path(x) + self.shortcut(x))


def monotone(curves: Tensor) -> Tensor:
    """Differentiable monotone layer of Liu et al.: (..., K) with ends 0 and 1 in, non-decreasing with ends 0 and 1 out.

    Lifts every slope by the worst negative one and rescales; a curve that is monotone already passes unchanged.
    """
    slopes = curves.diff(dim=-1)
    lifted = slopes + F.relu(-slopes.amin(-1, keepdim=True))
    risen = (lifted / lifted.sum(-1, keepdim=True)).cumsum(-1)
    # The last step is set, not summed: a thousand float32 additions end at 1 only nearly.
    return torch.cat(
        [torch.zeros_like(risen[..., :1]), risen[..., :-1].clamp(max=1), torch.ones_like(risen[..., :1])], -1
    )


def crop_features(code: Tensor, bins: tuple[int, ...]) -> Tensor:
    """(N, 3, H, W) -> (N, 9 + 3 sum(bins), H, W): image, its horizontal and vertical edges, soft histogram maps.

    Bin b of B has centre (2b - 1) / 2B and half-width 1/B: ``max(0, 1 - B |x - centre|)`` (Liu et al., paper's form).
    """
    padded = F.pad(code, (1, 1, 1, 1), mode="replicate")
    dx = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    dy = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    maps = [code, dx, dy]
    for count in bins:
        centres = (torch.arange(count, device=code.device, dtype=code.dtype) + 0.5) / count
        maps.append((1 - count * (code[:, :, None] - centres.view(1, 1, -1, 1, 1)).abs()).clamp(min=0).flatten(1, 2))
    return torch.cat(maps, 1)


def code_statistics(code: Tensor) -> Tensor:
    """Global statistics of photos (N, 3, H, W) -> (N, STATISTICS): `response_statistics.level_statistics` of each."""
    return torch.stack([level_statistics(one) for one in code])


def bounded(code: Tensor, longest_px: int) -> Tensor:
    """The photo reduced by area averaging so that its longer side is at most `longest_px`."""
    h, w = code.shape[-2:]
    if max(h, w) <= longest_px:
        return code
    scale = longest_px / max(h, w)
    return F.interpolate(code, (max(1, round(h * scale)), max(1, round(w * scale))), mode="area")


def select_crops(code: Tensor, side: int, count: int) -> Tensor:
    """The `count` crops of a photo (1, 3, H, W) with the most occupied code bins -> (up to count, 3, side, side).

    Candidates lie on a regular grid with half overlap. A photo smaller than a crop is mirrored up to its size.
    """
    code = pad_to(code, side)
    h, w = code.shape[-2:]

    def starts(length: int) -> list[int]:
        steps = max(1, round((length - side) / (side / 2)) + 1)
        return [round(i * (length - side) / max(1, steps - 1)) for i in range(steps)]

    crops = [code[0, :, y : y + side, x : x + side] for y in starts(h) for x in starts(w)]
    occupied = [int((torch.bincount((c * 255).round().long().flatten(), minlength=256) > 0).sum()) for c in crops]
    best = sorted(range(len(crops)), key=lambda i: -occupied[i])[:count]
    return torch.stack([crops[i] for i in best])


def pad_to(x: Tensor, side: int) -> Tensor:
    """Mirror a (N, C, H, W) image right and down until both sides are at least `side`; works from 1 x 1 on."""
    for dim in (-2, -1):
        while x.shape[dim] < side:
            take = min(side - x.shape[dim], x.shape[dim])
            x = torch.cat([x, x.flip(dim).narrow(dim, 0, take)], dim)
    return x
