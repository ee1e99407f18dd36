"""Perceptual and style losses: two pictures are alike if an image classifier sees the same in them.

Light is tone-mapped first, T(H) = log(1 + mu H) / log(1 + mu), so that the classifier gets something like a photo.
Features are compared one by one (content) and by their Gram matrices (style: which features go together, wherever they
are).

Source: Santos et al. 2020, with changes. VGG16 is EfficientNet-Lite0 at strides 2, 4 and 8, whose weights
may be had; its features are scaled to an RMS of 1, about what VGG's have, so that the published weights keep their
balance. And gradients reach the prediction: the released code takes exp of it under no-grad, so that neither term ever
taught anything.
Gram matrices: Gatys et al. 2016, https://doi.org/10.1109/CVPR.2016.265.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hdrrecon.networks.restore.efficientnet_lite import EfficientNetConfig, EfficientNetLite0

MU = 500.0
BRIGHTEST = 50.0
STAGES = 3  # of the classifier: strides 2, 4 and 8
FEATURE_RMS = (5.9, 7.8, 6.7, 5.4, 2.4)  # with ImageNet weights, on ordinary photos, at strides 2 to 32


def composite(prediction: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """The truth with the prediction in its holes: mask * prediction + (1 - mask) * truth, `mask` 1 in the holes, any
    that broadcasts."""
    return truth + mask * (prediction - truth)


def tone_mapped(light: Tensor, truth: Tensor, mu: float = MU) -> Tensor:
    """Linear light (N, 3, H, W), 1.0 = clip level, as code values: 0 -> 0, the brightest of `truth` -> 1, both limited
    to 50.

    What is brighter than all of `truth` goes above 1, or it would have no gradient.
    """
    peak = truth.clamp(0, BRIGHTEST).amax((1, 2, 3), keepdim=True).clamp(min=1e-6)
    return torch.log1p(mu * light.clamp(0, BRIGHTEST) / peak) / math.log1p(mu)


def gram(features: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, C): inner products of the channels, divided by C * H * W."""
    flat = features.flatten(2)
    return flat @ flat.mT / features[0].numel()


def mean_difference(a: Tensor, b: Tensor) -> Tensor:
    """Mean |a - b| of each image, (N,)."""
    return (a - b).abs().flatten(1).mean(1)


class PerceptualLoss(nn.Module):
    """How differently a frozen classifier sees two pictures, (N,).

    Args:
        trunk: with at least one stage; None takes three with their ImageNet weights (extra `train`). It is frozen.
        content, style: weights of the two terms.

    Example:
        >>> loss = PerceptualLoss()                                            # doctest: +SKIP
        >>> loss(composite(prediction, truth, over_mask(code)), truth).mean()  # doctest: +SKIP
    """

    def __init__(self, trunk: EfficientNetLite0 | None = None, content: float = 1.0, style: float = 120.0):
        super().__init__()
        if trunk is None:
            from hdrrecon.train.imagenet import load_imagenet

            trunk = load_imagenet(EfficientNetLite0(EfficientNetConfig(STAGES)))
        self.trunk = trunk.requires_grad_(False).to(memory_format=torch.channels_last)
        self.content, self.style = content, style

    def forward(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """Linear light, both (N, 3, H, W) -> (N,). Give a `composite`, or the whole picture is judged and not its
        holes."""
        content, style = self.terms(tone_mapped(prediction, truth), tone_mapped(truth, truth))
        return self.content * content + self.style * style

    def terms(self, shown: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The content and the style term of code values (N, 3, H, W) in [0, 1], unweighted, (N,) each, summed over
        strides.

        Under bf16 autocast the trunk takes half the time; gradients then are noisy from pixel to pixel (cosine with the
        exact ones 0.5 to 0.85), and right over patches of 8 x 8 (0.92 to 0.97).
        """
        with torch.no_grad():
            wanted = self.features(truth)
        pairs = list(zip(self.features(shown), wanted))
        with torch.autocast(shown.device.type, enabled=False):  # sums of thousands of products need more than 8 bits
            return sum(mean_difference(a, b) for a, b in pairs), sum(
                mean_difference(gram(a), gram(b)) for a, b in pairs
            )

    def features(self, code: Tensor) -> list[Tensor]:
        """The trunk's features scaled to an RMS near 1, as float32, whatever precision it ran in."""
        features = self.trunk(code.contiguous(memory_format=torch.channels_last))
        return [f.float() / rms for f, rms in zip(features, FEATURE_RMS)]
