"""Stage 2: how bright were the clipped pixels? Masked features, and a distribution for an answer.

Two floors. A `MaskedUNet` sees the whole photo at a bounded working resolution: what is clipped is masked out of its
features layer by layer, and it is told separately where the holes are. Features of an image classifier
(`efficientnet_lite`) join it half way down: how bright a clipped region is follows from what it is, and sun, lamp,
window, sky and wall differ by ten stops and look alike. A small per-pixel head then decides at full resolution, from
code values and enlarged features (`RestoredLight`).

The answer is a distribution of log-radiance, for no single number serves all: the median has the least error and shows
lamps as grey discs; light for a rendering needs the energy. Both have the same colour: energy brightens pixels of which
all channels were lost, all three alike.

Colour is thought of as luminance and chromaticity. The head is told two guesses made by hand (`colour_hints`) and says
how far to go towards each.

Source: Santos et al. 2020 for the features, Eilertsen et al. 2017 for the alpha blend, Liu et al. 2020 for the positive
residual, Koenker & Bassett 1978 for quantiles; the rest is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.color import luminance
from hdrrecon.networks.restore.colour_hints import HINTS, ColourHints, colour_hints, colour_maps
from hdrrecon.networks.restore.efficientnet_lite import EfficientNetConfig, EfficientNetLite0
from hdrrecon.networks.restore.features import Seen
from hdrrecon.networks.restore.restored_light import RestoredLight
from hdrrecon.networks.soft_mask_conv import MaskedUNet, MaskedUNetConfig
from hdrrecon.networks.stages import Restorer
from hdrrecon.networks.working_resolution import enlarge_rows
from hdrrecon.options import Highlights

INPUTS = 13
FULL_INPUTS = 10
# What the head answers, in order: channels, and the bias before training. Untrained it says a tenth of a stop, give or
# take one, and shadows eight stops down.
ANSWERS = {
    "median": (3, -2.0),
    "above": (1, 0.5),
    "below": (1, 0.5),
    "more": (1, -2.0),
    "unlike": (1, -2.0),
    "shadow": (3, 5.0),
}
OUTPUTS = sum(channels for channels, _ in ANSWERS.values())
MIXED = 2  # further outputs with colour hints: how far to go towards the rim's colour, and the opposed channels'
UNMIXED = -4.0  # bias of these before a sigmoid: two percent of the way
LEAST_OVER = 0.02  # of a mask that anything depends on: a fifth of a code
BRIGHTEST_SHADOW_STOPS = 3  # what the network can say of a crushed pixel begins this many stops below the clip level
# Training photos have at least this share of their values measured. With less the network guesses, and its interval
# widens.
ENOUGH_MEASURED = 0.2
# Stops from the median to either end of the interval, at least, where nothing was measured; less in proportion.
BLIND_STOPS = 4
# Most light that a crushed pixel gets: what an sRGB code of 13 holds. More would outshine the tones next to it.
BRIGHTEST_SHADOW = 2**-8


@dataclass(frozen=True)
class MaskedFeaturesConfig:
    """Sizes of a `MaskedFeatures`."""

    # Channels of the U-Net at /2, /4 ... of the working size; its kernels; residual blocks after each step down.
    widths: tuple[int, ...] = (24, 48, 80, 112, 144)
    kernels: tuple[int, ...] = (5, 3, 3, 3, 3)
    blocks: int = 1
    # Stages of the image classifier that are looked at; 0: none.
    recognise: int = 6
    # Channels handed to the head at full resolution, and the head's own.
    features: int = 16
    head: int = 48
    # Longest side in pixels at which the photo is seen.
    working_px: int = 256
    # The two halves of the idea, to be switched off for comparison (`MaskedUNetConfig`).
    masked: bool = True
    update: bool = True
    # The head is told two guesses of the colour.
    colour_hints: bool = True

    @property
    def unet(self) -> MaskedUNetConfig:
        return MaskedUNetConfig(
            self.widths,
            self.kernels,
            INPUTS,
            blocks=self.blocks,
            norm=True,
            to_full_size=False,
            masked=self.masked,
            update=self.update,
        )


SMALL = MaskedFeaturesConfig(widths=(16, 32, 48, 64, 96), features=12, head=24, working_px=192)


class MaskedFeatures(nn.Module, Restorer):
    """(code, linear) -> `RestoredLight`. See the module's text."""

    Config = MaskedFeaturesConfig

    def __init__(self, config: MaskedFeaturesConfig = MaskedFeaturesConfig()):
        super().__init__()
        self.config = config
        self.unet = MaskedUNet(config.unet)
        self.multiple_of = self.unet.multiple_of
        self.context = Context(config)
        self.features = nn.Conv2d(config.widths[0], config.features, 3, 1, 1)
        hints, mixed = (HINTS, MIXED) if config.colour_hints else (0, 0)
        self.head = nn.Sequential(
            nn.Conv2d(config.features + FULL_INPUTS + hints, config.head, 1),
            nn.SiLU(),
            nn.Conv2d(config.head, config.head, 1),
            nn.SiLU(),
            nn.Conv2d(config.head, OUTPUTS + mixed, 1),
        )
        nn.init.zeros_(self.head[-1].weight)
        biases = [bias for channels, bias in ANSWERS.values() for _ in range(channels)]
        with torch.no_grad():
            self.head[-1].bias.copy_(torch.tensor(biases + [UNMIXED] * mixed))

    def forward(self, code: Tensor, linear: Tensor, working_px: int | None = None) -> RestoredLight:
        """code, linear (N, 3, H, W) in [0, 1] -> the light of clipped and crushed pixels; zeros where the photo is well
        exposed."""
        deep = self.look(code, linear, working_px or self.config.working_px)
        deep = enlarge_rows(deep, slice(0, code.shape[-2]), code.shape[-2:])
        lost = torch.maximum(over_mask(code).amax(1), under_mask(code)[:, 0]) > 0

        # Where nothing was lost nothing is asked: photos are mostly well exposed, and the head costs per pixel.
        def pick(x):
            return x.permute(1, 0, 2, 3)[:, lost][None, ..., None]

        def spread(x):
            return x.new_zeros(x.shape[1], *lost.shape).masked_scatter(lost, x[0, ..., 0]).permute(1, 0, 2, 3)

        return RestoredLight(*map(spread, self.answer(pick(code), pick(linear), pick(deep))))

    def look(self, code: Tensor, linear: Tensor, working_px: int) -> Tensor:
        """What was seen of the photo at half the working resolution, (N, features + 1, h, w): the U-Net's features, and
        how blind it was, from 0 (enough was measured) to 1 (nothing)."""
        return self.look_at(Seen.at(code, linear, working_px))

    def look_at(self, seen: Seen) -> Tensor:
        """The same of a photo that has been brought to the working resolution."""
        deep = self.seen_by_unet(seen)
        blind = (1 - (1 - seen.over).mean((1, 2, 3), keepdim=True) / ENOUGH_MEASURED).clamp(0, 1)
        maps = [deep, blind.to(deep.dtype).expand_as(deep[:, :1])]
        if self.config.colour_hints:
            linear, over, under = map(_even, (seen.linear, seen.over, seen.under))
            maps.append(colour_maps(linear, over, under).to(deep.dtype))
        return torch.cat(maps, 1)

    def seen_by_unet(self, seen: Seen) -> Tensor:
        """The U-Net's features alone, (N, features, h, w)."""
        height, width = seen.code.shape[-2:]

        def fill(x):
            return F.pad(x, (0, (-width) % self.multiple_of, 0, (-height) % self.multiple_of), mode="replicate")

        code, linear, over, under, depth = map(fill, seen)
        measured = (1 - over) * (1 - under)
        x = torch.cat([code, linear, depth, over, under], 1)
        # Where the holes are is known everywhere; what is in them nowhere.
        mask = torch.cat([measured, measured, measured, torch.ones_like(over), torch.ones_like(under)], 1)
        deep = self.features(self.unet(x, mask, self.context.over(code)))
        return deep[..., : -(-height // 2), : -(-width // 2)]

    def answer(self, code: Tensor, linear: Tensor, deep: Tensor) -> RestoredLight:
        """The per-pixel head, on pixels in any arrangement; `deep` is what `look` says at each. See `forward`."""
        over = over_mask(code)
        said, hints = self._said(code, linear, over, deep)
        median = self._median(said, hints)
        blind = deep[:, self.config.features : self.config.features + 1].float()
        above, below = (
            torch.maximum(F.softplus(said[side]) + 0.05, BLIND_STOPS * blind) for side in ("above", "below")
        )
        return RestoredLight(median, self._energy(said, median, over), above, below, _shadow(said))

    def answer_one(self, code: Tensor, linear: Tensor, deep: Tensor, highlights: Highlights) -> tuple[Tensor, Tensor]:
        """One of the two answers and the shadow: the same as in `answer`, without what else costs time."""
        over = over_mask(code)
        said, hints = self._said(code, linear, over, deep)
        median = self._median(said, hints)
        return median if highlights == "median" else self._energy(said, median, over), _shadow(said)

    def _said(
        self, code: Tensor, linear: Tensor, over: Tensor, deep: Tensor
    ) -> tuple[dict[str, Tensor], ColourHints | None]:
        """The head's outputs by name, float32, and the hints it was given; "mixed" are those of the hints."""
        known = self.config.features
        inputs = [code, linear, over, under_mask(code), deep[:, :known]]
        hints = colour_hints(linear, deep[:, known + 1 :]) if self.config.colour_hints else None
        if hints is not None:
            inputs += [values.to(deep.dtype) for values in hints.inputs]
        out = per_pixel(self.head, torch.cat(inputs, 1)).float()
        widths = [channels for channels, _ in ANSWERS.values()] + [out.shape[1] - OUTPUTS]
        return dict(zip((*ANSWERS, "mixed"), out.split(widths, 1))), hints

    def _median(self, said: dict[str, Tensor], hints: ColourHints | None) -> Tensor:
        stops = F.softplus(said["median"])
        return stops if hints is None else coloured(stops, hints, torch.sigmoid(said["mixed"]))

    def _energy(self, said: dict[str, Tensor], median: Tensor, over: Tensor) -> Tensor:
        return median + uniformly(energy_stops(median, said["more"], said["unlike"]), over)


def _shadow(said: dict[str, Tensor]) -> Tensor:
    return torch.exp2(-(BRIGHTEST_SHADOW_STOPS + F.softplus(said["shadow"]))).clamp(max=BRIGHTEST_SHADOW)


def per_pixel(layers: nn.Sequential, x: Tensor) -> Tensor:
    """1 x 1 convolutions and what is between them, on (N, C, ...).

    Of one photo they are matrix products: on a CPU a fifth of the time that convolutions of a list of pixels take.
    """
    if len(x) != 1:
        return layers(x)
    flat = x[0].flatten(1)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            flat = torch.addmm(layer.bias[:, None], layer.weight.flatten(1), flat)
        else:
            flat = layer(flat)
    return flat.view(1, -1, *x.shape[2:])


def coloured(stops: Tensor, hints: ColourHints, share: Tensor) -> Tensor:
    """`stops` (N, 3, ...) above what was measured after a `share` (N, 2, ...) of the way to each of the two guesses of
    the colour: to the rim's with the luminance as it is, then to the opposed channels'. Not negative."""
    light = hints.measured + stops
    brightness = luminance(torch.exp2(light), 1)[:, None].log2()
    rim = hints.rim + brightness - luminance(torch.exp2(hints.rim), 1)[:, None].log2()
    light = torch.lerp(light, rim, share[:, :1])
    return (torch.lerp(light, hints.opposed, share[:, 1:]) - hints.measured).clamp(min=0)


def energy_stops(median: Tensor, more: Tensor, unlike: Tensor) -> Tensor:
    """Stops (N, 1, ...) from the median to the answer whose light adds up; darker by no more than the median rose."""
    stops = median.mean(1, keepdim=True) * (torch.sigmoid(unlike) * 2 - 1) + F.softplus(more)
    return torch.maximum(stops, -median.amin(1, keepdim=True))


def uniformly(stops: Tensor, over: Tensor) -> Tensor:
    """What to add per channel so that masks `over` (N, 3, ...) brighten all three alike: by `stops` where all channels
    clip, by none where one was measured. Chromaticity stays."""
    return stops * over.amin(1, keepdim=True) / over.clamp(min=LEAST_OVER)


def _even(maps: Tensor) -> Tensor:
    """Maps (N, C, h, w) with the last row and column once more where their number is odd."""
    return F.pad(maps, (0, maps.shape[-1] % 2, 0, maps.shape[-2] % 2), mode="replicate")


class Context(nn.Module):
    """What the whole photo says: the classifier's features join at /16 and /32, a summary of everything at the deepest
    level."""

    def __init__(self, config: MaskedFeaturesConfig):
        super().__init__()
        self.deepest = len(config.widths) - 1
        channels = config.widths[-1]
        self.summary = nn.Sequential(nn.Linear(2 * channels, channels), nn.SiLU(), nn.Linear(channels, channels))
        self.classifier, self.join = None, nn.ModuleDict()
        if config.recognise:
            self.classifier = EfficientNetLite0(EfficientNetConfig(stages=config.recognise)).requires_grad_(False)
            # Level l of the U-Net has stride 2 ** (l + 1), as has feature l of the classifier.
            self.join = nn.ModuleDict(
                {
                    str(i): nn.Sequential(
                        nn.Dropout2d(0.2), nn.Conv2d(self.classifier.channels[i], config.widths[i], 1)
                    )
                    for i in (3, 4)
                    if i < min(len(self.classifier.channels), len(config.widths))
                }
            )

    def over(self, code: Tensor):
        """A function for `MaskedUNet.forward`, with what the classifier saw in `code`."""
        seen = []
        if self.classifier is not None:
            with torch.no_grad():  # stays as ImageNet taught it: a hundred panoramas would only spoil it
                seen = self.classifier(code)

        def joined(x: Tensor, level: int) -> Tensor:
            if str(level) in self.join:
                x = x + self.join[str(level)](seen[level])
            if level == self.deepest:
                x = x + self.summary(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))[..., None, None]
            return x

        return joined
