"""Convolutions on integers whose result cannot depend on machine, library or thread count.

Activations and weights are integers held in float64. Every sum stays far below 2**53 (checked when a net is made), so
no addition is ever rounded, and neither order nor fused instructions matter. Activations have 8 fractional bits,
weights 12.

Source of the idea: Balle, Johnston & Minnen, "Integer networks for data compression with latent-variable models" (ICLR
2019).
"""

from __future__ import annotations

import numpy as np

ACTIVATION_BITS, WEIGHT_BITS = 8, 12
LARGEST_ACTIVATION = 65535
_SAFE = 2.0**52


class IntegerConv:
    """One convolution with zero padding: `floor((sum + 2**11) / 2**12)`, then, if `relu`, limited to [0, 65535].

    Args:
        weight: (outputs, inputs, side, side) int32, weights times 2**12.
        bias: (outputs,) int64, biases times 2**20.
        relu: whether the result is an activation; else it is limited to +-2**31.

    Raises:
        ValueError: sums could leave the range in which float64 is exact.
    """

    def __init__(self, weight: np.ndarray, bias: np.ndarray, relu: bool = True) -> None:
        worst = np.abs(weight.astype(np.float64)).sum((1, 2, 3)) * (LARGEST_ACTIVATION + 1) + np.abs(bias)
        if worst.max() >= _SAFE:
            raise ValueError("the sums of this network can exceed 2**52 and would not be exact; its file is damaged")
        self.side = weight.shape[-1]
        self.taps = weight.astype(np.float64).transpose(2, 3, 1, 0).copy()  # (side, side, inputs, outputs)
        self.bias = bias.astype(np.float64)
        self.relu = relu

    @property
    def halo(self) -> int:
        """Rows it looks at above and below."""
        return self.side // 2

    def __call__(self, planes: np.ndarray) -> np.ndarray:
        """(h, w, inputs) integers of any type -> (h, w, outputs) float64 integers."""
        h, w, _ = planes.shape
        if self.side == 1:
            total = planes.astype(np.float64) @ self.taps[0, 0]
        else:
            r = self.halo
            padded = np.pad(planes.astype(np.float64), ((r, r), (r, r), (0, 0)))
            total = np.zeros((h, w, self.taps.shape[-1]))
            for i in range(self.side):
                for j in range(self.side):
                    total += padded[i : i + h, j : j + w] @ self.taps[i, j]
        total += self.bias + 2.0 ** (WEIGHT_BITS - 1)
        np.floor(total / 2.0**WEIGHT_BITS, out=total)
        return (
            np.clip(total, 0, LARGEST_ACTIVATION, out=total)
            if self.relu
            else np.clip(total, -(2.0**31), 2.0**31, out=total)
        )


def rounded_conv(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Float weights of a trained layer -> the integers that `IntegerConv` takes."""
    whole = np.round(np.asarray(weight, np.float64) * 2**WEIGHT_BITS)
    return whole.astype(np.int32), np.round(np.asarray(bias, np.float64) * 2 ** (WEIGHT_BITS + ACTIVATION_BITS)).astype(
        np.int64
    )
