"""Gradients of light with respect to a photo's code values.

They pass through the inverse response and through what was restored on top of it: light = linear(code) * gain, where
the gain of each channel, and the response itself, are held at what the networks said. So a loss on light moves code
values as a camera's exposure would; how the networks' answers change with the photo is not differentiated.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hdrrecon.camera.response import ResponseCurve

DARKEST = 1e-6  # linear light below which a gain is no number


def carry_gradient(light: Tensor, code: Tensor, responses: list[ResponseCurve]) -> Tensor:
    """`light` as it is, with the gradient of `code`.

    Args:
        light: (N, C, H, W) reconstructed light; alpha may be its fourth channel.
        code: (N, C, H, W) code values in [0, 1], which require a gradient.
        responses: the curve of each photo.
    """
    color = min(light.shape[1], 3)
    linear = torch.stack(
        [
            response.linearize(one[None].expand(-1, 3, -1, -1) if color == 1 else one[None])[0, :color]
            for one, response in zip(code[:, :color], responses)
        ]
    )
    gain = (light[:, :color] / linear.detach().clamp(min=DARKEST)).clamp(min=0)
    parts = [light[:, :color] + (linear - linear.detach()) * gain]
    if light.shape[1] > color:
        parts.append(light[:, color:] + (code[:, color:] - code[:, color:].detach()))
    return torch.cat(parts, 1)
