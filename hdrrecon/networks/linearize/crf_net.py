"""CRF-net: the camera response from patches of one photo, after Li & Peers, CVMP 2017.

A ResNet-50 cut off after five bottlenecks looks at patches of 227 x 227 pixels and answers with 11 weights of
the forward EMoR, one curve for all channels. Patches with many occupied code values are chosen, outliers
among their answers are dropped and the rest is averaged. The authors first train the same network to name
the training curve that made a patch; for that phase `outputs` is the number of curves.

What the publication leaves open and we decided: the number of patches, the robust mean (component-wise
median, then the mean of the nearest half), the pooling before the last layer (`pool`).

Source: Li & Peers, "CRF-net: single image radiometric calibration using CNNs", CVMP 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.camera.basis import load_basis
from hdrrecon.camera.exif_prior import log_odds
from hdrrecon.camera.models import project_monotone
from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.networks.linearize.linearization_net import bounded, pad_to
from hdrrecon.networks.stages import Linearizer

WEIGHTS = 11
OCCUPIED = 220
FAMILY_SCALE = 0.05  # RMSE from a family's mean at which a curve begins to look foreign to it
BOTTLENECKS = ((64, 64, 256, 1), (256, 64, 256, 1), (256, 64, 256, 1), (256, 128, 512, 2), (512, 128, 512, 1))


@dataclass(frozen=True)
class CrfConfig:
    """`outputs`: 11 EMoR weights, or the number of training curves while they are classified; `pool`: "mean" of
    all places (0.9 M parameters in all, as Liu et al. reuse this body), or "table": 7 x 7 averages at stride 1 into one
    large fully connected layer, as published; `patches` at most are looked at, out of `candidates` random ones."""

    outputs: int = WEIGHTS
    pool: Literal["mean", "table"] = "mean"
    patch_px: int = 227
    patches: int = 16
    candidates: int = 256


class CrfNet(nn.Module, Linearizer):
    """Patches -> EMoR weights, or scores of training curves. See the module's text."""

    Config = CrfConfig

    def __init__(self, config: CrfConfig = CrfConfig()):
        super().__init__()
        self.config = config
        basis = load_basis()
        # Constants of the shipped basis, kept in the weights file: a checkpoint stays right if the basis is refitted.
        self.register_buffer("mean", torch.tensor(basis.emor.mean, dtype=torch.float32))
        self.register_buffer("vectors", torch.tensor(basis.emor.vectors[:WEIGHTS], dtype=torch.float32))
        self.register_buffer("family_means", torch.tensor(basis.family_means, dtype=torch.float32))
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.body = nn.Sequential(*(Bottleneck(*sizes) for sizes in BOTTLENECKS))
        side = -(-config.patch_px // 8) - 6
        features = BOTTLENECKS[-1][2]
        self.pool = nn.Sequential(
            *([nn.AvgPool2d(7, 1)] if config.pool == "table" else [nn.AdaptiveAvgPool2d(1)]), nn.Flatten()
        )
        self.head = nn.Linear(features * (side**2 if config.pool == "table" else 1), config.outputs)
        nn.init.zeros_(self.head.weight)  # untrained: the mean EMoR curve
        nn.init.zeros_(self.head.bias)

    def forward(self, patches: Tensor) -> Tensor:
        """patches (N, 3, S, S) code values in [0, 1], S = `patch_px` -> (N, outputs)."""
        return (
            self.head(self.pool(self.body(self.stem(patches - 0.5)))).float() * 4
        )  # a unit weight moves a curve by 1/32 only

    @torch.inference_mode()
    def estimate(self, code: Tensor, prior: dict[str, float] | None = None) -> dict[str, Tensor]:
        """One photo (1, 3, H, W) of any size -> `inverse` (1024,), `families` (3,), `spread` (1024,), `weights` (11,).

        The inverse is monotone from 0 to 1; `spread` is the standard deviation over the patches that were kept.
        CRF-net knows nothing of families: theirs says how near its curve lies to the mean of each. So a `prior` over
        them (see `camera.exif_prior`) moves `families` and nothing else.

        Raises:
            ValueError: if the network is one for classification.
        """
        if self.config.outputs != WEIGHTS:
            raise ValueError(
                f"this CRF-net names {self.config.outputs} training curves; estimating needs one with {WEIGHTS} "
                f"outputs: "
                "train the second phase (train.tasks.crf_net)"
            )
        c = self.config
        patches = select_patches(bounded(code, 1024), c.patch_px, c.patches, c.candidates)
        kept = near_median(torch.cat([self(part) for part in patches.split(4)]))
        weights = kept.mean(0)
        curves = np.stack([self._inverse(w) for w in (weights, *kept)])
        inverse = torch.as_tensor(curves[0], dtype=torch.float32, device=code.device)
        spread = torch.as_tensor(curves[1:].std(0), dtype=torch.float32, device=code.device)
        far = (inverse - self.family_means).square().mean(1)
        logits = -far / (2 * FAMILY_SCALE**2) + far.new_tensor(log_odds(prior))
        return {"inverse": inverse, "families": logits.softmax(0), "spread": spread, "weights": weights}

    def _inverse(self, weights: Tensor) -> np.ndarray:
        forward = (self.mean.double() + weights.double() @ self.vectors.double()).cpu().numpy()
        return ResponseCurve.from_samples(CODES, project_monotone(forward)).inverse[0]


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with batch normalisation, and a shortcut; the stride is in the first, as published."""

    def __init__(self, c_in: int, c_mid: int, c_out: int, stride: int):
        super().__init__()

        def conv(a, b, k, s=1):
            return (nn.Conv2d(a, b, k, s, k // 2, bias=False), nn.BatchNorm2d(b))

        self.path = nn.Sequential(
            *conv(c_in, c_mid, 1, stride), nn.ReLU(), *conv(c_mid, c_mid, 3), nn.ReLU(), *conv(c_mid, c_out, 1)
        )
        self.shortcut = nn.Identity() if stride == 1 and c_in == c_out else nn.Sequential(*conv(c_in, c_out, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.path(x) + self.shortcut(x))


def occupied_bins(patch: Tensor) -> int:
    """How many of the 256 code values occur in a patch (3, H, W), in any channel."""
    levels = (patch.clamp(0, 1) * 255).round().long().flatten()
    return int((torch.bincount(levels, minlength=256) > 0).sum())


def select_patches(code: Tensor, side: int, count: int, candidates: int) -> Tensor:
    """Patches of a photo (1, 3, H, W) with more than 220 occupied bins, the fullest first -> (1 to count, 3, side,
    side).

    The `candidates` are random but the same for every photo of one size. Where fewer than four are full enough,
    the best four (or all there are) serve. A photo smaller than a patch is mirrored up to its size.
    """
    code = pad_to(code, side)
    h, w = code.shape[-2:]
    rng = np.random.default_rng(0)
    corners = [rng.integers(n - side + 1, size=candidates) for n in (h, w)]
    places = np.unique(np.stack(corners, 1), axis=0)
    patches = [code[0, :, y : y + side, x : x + side] for y, x in places.tolist()]
    occupied = [occupied_bins(p) for p in patches]
    order = sorted(range(len(patches)), key=lambda i: -occupied[i])
    full = sum(n > OCCUPIED for n in occupied)
    return torch.stack([patches[i] for i in order[: min(count, max(4, full))]])


def near_median(weights: Tensor) -> Tensor:
    """Outlier removal: of answers (N, 11) the half (rounded up) nearest to their component-wise median, in L2.

    The basis is orthonormal, so distances of weights are distances of curves.
    """
    distance = (weights - weights.median(0).values).square().sum(1)
    return weights[distance.argsort()[: -(-len(weights) // 2)]]
