"""The entropy path computes the same integers however it is computed, and as the trained network would."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hdrrecon.rawcodec.integer_net import IntegerConv, rounded_conv


def by_int64(planes, weight, bias, relu):
    """The normative formula in 64-bit integers, in another order."""
    h, w, n = planes.shape
    side = weight.shape[-1]
    r = side // 2
    padded = np.zeros((h + 2 * r, w + 2 * r, n), np.int64)
    padded[r : r + h, r : r + w] = planes
    total = np.zeros((h, w, len(weight)), np.int64)
    for i in reversed(range(side)):
        for j in range(side):
            total += np.einsum("hwn,on->hwo", padded[i : i + h, j : j + w], weight[:, :, i, j].astype(np.int64))
    total = (total + bias + 2048) >> 12
    return np.clip(total, 0, 65535) if relu else total


@pytest.mark.parametrize("side", [1, 3, 5])
@pytest.mark.parametrize("relu", [True, False])
def test_float64_gives_the_integers(side, relu):
    rng = np.random.default_rng(side)
    weight, bias = rng.integers(-9000, 9000, (12, 23, side, side)).astype(np.int32), rng.integers(-(10**7), 10**7, 12)
    planes = rng.integers(-32768, 65536, (9, 7, 23))
    np.testing.assert_array_equal(IntegerConv(weight, bias, relu)(planes), by_int64(planes, weight, bias, relu))


def test_threads_do_not_matter():
    threadpool_limits = pytest.importorskip("threadpoolctl").threadpool_limits

    rng = np.random.default_rng(0)
    layer = IntegerConv(rng.integers(-9000, 9000, (48, 81, 1, 1)).astype(np.int32), rng.integers(-9, 9, 48))
    planes = rng.integers(0, 65536, (64, 64, 81))
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            results.append(layer(planes))
    np.testing.assert_array_equal(*results)


def test_sums_that_could_be_rounded_are_refused():
    with pytest.raises(ValueError, match="exact"):
        IntegerConv(np.full((1, 64, 5, 5), 2**26, np.int64), np.zeros(1))


def test_rounding_a_trained_layer_changes_it_little():
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(8, 6, 3, padding=1)
    x = torch.rand(1, 8, 10, 12) * 4
    whole = np.round(x[0].permute(1, 2, 0).numpy() * 256)
    got = IntegerConv(*rounded_conv(layer.weight.detach().numpy(), layer.bias.detach().numpy()))(whole) / 256
    np.testing.assert_allclose(got, F.relu(layer(x))[0].permute(1, 2, 0).detach().numpy(), atol=0.03)
