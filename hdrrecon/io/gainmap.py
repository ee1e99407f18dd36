"""Gain maps: how much brighter than an ordinary picture each place is, in stops, as an 8-bit picture.

    light = (base + base_offset) * 2^gain - light_offset,   gain = low + (high - low) * (code / 255)^(1 / gamma)

`base` is the photo as displayed: its code values through its own tone curve to linear light, white = 1.

**What the gain is here.** hdrrecon's radiance counts in clip levels of the camera: 1.0 = the level at which
the photo clips. The photo itself was rendered for display by the camera, brighter and with more contrast
than its scene; that rendering is the photographer's and is kept. So the gain is

    gain = log2(max(1, radiance))       per channel, in the photo's own primaries, offsets 0

Measured pixels have a radiance of at most 1: their gain is 0, they look as in the photo. A clipped channel
is displayed at 1 and becomes `radiance`, continuously. No response curve enters, and black stays black.

Source: ISO 21496-1:2025; Ultra HDR image format 1.1 (developer.android.com).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from hdrrecon.io.headroom import shoulder
from hdrrecon.io.xmp import HDRGM

RANGE_STOPS = 8.0
"""Most that 8 bits are asked to hold: one step is then 2.2 % of light."""
FULL_EFFECT_STOPS = 4.0
"""A display with this much headroom shows a map of any range in full; lesser ones scale all gains alike."""
_FRACTION = 1_000_000
_CHANNELS = 3
# Flags of an ISO block. The last is not in the standard as published, but libultrahdr up to 1.4 sets it.
_THREE, _IN_BASE_PRIMARIES, _ONE_DENOMINATOR = 0x80, 0x40, 0x08


@dataclass(frozen=True)
class GainMap:
    """PixelCodes (h, w) or (h, w, 3) uint8 and what they mean; numbers as tuples of three, one per channel.

    Attributes:
        low, high: gain in stops of code 0 and of code 255.
        headroom: stops above white that a display needs to show the whole gain.
    """

    codes: np.ndarray
    high: tuple[float, ...]
    low: tuple[float, ...] = (0.0,) * _CHANNELS
    gamma: tuple[float, ...] = (1.0,) * _CHANNELS
    base_offset: tuple[float, ...] = (0.0,) * _CHANNELS
    light_offset: tuple[float, ...] = (0.0,) * _CHANNELS
    headroom: float = FULL_EFFECT_STOPS

    def light(self, base: np.ndarray) -> np.ndarray:
        """The HDR picture, linear, of a linear `base` (H, W, 3) float32; the map is enlarged bilinearly."""
        import cv2

        codes = self.codes if self.codes.ndim == 3 else self.codes[..., None]
        low, high, gamma, k_base, k_light = (
            np.float32(v) for v in (self.low, self.high, self.gamma, self.base_offset, self.light_offset)
        )
        gain = low + (high - low) * (codes / np.float32(255)) ** (1 / gamma)
        gain = cv2.resize(gain, base.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return (base + k_base) * np.exp2(gain) - k_light

    def iso_block(self) -> bytes:
        """The metadata as ISO 21496-1 annex C has it, without the URN before it."""
        three = self.codes.ndim == 3
        signed, unsigned = (struct.Struct(f).pack for f in (">iI", ">II"))

        def fraction(pack, value):
            return pack(round(value * _FRACTION), _FRACTION)

        block = struct.pack(">HHB", 0, 0, (_THREE if three else 0) | _IN_BASE_PRIMARIES)
        block += fraction(unsigned, 0) + fraction(unsigned, self.headroom)
        for c in range(_CHANNELS if three else 1):
            for pack, values in (
                (signed, self.low),
                (signed, self.high),
                (unsigned, self.gamma),
                (signed, self.base_offset),
                (signed, self.light_offset),
            ):
                block += fraction(pack, values[c])
        return block

    def xmp_description(self) -> str:
        """The metadata as an rdf:Description; `low`, `high`, `gamma` and offsets must not differ by channel."""
        numbers = {
            "GainMapMin": self.low[0],
            "GainMapMax": self.high[0],
            "Gamma": self.gamma[0],
            "OffsetSDR": self.base_offset[0],
            "OffsetHDR": self.light_offset[0],
            "HDRCapacityMin": 0.0,
            "HDRCapacityMax": self.headroom,
        }
        texts = " ".join(f'hdrgm:{name}="{value:.6f}"' for name, value in numbers.items())
        return (
            f'<rdf:Description rdf:about="" xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0" {texts} '
            'hdrgm:BaseRenditionIsHDR="False"/>'
        )


def gain_of(
    radiance: np.ndarray,
    base: np.ndarray | None,
    weights: np.ndarray,
    *,
    channels: int = _CHANNELS,
    headroom_stops: float | None = None,
) -> np.ndarray:
    """The gain of a picture in stops, (H, W, channels) float32; see the module for what it is.

    Args:
        radiance: (H, W, 3) float32 in the base's primaries, 1.0 = the level at which the photo clips.
        base: (H, W, 3) float32 the photo as displayed, linear, white = 1; only one channel needs it.
        weights: (3,) luminance of each of the base's primaries.
        channels: 3, or 1: then a pixel's gain is that of its luminance, and hues stay as in the photo.
        headroom_stops: light is bent (see `shoulder`) to stay this far above white; None: `RANGE_STOPS`.
    """
    limit = RANGE_STOPS if headroom_stops is None else headroom_stops
    gain = np.maximum(shoulder(radiance, 2.0**limit), 1)
    if channels == 1:
        weights = weights.astype(np.float32)
        dark = np.float32(1e-4)  # where the base is black its luminance says nothing
        gain = ((base + dark) * gain @ weights / ((base + dark) @ weights))[..., None]
    return np.log2(gain, out=gain)


def as_map(gain: np.ndarray, scale: int, headroom_stops: float | None) -> GainMap:
    """The map of a gain, with 1 / scale of its width and height. A display needs `headroom_stops` to show it
    in full; None: its range, but at most `FULL_EFFECT_STOPS`."""
    import cv2

    height, width = (max(1, round(n / scale)) for n in gain.shape[:2])
    if scale > 1:
        gain = cv2.resize(gain, (width, height), interpolation=cv2.INTER_AREA)
    high = max(float(gain.max()), 1e-3)  # a map of nothing must still have a range
    headroom = min(high, FULL_EFFECT_STOPS) if headroom_stops is None else headroom_stops
    codes = cv2.convertScaleAbs(gain, alpha=255 / high)  # rounds; numpy would fill two more arrays of floats
    codes = codes[..., 0] if codes.ndim == 3 and codes.shape[2] == 1 else codes
    return GainMap(codes, (high,) * _CHANNELS, headroom=headroom)


def from_iso_block(block: bytes, codes: np.ndarray) -> GainMap | None:
    """The map a block describes; None for a version or direction that is not understood.

    Raises:
        struct.error, ZeroDivisionError: the block is damaged.
    """
    version, _, flags = struct.unpack_from(">HHB", block)
    if version != 0 or flags & ~(_THREE | _IN_BASE_PRIMARIES | _ONE_DENOMINATOR):
        return None
    kinds = "II" + "iiIii" * (_CHANNELS if flags & _THREE else 1)
    if flags & _ONE_DENOMINATOR:
        denominator, *numbers = struct.unpack_from(">I" + kinds, block, 5)
        ratios = [n / denominator for n in numbers]
    else:
        numbers = struct.unpack_from(">" + "".join(kind + "I" for kind in kinds), block, 5)
        ratios = [n / d for n, d in zip(numbers[::2], numbers[1::2])]
    base_headroom, headroom, *values = ratios
    if headroom < base_headroom:  # the base is the HDR picture
        return None
    rows = [values[i : i + 5] for i in range(0, len(values), 5)]
    low, high, gamma, base_offset, light_offset = (_three(values) for values in zip(*rows, strict=True))
    return GainMap(codes, high, low, gamma, base_offset, light_offset, headroom)


def from_xmp_fields(fields: dict[str, list[str]], codes: np.ndarray) -> GainMap | None:
    """The map that hdrgm fields describe; None where it starts from an HDR base.

    Raises:
        ValueError, KeyError: a number is missing that has no default, or is none.
    """
    if fields.get("BaseRenditionIsHDR", ["False"])[0].strip().lower() == "true":
        return None

    def get(name, default):
        return _three([float(v) for v in fields.get(name, [default])])

    high = _three([float(v) for v in fields["GainMapMax"]])
    return GainMap(
        codes,
        high,
        get("GainMapMin", 0.0),
        get("Gamma", 1.0),
        get("OffsetSDR", 1 / 64),
        get("OffsetHDR", 1 / 64),
        float(fields["HDRCapacityMax"][0]),
    )


def _three(values) -> tuple[float, ...]:
    values = tuple(values)
    return values * _CHANNELS if len(values) == 1 else values[:_CHANNELS]
