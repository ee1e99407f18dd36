"""Learned block transform: 8 x 8 pixels of three channels to 192 latents and back, begun as a DCT.

The latents are ordered from coarse to fine (zigzag of JPEG, the three colour planes together), so that every leading
part of them is a coarser picture.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

BLOCK, LATENTS = 8, 192
COLOUR = np.array([[0.53, 0.66, 0.53], [0.71, 0.0, -0.71], [-0.47, 0.75, -0.47]])  # luma-like, red-blue, green-magenta


def zigzag() -> list[tuple[int, int]]:
    """(row, column) frequencies in the order of ITU-T T.81, figure 5."""
    cells = [(i, j) for i in range(BLOCK) for j in range(BLOCK)]
    return sorted(cells, key=lambda c: (sum(c), c[0] if sum(c) % 2 else c[1]))


def dct_matrix() -> np.ndarray:
    """(192, 192) orthonormal: rows are latents, columns the block's values in the order row, column, channel."""
    k, n = np.arange(BLOCK)[:, None], np.arange(BLOCK)[None]
    cosine = np.sqrt(2 / BLOCK) * np.cos(np.pi * k * (2 * n + 1) / (2 * BLOCK))
    cosine[0] /= np.sqrt(2)
    colour, _ = np.linalg.qr(COLOUR.T)
    colour = colour.T * np.sign(np.sum(colour.T * COLOUR, 1, keepdims=True))
    rows = [np.einsum("i,j,c->ijc", cosine[u], cosine[v], c).ravel() for u, v in zigzag() for c in colour]
    return np.stack(rows)


def to_blocks(image: Tensor) -> Tensor:
    """(N, 3, H, W), sides multiples of 8 -> (N, H/8, W/8, 192)."""
    n, c, h, w = image.shape
    blocks = image.reshape(n, c, h // BLOCK, BLOCK, w // BLOCK, BLOCK)
    return blocks.permute(0, 2, 4, 3, 5, 1).reshape(n, h // BLOCK, w // BLOCK, LATENTS)


def from_blocks(blocks: Tensor) -> Tensor:
    """Inverse of `to_blocks`."""
    n, h, w, _ = blocks.shape
    image = blocks.reshape(n, h, w, BLOCK, BLOCK, 3).permute(0, 5, 1, 3, 2, 4)
    return image.reshape(n, 3, h * BLOCK, w * BLOCK)


class BlockTransform(nn.Module):
    """`analysis` and `synthesis`, each (192, 192); orthonormal inverses of each other until trained."""

    def __init__(self) -> None:
        super().__init__()
        matrix = torch.from_numpy(dct_matrix()).float()
        self.analysis = nn.Parameter(matrix.clone())
        self.synthesis = nn.Parameter(matrix.T.clone())

    def encode(self, residual: Tensor) -> Tensor:
        """(N, 3, H, W) -> latents (N, H/8, W/8, 192)."""
        return to_blocks(residual) @ self.analysis.T

    def decode(self, latents: Tensor) -> Tensor:
        """Latents -> (N, 3, H, W)."""
        return from_blocks(latents @ self.synthesis.T)
