"""Light of clipped regions from the streaks that a plate, a star filter or glare draws around them.

The sensor sees y = min(A x + noise, 1), A the convolution with a known PSF. What clipped is unknown, but its streaks
lie on pixels that did not clip, and they are linear in it. Three steps:

1. `region_gains`: one unknown brightness for each clipped region and channel. Differences between neighbours of y are
   streaks and texture; texture looks like no streak, so robust least squares finds the brightness, even of a sun.
2. `sharpened`: outside, fixed-point steps x + (y - A x) take away what the PSF brought.
3. `refine`: all light at once, in log light u: least squares on pixels that did not clip, at least 1 where they did,
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
NEAR_PX = 14  # around clipped regions: there the scene's own glow looks like light of the region
MOST_REGIONS = 12  # the largest ones; the others keep their first brightness
FEWEST_PX = 3  # of a region
CORRELATED = 300.0  # rows of texture that say as much as one of noise
_ROUNDS = 4  # of reweighting


@dataclass(frozen=True)
class RefineConfig:
    """How hard `refine` tries."""

    steps: int = 40  # of Adam
    rate: float = 0.04  # stops per step, about
    smooth: float = 2e-3  # weight of total variation of log light
    near_start: float = 3e-4  # weight of staying near the first light, per squared stop, in clipped pixels
    noise: float = 0.004  # standard deviation of a dark pixel, in units of the clip level
    relative_noise: float = 0.01  # and of a bright one, relative


class Blur:
    """Convolution of light (N, 3, H, W) with a PSF (3, S, S); beyond the picture its edge is repeated.
    Differentiable."""

    def __init__(self, psf: Tensor, size: tuple[int, ...]):
        self.size, self.half = size, psf.shape[-1] // 2
        self.shape = tuple(n + 2 * self.half for n in size)
        canvas = F.pad(psf, (0, self.shape[1] - psf.shape[-1], 0, self.shape[0] - psf.shape[-2]))
        self.spectrum = torch.fft.rfft2(torch.roll(canvas, (-self.half, -self.half), (-2, -1)))

    def __call__(self, light: Tensor) -> Tensor:
        edge = F.pad(light, (self.half,) * 4, mode="replicate")
        out = torch.fft.irfft2(torch.fft.rfft2(edge) * self.spectrum, s=self.shape)
        (h, w), b = self.size, self.half
        return out[..., b : b + h, b : b + w]

    def adjoint(self, seen: Tensor) -> Tensor:
        """Where what was seen, (N, 3, H, W), would have come from; nothing beyond the picture."""
        dark = F.pad(seen, (self.half,) * 4)
        out = torch.fft.irfft2(torch.fft.rfft2(dark) * self.spectrum.conj(), s=self.shape)
        (h, w), b = self.size, self.half
        return out[..., b : b + h, b : b + w]


def recovered(
    photo: Tensor, first: Tensor, psf: Tensor, config: RefineConfig | None = RefineConfig(), *, streaks: bool = True
) -> Tensor:
    """Light (1, 3, H, W) of a photo behind a known PSF: all three steps.

    Args:
        photo: (1, 3, H, W) linear, 1.0 = clip level.
        first: (1, 3, H, W) a guess of the light of clipped pixels, for example of `reconstruct`.
        psf: (3, S, S).
        config: of `refine`; None leaves it out.
        streaks: False believes the guess: only deblurs.
    """
    blur, clipped = Blur(psf, photo.shape[-2:]), photo >= CLIPPED
    light = torch.where(clipped, torch.maximum(first, torch.ones_like(first)), photo)
    light = region_gains(photo, light, blur, clipped) if streaks else light
    light = sharpened(photo, light, blur, clipped)
    return light if config is None else refine(photo, light, blur, clipped, config)


def region_gains(photo: Tensor, light: Tensor, blur: Blur, clipped: Tensor) -> Tensor:
    """Light whose clipped regions have the brightness that their streaks say.

    Args:
        photo: (1, 3, H, W) linear, 1.0 = clip level.
        light: (1, 3, H, W) a first guess: at least 1 where `clipped`.
        blur: of the PSF.
        clipped: (1, 3, H, W) bool.
    """
    masks = region_masks(clipped)
    if masks is None:
        return light
    # Streaks are judged where the photo is dark enough to show them, away from what is clipped.
    known = F.max_pool2d(clipped.float(), 2 * NEAR_PX + 1, 1, NEAR_PX) == 0
    weight = known / (0.01 + photo)
    inside = masks & clipped  # (R, 3, H, W)
    columns = _edges(blur(torch.where(inside, light, torch.zeros_like(light))), weight)  # (R, 3, n)
    # What did not clip is texture here, whatever the PSF did to it.
    gains = robust_gains(columns, _edges(photo, weight)[0])
    brighter = (
        light * torch.where(inside, gains[..., None, None], torch.ones_like(light)).prod(0, keepdim=True)
    ).clamp(min=1)
    return torch.where(inside.any(0, keepdim=True), brighter, light)


def region_masks(clipped: Tensor) -> Tensor | None:
    """The largest connected regions (R, 1, H, W) bool of what is clipped in any channel, or None."""
    from scipy import ndimage

    labels, count = ndimage.label(clipped[0].any(0).cpu().numpy(), np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    chosen = [region for region in 1 + np.argsort(-areas)[:MOST_REGIONS] if areas[region - 1] >= FEWEST_PX]
    if not chosen:
        return None
    return torch.stack([torch.from_numpy(labels == region) for region in chosen])[:, None].to(clipped.device)


def robust_gains(columns: Tensor, target: Tensor, rounds: int = _ROUNDS) -> Tensor:
    """Gains >= 0.05 (R, C) with sum_r gains[r] * columns[r] near target, but for outliers; near 1 where nothing is
    said.

    Args:
        columns: (R, C, n); target: (C, n).
        rounds: of reweighting; 1 is plain least squares. Differentiable.
    """
    columns, target = columns.double().transpose(0, 1), target.double()
    robust, gains = torch.ones_like(target), torch.ones(columns.shape[:2], dtype=torch.float64)
    for number in range(rounds):
        left = target - torch.einsum("cr,crn->cn", gains, columns)
        # By the median: at first most of what is left at streaks is streak, not noise.
        usual = 1.4826 * left.abs().masked_fill(left == 0, torch.nan).nanmedian(1, keepdim=True).values.nan_to_num(0.0)
        robust = 1 / (1 + (left / (4 * usual + 1e-9)).square()) if number else robust
        noise = usual[:, 0].square()
        normal = torch.einsum("crn,cn,csn->crs", columns, robust, columns)
        # Texture is no white noise: neighbours agree, so there are fewer independent rows than rows.
        prior = CORRELATED * noise[:, None] / gains.detach().clamp(min=1).square() + 1e-12
        wanted = torch.einsum("crn,cn,cn->cr", columns, robust, target) + prior
        gains = torch.linalg.solve(normal + torch.diag_embed(prior), wanted).clamp(min=0.05)
    return gains.T.float()


def _edges(picture: Tensor, weight: Tensor) -> Tensor:
    """Weighted differences between neighbours, (N, C, n)."""
    right = picture.diff(dim=-1) * torch.minimum(weight[..., 1:], weight[..., :-1])
    down = picture.diff(dim=-2) * torch.minimum(weight[..., 1:, :], weight[..., :-1, :])
    return torch.cat([right.flatten(2), down.flatten(2)], 2)


def sharpened(photo: Tensor, light: Tensor, blur: Blur, clipped: Tensor, rounds: int = 8) -> Tensor:
    """Light outside clipped regions without what the PSF brought there: fixed-point steps x + (y - A x)."""
    x = light
    for _ in range(rounds):
        x = torch.where(clipped, light, (x + (photo - blur(x))).clamp(min=1e-4))
    return x


def refine(photo: Tensor, light: Tensor, blur: Blur, clipped: Tensor, config: RefineConfig = RefineConfig()) -> Tensor:
    """All light at once, from a first guess; see the module's text."""
    start = light.clamp(min=2.0**-12).log2()
    u = start.clone().requires_grad_()
    sigma = config.noise + config.relative_noise * photo
    optimizer = torch.optim.Adam([u], lr=config.rate, betas=(0.9, 0.99))
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.rate * (1 - step / config.steps) ** 0.5
        left = (photo - blur(torch.exp2(u))) / sigma
        left = torch.where(clipped, left.clamp(min=0), left)  # a clipped pixel says "at least"
        fit = F.huber_loss(left, torch.zeros_like(left), delta=3.0)
        vary = sum((u.diff(dim=axis).square() + 1e-3).sqrt().mean() for axis in (-1, -2))
        near = (clipped * (u - start).square()).mean()
        optimizer.zero_grad()
        (fit + config.smooth * vary + config.near_start * near).backward()
        optimizer.step()
    return torch.exp2(u.detach())
