"""Training photos made where the network is: scenes in memory, views, cameras, noise and JPEG in batches, in torch
alone.

`train.data.pairs` makes one photo at a time on a CPU, for workers. Here a batch is made at once, on the device that
trains:

* every scene lies in memory as half floats, four to a texel, and a texel is fetched as one 64-bit number;
* of several small previews those with lamps, windows and suns in them are rendered at full size;
* each photo has a camera of its own: gains, matrix, exposure, noise, response, sharpening, JPEG. The formulae are those
  of `camera.sensor`, which `camera.simulate` uses too;
* light sources get colours of their own now and then: neon, sodium, LEDs, stained glass, sunsets.

Nothing here waits for the device: how many photos of a batch have noise or JPEG is drawn outside it, which ones on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, pi
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.jpeg_artifacts import jpeg_coded
from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.camera.sensor import above_floor, balanced, clipped_by_sensor, noisy, quantised
from hdrrecon.color import LUMINANCE_REC709, luminance

FORWARD_SAMPLES = 1 << 14  # of a response, uniform in the square root of light: dark tones need them
CODES_8 = 255
CACHED_PX = 1 << 16  # of views rendered together on a CPU
CACHED_PHOTOS_PX = 1 << 19  # of photos taken together on a CPU
BRIGHTEST_PERCENT = 7  # of a preview, whose rise says how much there is to learn from it
# Stops of red, green and blue by which a black body gets redder, for example a lamp's 2800 K beside a flash's 5000 K.
GLOWING = (0.8, 0.0, -1.2)
# Camera RGB to Rec.709 of a usual camera, after white balance; drawn ones lie between none and a little more than this.
USUAL_MATRIX = ((1.65, -0.50, -0.15), (-0.20, 1.50, -0.30), (0.02, -0.55, 1.53))


@dataclass(frozen=True)
class StreetConfig:
    """How training photos are drawn. Shares are of the photos, unless said otherwise."""

    size: int = 256  # side of a photo, pixels
    previews: int = 6  # views looked at for each that is kept: with 3 there were fewer lamps than in `pairs`
    photos_per_view: int = 1  # 2, as in `pairs`, save a fifth of the time; a batch sees fewer places
    preview_px: int = 24  # side of a preview
    halves_share: float = 0.2  # of the views of panoramas: half a panorama as it is stored
    fov_degrees: tuple[float, float] = (45.0, 100.0)  # horizontal field of view
    pitch_degrees: float = 22.0  # standard deviation
    gain_stops: float = 0.2  # standard deviation of each channel's gain
    saturation_share: float = 0.5
    saturation: tuple[float, float] = (0.6, 1.3)
    coloured_share: float = 0.25  # sources have colours of their own
    coloured_stops: float = 3.0  # largest difference between channels that a source's colour makes
    warm_share: float = 0.5  # of source colours: those of glowing things, more often redder than the scene than bluer
    matrix_share: float = 0.4  # channels clip before the camera's colour matrix
    clip_percent: tuple[float, float] = (7.0, 1.0)  # median, and standard deviation of its logarithm
    clip_limits: tuple[float, float] = (0.2, 40.0)  # percent
    black_share: float = 0.15
    black_percent: float = 8.0  # at most
    noisy_share: float = 0.5
    sharpened_share: float = 0.33
    jpeg_share: float = 0.6
    jpeg_quality: tuple[int, int] = (70, 98)


class Views(NamedTuple):
    """Where to look, (N,) each: `scene`; `flat` views are rectangles of the file, others perspective views of a
    panorama.

    `focal` is in half widths of the view, `yaw`, `pitch`, `roll` in radians; `top`, `left`, `tall`, `wide` in texels.
    `mirrored` is 1 or -1.
    """

    scene: Tensor
    flat: Tensor
    focal: Tensor
    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    top: Tensor
    left: Tensor
    tall: Tensor
    wide: Tensor
    mirrored: Tensor


class ResidentScenes:
    """Scenes in the memory of one device.

    Args:
        scenes: `train.data.scenes.Scene`s, of any sizes.
        device: where they are kept: eight bytes a texel, so 0.6 GB for 151 panoramas of 1024 x 512.

    Raises:
        ValueError: without scenes.
    """

    def __init__(self, scenes: list, device: torch.device | str = "cpu"):
        if not scenes:
            raise ValueError("ResidentScenes got no scenes; see train.data.scenes.load_scenes")
        texels, offsets, at = [], [], 0
        for scene in scenes:
            texels.append(_texels(scene.light))
            offsets.append(at)
            at += len(texels[-1])

        def fact(values: list, dtype: torch.dtype) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)

        self.texels = torch.cat(texels).to(device)
        self.offset = fact(offsets, torch.int32)  # 2 thousand million texels are enough: 16 GB
        self.height = fact([scene.light.shape[0] for scene in scenes], torch.float32)
        self.width = fact([scene.light.shape[1] for scene in scenes], torch.float32)
        self.panorama = fact([scene.panorama for scene in scenes], torch.bool)
        self.odds = fact([scene.weight for scene in scenes], torch.float32)

    @property
    def device(self) -> torch.device:
        return self.texels.device

    def drawn(self, count: int, config: StreetConfig, generator: torch.Generator) -> Views:
        """So many random views."""

        def uniform(low: float = 0.0, high: float = 1.0) -> Tensor:
            return torch.rand(count, generator=generator, device=self.device) * (high - low) + low

        scene = torch.multinomial(self.odds, count, replacement=True, generator=generator)
        height, width, panorama = self.height[scene], self.width[scene], self.panorama[scene]
        side = uniform(0.5, 1.0) * torch.minimum(height, width)  # of a piece of an ordinary picture
        tall, wide = torch.where(panorama, height, side), torch.where(panorama, width / 2, side)
        degrees = pi / 180
        pitch = (torch.randn(count, generator=generator, device=self.device) * config.pitch_degrees).clamp(-60, 60)
        return Views(
            scene=scene,
            flat=~panorama | (uniform() < config.halves_share),
            focal=1 / torch.tan(uniform(*config.fov_degrees) * degrees / 2),
            yaw=uniform(0, 2 * pi),
            pitch=pitch * degrees,
            roll=torch.randn(count, generator=generator, device=self.device) * 4 * degrees,
            top=uniform() * (height - tall),
            left=uniform() * torch.where(panorama, width, width - wide),
            tall=tall,
            wide=wide,
            mirrored=torch.where(uniform() < 0.5, 1.0, -1.0),
        )

    def seen(self, views: Views, size: int) -> Tensor:
        """Light of the views, (N, 3, size, size) float32, interpolated bilinearly."""
        parts = zip(*(values.split(self.at_once(len(views.scene), CACHED_PX, size**2)) for values in views))
        return torch.cat([self._seen(Views(*part), size) for part in parts])

    def at_once(self, count: int, cached_px: int, px: int) -> int:
        """How many of `count` pictures of so many pixels are made together: on a CPU what its caches hold, in half the
        time."""
        return max(1, cached_px // px) if self.device.type == "cpu" else count

    def _seen(self, views: Views, size: int) -> Tensor:
        def one(values: Tensor) -> Tensor:
            return values.view(-1, 1, 1)

        at = (torch.arange(size, device=self.device, dtype=torch.float32) + 0.5) / size * 2 - 1
        x, y = at.view(1, 1, -1) * one(views.mirrored), at.view(1, -1, 1)
        height, width = one(self.height[views.scene]), one(self.width[views.scene])
        longitude, latitude = directions(x, y, *(one(v) for v in (views.focal, views.yaw, views.pitch, views.roll)))
        flat = one(views.flat)
        row = torch.where(flat, one(views.top) + (y + 1) / 2 * one(views.tall), (0.5 - latitude / pi) * height) - 0.5
        column = (
            torch.where(flat, one(views.left) + (x + 1) / 2 * one(views.wide), (longitude / (2 * pi) + 0.5) * width)
            - 0.5
        )
        column = torch.where(
            one(self.panorama[views.scene]),
            column - width * (column / width).floor(),  # a third of the time of `remainder`
            column.clamp(min=0).minimum(width - 1),
        )
        return self._fetched(row.clamp(min=0).minimum(height - 1), column, one(self.offset[views.scene]), width)

    def _fetched(self, row: Tensor, column: Tensor, offset: Tensor, width: Tensor) -> Tensor:
        top, left = row.floor(), column.floor()
        down, right = (row - top)[..., None], (column - left)[..., None]
        stride = width + 1
        # Two sums: a place within one file fits into 24 bits of a float, a place among all files does not.
        first = offset + (top * stride + left).int()
        above = torch.lerp(self._light(first), self._light(first + 1), right)
        first = first + stride.int()
        below = torch.lerp(self._light(first), self._light(first + 1), right)
        return torch.lerp(above, below, down)[..., :3].permute(0, 3, 1, 2).contiguous()

    def _light(self, index: Tensor) -> Tensor:
        texels = self.texels.index_select(0, index.flatten())
        return texels.view(torch.float16).view(*index.shape, 4).float()


def directions(x: Tensor, y: Tensor, focal: Tensor, yaw: Tensor, pitch: Tensor, roll: Tensor) -> tuple[Tensor, Tensor]:
    """Longitude and latitude, radians, of places (x, y) of a picture from -1 to 1; all broadcast. As
    `scenes.perspective`."""
    x, y = roll.cos() * x - roll.sin() * y, roll.sin() * x + roll.cos() * y
    up, forward = pitch.sin() * focal - pitch.cos() * y, pitch.cos() * focal + pitch.sin() * y
    return torch.atan2(x, forward) + yaw, torch.atan2(up, torch.hypot(x, forward))


def _texels(light: np.ndarray) -> Tensor:
    """(H, W, 3) light as ((H + 1) * (W + 1),) int64, four half floats each: its last row twice, its first column once
    more."""
    tall, wide = light.shape[:2]
    wrapped = np.zeros((tall + 1, wide + 1, 4), np.float16)
    wrapped[:tall, :wide, :3] = light
    wrapped[:tall, wide, :3] = light[:, 0]
    wrapped[tall] = wrapped[tall - 1]
    return torch.from_numpy(wrapped.reshape(-1, 4).view(np.int64)[:, 0].copy())


class ResidentResponses:
    """A stock of responses on a device, from which each photo draws one.

    Args:
        curves: a `train.data.curves.CurveSampler`.
        count: how many; families take turns.
    """

    def __init__(self, curves, count: int, seed: int, device: torch.device | str = "cpu"):
        rng = np.random.default_rng((7, seed))
        drawn = [curves.sample(FAMILIES[i % len(FAMILIES)], rng) for i in range(count)]
        three = [np.broadcast_to(curve.inverse, (3, len(CODES))) for curve in drawn]
        self.inverse = torch.tensor(np.stack(three), dtype=torch.float32, device=device)
        self.forward = torch.stack([forward_table(curve) for curve in drawn]).to(device)
        self.family = torch.arange(count, device=device) % len(FAMILIES)


def forward_table(response: ResponseCurve) -> Tensor:
    """8-bit codes (3, FORWARD_SAMPLES) uint8, the k-th of light from (k / K)**2 to ((k + 1) / K)**2, K =
    FORWARD_SAMPLES - 1; the last of clipped light. What `respond` looks up."""
    places = torch.arange(FORWARD_SAMPLES, dtype=torch.float64) + 0.5
    light = (places / (FORWARD_SAMPLES - 1)).square().numpy()
    code = quantised(torch.from_numpy(response.expose(light[:, None].repeat(3, 1))), 8)
    return (code.T * CODES_8).round().to(torch.uint8)


def respond(light: Tensor, tables: Tensor, pick: Tensor) -> Tensor:
    """Light (N, 3, H, W) to code values of 8 bits, in [0, 1]; light outside is clipped.

    Args:
        tables: (K, 3, FORWARD_SAMPLES), of `forward_table`; `pick`: (N,), which one is whose.
    """
    first = ((3 * pick[:, None] + torch.arange(3, device=pick.device)) * FORWARD_SAMPLES).int()[..., None, None]
    place = light.clamp(0, 1).sqrt_().mul_(FORWARD_SAMPLES - 1).int().add_(first)
    return tables.flatten().index_select(0, place.flatten()).view(light.shape).float().div_(CODES_8)


class Street:
    """Endless batches of training photos, all made on one device.

    Args:
        scenes, responses: what to draw from.
        config: how.
        seed: batches are the same for the same seed and device.

    Example:
        >>> street = Street(ResidentScenes(load_scenes(folder)), ResidentResponses(sampler, 3000, 0))  # doctest: +SKIP
        >>> next(street.batches(8))["code"].shape                                                      # doctest: +SKIP
        torch.Size([8, 3, 256, 256])
    """

    def __init__(
        self, scenes: ResidentScenes, responses: ResidentResponses, config: StreetConfig = StreetConfig(), seed: int = 0
    ):
        self.scenes, self.responses, self.config = scenes, responses, config
        self.generator = torch.Generator(scenes.device).manual_seed(seed)
        self.host_random = Random(seed)  # of how many: a number drawn on the device would have to be waited for

    def batches(self, count: int) -> Iterator[dict[str, Tensor]]:
        """Batches of `count` photos: `code` and `truth` (N, 3, S, S), `inverse` (N, 3, 1024) and `family` (N,)."""
        together = self.scenes.at_once(count, CACHED_PHOTOS_PX, self.config.size**2)
        while True:
            parts = [self._batch(min(together, count - first)) for first in range(0, count, together)]
            yield {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _batch(self, count: int) -> dict[str, Tensor]:
        each = self.config.photos_per_view
        return self.photographed(self.views(-(-count // each)).repeat_interleave(each, 0)[:count])

    @torch.no_grad()
    def views(self, count: int) -> Tensor:
        """Light (count, 3, S, S): of `previews` times as many views those kept that are worth more, by chance."""
        looked = self.scenes.drawn(count * self.config.previews, self.config, self.generator)
        worth = interest(self.scenes.seen(looked, self.config.preview_px))
        kept = torch.multinomial(worth + 1e-6, count, generator=self.generator)
        return self.scenes.seen(Views(*(values[kept] for values in looked)), self.config.size)

    @torch.no_grad()
    def photographed(self, light: Tensor) -> dict[str, Tensor]:
        """Photos of linear light (N, 3, H, W), each by a camera of its own. See `batches`."""
        count, config = len(light), self.config
        light = balanced(light, torch.exp2(self._normal(count, 3) * config.gain_stops))
        light = self._some(light, config.saturation_share, self._resaturated)
        truth = light * self._exposure(light)
        truth = self._some(truth, config.coloured_share, self._coloured_sources)
        sensed = self._some(truth.clone(), config.noisy_share, self._noisy)
        sensed = self._some(sensed, config.matrix_share, self._clipped_by_sensor)
        sensed = self._some(sensed, config.black_share, self._crushed)
        curve = self._integers(count, 0, len(self.responses.family))
        code = respond(sensed, self.responses.forward, curve)
        code = self._some(code, config.jpeg_share, self._jpeg)
        code = self._some(code, config.sharpened_share, self._sharpened)
        return {
            "code": code,
            "truth": truth,
            "inverse": self.responses.inverse[curve],
            "family": self.responses.family[curve],
        }

    def _some(self, images: Tensor, share: float, change) -> Tensor:
        """`images` of which a share, chosen by chance, went through `change`; in place."""
        if count := int(share * len(images) + self.host_random.random()):
            chosen = torch.randperm(len(images), generator=self.generator, device=images.device)[:count]
            images.index_copy_(0, chosen, change(images[chosen]))
        return images

    def _exposure(self, light: Tensor) -> Tensor:
        """Factor (N, 1, 1, 1) at which a random share of the pixels clips."""
        median, spread = self.config.clip_percent
        percent = torch.exp(self._normal(len(light)) * spread + log(median)).clamp(*self.config.clip_limits)
        return 1 / level_at(light, 100 - percent).clamp(min=1e-6)

    def _resaturated(self, light: Tensor) -> Tensor:
        saturation = self._uniform(len(light), *self.config.saturation)[:, 0]
        grey = torch.tensor(LUMINANCE_REC709, device=self.scenes.device).expand(3, 3)
        one = torch.eye(3, device=self.scenes.device)
        return torch.maximum(mixed(light, saturation * one + (1 - saturation) * grey), 0.05 * light)

    def _coloured_sources(self, truth: Tensor) -> Tensor:
        """Whatever is brighter than about half the clip level gets one of two colours, its luminance kept."""
        count = len(truth)
        rise = luminance(truth, 1)[:, None].clamp(min=1e-4).log2()
        amount = ((rise + 2.5) / 3).clamp(0, 1)  # sources whole, their glow in part
        place = F.interpolate(self._normal(count, 1, 3, 3), truth.shape[-2:], mode="bilinear", align_corners=True)
        which = torch.sigmoid(8 * place)
        first, second = (self._source_colour(count) for _ in range(2))
        turned = rotated(truth, self._uniform(count, -pi, pi) * (self._uniform(count) < 0.5))
        tinted = torch.lerp(first, second, which).mul_(amount).exp2_().mul_(turned)
        tinted = torch.lerp(truth, tinted, (amount * 4).clamp_(max=1))
        return tinted.mul_((luminance(truth, 1) / luminance(tinted, 1).clamp(min=1e-6))[:, None])

    def _source_colour(self, count: int) -> Tensor:
        """Stops (N, 3, 1, 1) of the channels against each other; small ones more often than large ones."""
        most = self.config.coloured_stops
        any_colour = self._normal(count, 3, 1, 1) * self._uniform(count) * most / 2
        warmth = self._uniform(count, -0.25, 1.0) * most / 2
        glowing = warmth * torch.tensor(GLOWING, device=self.scenes.device).view(1, 3, 1, 1)
        stops = torch.where(self._uniform(count) < self.config.warm_share, glowing, any_colour)
        return stops.clamp(-most, most)

    def _noisy(self, light: Tensor) -> Tensor:
        shot, read = 10 ** self._uniform(len(light), -5, -3), 10 ** self._uniform(len(light), -4, -2.3)
        return noisy(light, self._normal(*light.shape), shot, read)

    def _clipped_by_sensor(self, light: Tensor) -> Tensor:
        return clipped_by_sensor(light, self._matrices(len(light)))

    def _matrices(self, count: int) -> Tensor:
        """Random colour matrices (N, 3, 3); rows sum to 1."""
        one = torch.eye(3, device=self.scenes.device)
        usual = torch.tensor(USUAL_MATRIX, device=self.scenes.device) - one
        matrix = one + usual * self._uniform(count, 0.2, 1.1)[:, 0] + 0.06 * self._normal(count, 3, 3) * (1 - one)
        return matrix / matrix.sum(2, keepdim=True)

    def _crushed(self, light: Tensor) -> Tensor:
        percent = self._uniform(len(light), 0, self.config.black_percent).flatten()
        return above_floor(light, level_at(light, percent).clamp(0, 0.5))

    def _jpeg(self, code: Tensor) -> Tensor:
        low, high = self.config.jpeg_quality
        return jpeg_coded(code, self._integers(len(code), low, high + 1))

    def _sharpened(self, code: Tensor) -> Tensor:
        """A random unsharp mask, from clear smoothing to clear sharpening."""
        count = len(code)
        blurred = gaussian_blurred(code, self._uniform(count, 0.5, 1.2))
        return quantised(torch.lerp(code, blurred, self._uniform(count, -0.9, 0.7)).clamp_(0, 1), 8)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.scenes.device)

    def _uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(count, 1, 1, 1, generator=self.generator, device=self.scenes.device) * (high - low) + low

    def _integers(self, count: int, low: int, high: int) -> Tensor:
        return torch.randint(low, high, (count,), generator=self.generator, device=self.scenes.device)


def interest(views: Tensor) -> Tensor:
    """How much there is to learn from views (N, 3, h, w), (N,): 0 where dark, 0.2 where the brightest part is flat, 1
    where it rises by two stops on average. As `pairs.interest`."""
    lightest = views.amax(1).flatten(1)
    brightest = lightest.topk(max(1, round(lightest.shape[1] * BRIGHTEST_PERCENT / 100)), 1).values.clamp(min=1e-6)
    rise = (brightest / brightest[:, -1:]).log2().mean(1)
    return (0.2 + 0.4 * rise).clamp(max=1) * (brightest[:, 0] > 1e-4)


def level_at(light: Tensor, percent: Tensor) -> Tensor:
    """The light below which the brightest channel of `percent` (N,) of the pixels of (N, 3, H, W) lies, (N, 1, 1, 1),
    judged by one pixel in sixteen."""
    ordered = light[..., ::4, ::4].amax(1).flatten(1).sort(1).values
    at = (percent / 100 * (ordered.shape[1] - 1)).round().long()
    return ordered.gather(1, at[:, None]).view(-1, 1, 1, 1)


def rotated(light: Tensor, angle: Tensor) -> Tensor:
    """Light (N, 3, H, W) with its hue turned about the grey axis by `angle` (N, 1, 1, 1), radians; not negative."""
    cosine, sine = angle.cos()[:, 0], angle.sin()[:, 0] / 3**0.5
    across = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]], device=light.device)
    turned = mixed(light, (1 - cosine) / 3 + cosine * torch.eye(3, device=light.device) + sine * across)
    return torch.maximum(turned, 0.02 * light.mean(1, keepdim=True))


def mixed(light: Tensor, matrices: Tensor) -> Tensor:
    """Light (N, 3, H, W) with its channels mixed by matrices (N, 3, 3)."""
    return (matrices @ light.flatten(2)).view(light.shape)


def gaussian_blurred(images: Tensor, sigma: Tensor, radius: int = 3) -> Tensor:
    """Images (N, C, H, W) blurred by Gaussians of `sigma` (N, 1, 1, 1) pixels; edges are mirrored."""
    count, channels, height, width = images.shape
    at = torch.arange(-radius, radius + 1, device=images.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (at / sigma.view(-1, 1)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    x = F.pad(images, (radius,) * 4, mode="reflect").view(1, count * channels, height + 2 * radius, width + 2 * radius)
    x = F.conv2d(x, kernel[:, None, None], groups=count * channels)
    return F.conv2d(x, kernel[:, None, :, None], groups=count * channels).view(images.shape)
