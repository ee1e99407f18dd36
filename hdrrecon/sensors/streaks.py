"""Light of clipped regions from the streaks that a plate, a star filter or glare draws around them.

The sensor sees y = min(A x + noise, 1), A the convolution with a known PSF. What clipped is unknown, but its streaks lie
on pixels that did not clip, and they are linear in it. Two steps:

1. `region_gains`: one unknown brightness for each clipped region. Differences between neighbours of y are streaks and
   texture; texture looks like no streak, so robust least squares finds the brightness, even of a sun.
2. `refine`: all light at once, in log light u: least squares on pixels that did not clip, at least 1 where they did,
   small steps of u between neighbours (total variation), and, in clipped regions, u near where it began.

Sources: after Rouf et al., "Glare encoding of high dynamic range images", CVPR 2011, for the idea that a star filter
encodes highlights; Sun et al. and Metzler et al., CVPR 2020, for plates. The solution is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

CLIPPED = 0.98  # of the clip level: from here on a pixel is not believed
NEAR_PX = 14  # around clipped regions: not used to find their brightness
CORRELATED = 200.0  # rows of texture that say as much as one of noise
_MOST_REGIONS = 12  # the largest ones; the others keep their first brightness


@dataclass(frozen=True)
class RefineConfig:
    """How hard `refine` tries."""

    steps: int = 80  # of Adam
    rate: float = 0.04  # stops per step, about
    smooth: float = 2e-3  # weight of total variation of log light
    near_start: float = 3e-4  # weight of staying near the first light, per squared stop, in clipped pixels
    noise: float = 0.004  # standard deviation of a dark pixel, in units of the clip level
    relative_noise: float = 0.01  # and of a bright one, relative


class Blur:
    """Convolution of light (N, 3, H, W) with a PSF (3, S, S); beyond the picture its edge is repeated."""

    def __init__(self, psf: Tensor, size: tuple[int, int]):
        self.size, self.half = size, psf.shape[-1] // 2
        self.shape = tuple(n + 2 * self.half for n in size)
        canvas = F.pad(psf, (0, self.shape[1] - psf.shape[-1], 0, self.shape[0] - psf.shape[-2]))
        self.spectrum = torch.fft.rfft2(torch.roll(canvas, (-self.half, -self.half), (-2, -1)))

    def __call__(self, light: Tensor) -> Tensor:
        edge = F.pad(light, (self.half,) * 4, mode="replicate")
        out = torch.fft.irfft2(torch.fft.rfft2(edge) * self.spectrum, s=self.shape)
        (h, w), b = self.size, self.half
        return out[..., b : b + h, b : b + w]


def sharpened(photo: Tensor, light: Tensor, blur: Blur, clipped: Tensor, rounds: int = 8) -> Tensor:
    """Light outside clipped regions without what the PSF brought there: fixed-point steps x + (y - A x) / core."""
    x = light
    for _ in range(rounds):
        x = torch.where(clipped, light, (x + (photo - blur(x))).clamp(min=1e-4))
    return x


def region_gains(photo: Tensor, light: Tensor, blur: Blur, clipped: Tensor, rounds: int = 6) -> Tensor:
    """Light (1, 3, H, W) whose clipped regions have the brightness that their streaks say.

    Args:
        photo: (1, 3, H, W) linear, 1.0 = clip level.
        light: (1, 3, H, W) a first guess: at least the photo.
        clipped: (1, 3, H, W) bool.
    """
    from scipy import ndimage

    labels, count = ndimage.label(clipped[0].any(0).numpy(), np.ones((3, 3)))
    if not count:
        return light
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    chosen = 1 + np.argsort(-areas)[:_MOST_REGIONS]
    out = light.clone()
    for channel in range(3):
        bad = clipped[0, channel]
        if not bad.any():
            continue
        own = Blur1(blur, channel)
        # Nearer than that, glow and blur of the scene itself looks like light of the region.
        known = (F.max_pool2d(bad[None, None].float(), 2 * NEAR_PX + 1, 1, NEAR_PX)[0, 0] == 0).numpy()
        weight = known / (0.01 + photo[0, channel].numpy())
        start = light[0, channel]
        masks = [torch.from_numpy(labels == region) & bad for region in chosen]
        masks = [mask for mask in masks if mask.any()]
        if not masks:
            continue
        columns = np.stack([_edges(own(start * mask), weight) for mask in masks], 1)
        # What did not clip is texture here, whatever the PSF did to it.
        target = _edges(photo[0, channel], weight)
        gains = _robust_gains(columns, target, rounds)
        for mask, gain in zip(masks, gains):
            out[0, channel] = torch.where(mask, (start * float(gain)).clamp(min=1), out[0, channel])
    return out


def _robust_gains(columns: np.ndarray, target: np.ndarray, rounds: int) -> np.ndarray:
    """Gains >= 0 (k,) with columns (n, k) @ gains near target (n,), but for outliers; near 1 where the columns say nothing.

    The prior is log-normal in spirit: a gain is believed to be 1 within a factor of 2, against the noise that is left.
    """
    from scipy.optimize import nnls

    robust, gains = np.ones(len(target)), np.ones(columns.shape[1])
    for number in range(rounds):
        left = target - columns @ gains
        scale = 1.4826 * np.median(np.abs(left[left != 0])) + 1e-9 if number else np.inf
        robust = 1 / (1 + (left / (4 * scale)) ** 2) if number else robust
        noise = (robust * left**2).sum() / robust.sum()
        normal = (robust[:, None] * columns).T @ columns
        # Texture is no white noise: neighbours agree, so there are fewer independent rows than rows.
        prior = np.diag(CORRELATED * noise / np.maximum(gains, 1) ** 2)
        factor = np.linalg.cholesky(normal + prior + 1e-12 * np.trace(normal) * np.eye(len(gains)))
        gains = nnls(factor.T, np.linalg.solve(factor, columns.T @ (robust * target) + prior @ np.ones(len(gains))))[0]
    return gains


class Blur1:
    """One channel of a `Blur`, for pictures (H, W)."""

    def __init__(self, blur: Blur, channel: int):
        self.blur, self.channel = blur, channel

    def __call__(self, light: Tensor) -> Tensor:
        edge = F.pad(light[None, None], (self.blur.half,) * 4, mode="replicate")
        out = torch.fft.irfft2(torch.fft.rfft2(edge) * self.blur.spectrum[self.channel], s=self.blur.shape)
        (h, w), b = self.blur.size, self.blur.half
        return out[0, 0, b : b + h, b : b + w]


def _edges(picture: Tensor, weight: np.ndarray) -> np.ndarray:
    """Weighted differences between neighbours, (n,)."""
    array = picture.numpy()
    right = np.diff(array, axis=1) * np.minimum(weight[:, 1:], weight[:, :-1])
    down = np.diff(array, axis=0) * np.minimum(weight[1:], weight[:-1])
    return np.concatenate([right.ravel(), down.ravel()])


def refine(photo: Tensor, light: Tensor, blur: Blur, clipped: Tensor, config: RefineConfig = RefineConfig()) -> Tensor:
    """All light at once, from a first guess; see the module's text."""
    stops = light.clamp(min=2.0**-12).log2()
    start, u = stops.clone(), stops.clone().requires_grad_()
    sigma = config.noise + config.relative_noise * photo
    optimizer = torch.optim.Adam([u], lr=config.rate, betas=(0.9, 0.99))
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.rate * (1 - step / config.steps) ** 0.5
        left = (photo - blur(torch.exp2(u))) / sigma
        left = torch.where(clipped, left.clamp(min=0), left)  # a clipped pixel says "at least"
        fit = torch.nn.functional.huber_loss(left, torch.zeros_like(left), delta=3.0)
        vary = sum((u.diff(dim=axis).square() + 1e-3).sqrt().mean() for axis in (-1, -2))
        near = (clipped * (u - start).square()).mean()
        loss = fit + config.smooth * vary + config.near_start * near
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return torch.exp2(u.detach())
