"""Small synthetic light for tests of the special cameras: a textured wall, a window and lamps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def room(size: int = 128, seed: int = 0, peak: float = 12.0) -> Tensor:
    """Light (1, 3, S, S): a wall of soft texture below 1, a window of 2 to 4 and round lamps up to `peak`."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    wall = 0.25 + 0.2 * np.sin(9 * x + 4 * np.sin(5 * y + seed)) * np.cos(7 * y)
    wall = wall * (0.4 + 0.9 * np.clip(x + 0.2, 0, 1))
    light = np.stack([wall, 0.95 * wall, 0.8 * wall])
    window = (abs(x - 0.72) < 0.14) & (abs(y - 0.3) < 0.16)
    light[:, window] = (2 + 2 * y[window]) * np.array([[0.9], [1.0], [1.1]])
    for _ in range(3):
        cy, cx = random.uniform(0.55, 0.9, 2)
        disc = np.clip(1.6 - np.hypot(y - cy, x - cx) * size / 5, 0, 1)
        light = light + peak * disc * np.array([1.0, 0.9, 0.7])[:, None, None]
    return torch.from_numpy(light.astype(np.float32))[None]


def photo_of(light: Tensor) -> np.ndarray:
    """What an sRGB camera makes of light, (H, W, 3) uint8."""
    from hdrrecon.camera.response import ResponseCurve

    code = ResponseCurve.srgb().expose(light.clamp(0, 1))
    return np.ascontiguousarray((code[0] * 255).round().byte().permute(1, 2, 0).numpy())
