"""The block transform begins as a DCT whose first latents are the mean colour."""

import numpy as np
import torch

from hdrrecon.networks.rawcodec.block_transform import BlockTransform, dct_matrix


def test_the_transform_begins_as_an_orthonormal_dct():
    matrix = dct_matrix()
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(192), atol=1e-12)
    image = torch.rand(2, 3, 16, 24)
    torch.testing.assert_close(BlockTransform().decode(BlockTransform().encode(image)), image, atol=1e-5, rtol=0)


def test_the_first_latent_is_the_mean():
    flat = torch.full((1, 3, 8, 8), 0.5)
    latents = BlockTransform().encode(flat)[0, 0, 0]
    assert latents[:3].abs().max() > 1 and latents[3:].abs().max() < 1e-4
