"""The trunk has the published size, its features the promised ones, whatever the photo's size."""

import pytest
import torch

from hdrrecon.networks.restore.efficientnet_lite import EfficientNetConfig, EfficientNetLite0, SamePaddedConv2d


def test_parameters_are_the_published_ones():
    """4,652,008 with classifier (EfficientNet-Lite0 model table: 4.7 M). Folding makes each normalisation's gain and
    shift one bias."""
    head, classifier = 320 * 1280 + 2 * 1280, 1280 * 1000 + 1000
    trunk = EfficientNetLite0()
    biases = sum(b.numel() for k, b in trunk.named_parameters() if k.endswith("bias"))
    assert sum(p.numel() for p in trunk.parameters()) + biases + head + classifier == 4_652_008


@pytest.mark.parametrize("stages", range(1, 8))
@pytest.mark.parametrize("size", [(64, 96), (33, 61), (7, 1)])
def test_one_feature_map_for_each_stride(stages, size):
    trunk = EfficientNetLite0(EfficientNetConfig(stages))
    features = trunk(torch.rand(2, 3, *size))
    strides = [2, 4, 8, 16, 32][: len(features)]
    assert [f.shape[1] for f in features] == trunk.channels
    assert [tuple(f.shape[2:]) for f in features] == [(-(-size[0] // s), -(-size[1] // s)) for s in strides]


def test_kept_stages_do_not_depend_on_the_ones_left_out():
    torch.manual_seed(0)
    whole, part = EfficientNetLite0(), EfficientNetLite0(EfficientNetConfig(stages=3))
    part.load_state_dict({k: v for k, v in whole.state_dict().items() if k in part.state_dict()})
    code = torch.rand(1, 3, 32, 32)
    for a, b in zip(part(code), whole(code)):
        assert torch.equal(a, b)


def test_training_and_evaluation_are_the_same():
    trunk, code = EfficientNetLite0(EfficientNetConfig(stages=3)), torch.rand(2, 3, 32, 32)
    assert torch.equal(trunk.train()(code)[-1], trunk.eval()(code)[-1])


@pytest.mark.parametrize(
    "kernel,stride,size,first,last", [(3, 2, 8, 0, 1), (3, 2, 9, 1, 1), (5, 2, 8, 1, 2), (5, 1, 8, 2, 2)]
)
def test_padding_is_tensorflows(kernel, stride, size, first, last):
    """Of TensorFlow's "SAME" padding (its documentation, tf.nn): total = max((ceil(n / s) - 1) s + k - n, 0), less of
    it first."""
    conv = SamePaddedConv2d(1, 1, kernel, stride)
    torch.nn.init.ones_(conv.weight), torch.nn.init.zeros_(conv.bias)
    valid = conv(torch.ones(1, 1, size, size))[0, 0]
    middle = valid.max().sqrt()
    assert valid[0, 0].sqrt() == middle - first and valid[-1, -1].sqrt() == middle - last


def test_more_stages_than_there_are():
    with pytest.raises(ValueError, match="1 to 7 stages, got stages=8"):
        EfficientNetConfig(stages=8)
