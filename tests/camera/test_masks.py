"""The masks' thresholds are part of the promise: what counts as measured."""

import numpy as np
import torch

from hdrrecon.camera.masks import over_mask, under_mask


def test_over_mask_is_zero_up_to_240_and_one_from_250():
    codes = np.arange(256) / 255
    mask = over_mask(codes)
    assert (mask[:241] < 1e-12).all() and (mask[251:] == 1).all() and (np.diff(mask[240:251]) > 0).all()


def test_under_mask_follows_the_brightest_channel():
    code = torch.zeros(1, 3, 1, 3)
    code[:, 0, 0, 1], code[:, 2, 0, 2] = 13 / 255, 6.5 / 255
    assert under_mask(code).flatten().tolist() == [1.0, 0.0, 0.5]


def test_numpy_and_torch_agree():
    x = np.random.default_rng(1).random((8, 9, 3)).astype(np.float32)
    tensor = torch.from_numpy(x.transpose(2, 0, 1).copy())[None]
    np.testing.assert_allclose(under_mask(x, -1)[..., 0], under_mask(tensor)[0, 0].numpy(), atol=1e-6)
    np.testing.assert_allclose(over_mask(x), over_mask(tensor)[0].permute(1, 2, 0).numpy(), atol=1e-6)
