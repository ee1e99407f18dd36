"""Ultra HDR JPEG: the photographer's own JPEG, untouched, with a gain map behind it.

Ordinary viewers show the photo; HDR ones multiply it by the map. The file has the photo's segments and scan
bytes as they were; added are the announcement in its XMP, an empty ISO 21496-1 marker and an MPF index, and
behind it a small JPEG, the map, which carries its numbers twice: as XMP (Android 14, three.js, Chrome) and
as ISO 21496-1 (newer readers). What a map means is in `gainmap`. Of the sizes and qualities that the bytes of the
photo allow, the one nearest to the light is taken: a map of the usual quarter resolution would lose every
small highlight, and a coarse quality the large ones.

Source: Ultra HDR image format 1.1 (developer.android.com/media/platform/hdr-image-format); ISO 21496-1.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from hdrrecon.io import jpeg, xmp
from hdrrecon.io.gainmap import GainMap, as_map, from_iso_block, from_xmp_fields, gain_of
from hdrrecon.io.jpeg import APP0, APP1, APP2, Jpeg, Segment, pictures_behind, split_jpeg
from hdrrecon.io.jpeg_decode import decode_map
from hdrrecon.io.photo import ReadError

ISO_URN = b"urn:iso:std:iso:ts:21496:-1\0"
SHARE, ALWAYS_FINE_BYTES = 0.12, 3072
"""The map may have this share of the photo's bytes, and that many in any case; else it is made coarser. With its
announcement (0.8 kB) a photo of 26 kB or more then grows by at most 15 %; thumbnails need their highlights more."""
_SCALES, _QUALITIES = (1, 2, 4, 8, 16), (98, 95, 90, 80, 65, 50, 35)
_HOPELESS = 6  # times too many bytes: no quality saves as many
_SAMPLE_PX, _BAND_ROWS = 1 << 19, 128  # what large pictures are judged by
_HEAD_BYTES = 1300  # of a map, with its numbers and tables
_APPLE = b"HDRGainMap"
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_APP14 = 0xEE
_PREVIEWS = (0x010001, 0x010002)
_SUBSAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}
_LAYOUTS_OF_LIBULTRAHDR = ("4:4:4", "4:2:2", "4:2:0")


def encode_ultrahdr(
    base: bytes,
    radiance: np.ndarray,
    displayed: np.ndarray | None,
    weights: np.ndarray,
    *,
    channels: int = 3,
    headroom_stops: float | None = None,
    replace_gain_map: bool = False,
) -> bytes:
    """The Ultra HDR file of a JPEG and its light.

    Args:
        base: a complete 8-bit JPEG, grey or YCbCr; see `check_base`.
        radiance, displayed, weights, channels, headroom_stops: see `gain_of`; pictures lie as the JPEG
            stores them, its EXIF orientation not applied.
        replace_gain_map: allow a base that has a gain map; that map is left out.

    Raises:
        ReadError: the base is damaged.
        ValueError: it has a gain map already.
    """
    photo = split_jpeg(base)
    check_base(base, photo, replace_gain_map)
    gain = gain_of(radiance, displayed, weights, channels=channels, headroom_stops=headroom_stops)
    second = _fitting_map(gain, headroom_stops, max(ALWAYS_FINE_BYTES, SHARE * len(base)))
    segments = [s for s in photo.segments if not (s.is_(APP2, jpeg.MPF) or s.is_(APP2, ISO_URN))]
    segments = _announced(segments, len(second))
    announcement = Segment(APP2, ISO_URN + bytes(4))  # version 0: "there is a gain map"
    segments.insert(_behind(segments, lambda s: s.marker in (APP0, APP1)), announcement)
    return jpeg.with_picture_behind(segments, photo.scans, second)


def check_base(base: bytes, photo: Jpeg, replace_gain_map: bool) -> None:
    """Refuse bases that cannot carry a map; warn about pictures behind it that a new index leaves out."""
    frame = next((s.body for s in photo.segments if s.marker in _FRAMES and len(s.body) > 5), bytes(6))
    channels = frame[5]
    if channels not in (1, 3):
        raise ValueError(
            f"the base is a CMYK JPEG ({channels} channels), which HDR viewers cannot show; convert it to RGB"
        )
    if (_announcements(photo) or _APPLE in base[photo.end :]) and not replace_gain_map:
        raise ValueError(
            "the base has a gain map already; allow it to be replaced: replace_gain_map=True, or --replace-gain-map"
        )
    if (layout := _layout(photo, frame)) not in _LAYOUTS_OF_LIBULTRAHDR:
        _warn(
            f"the base stores its colours as {layout}: readers that use libultrahdr refuse such files; "
            "save it as a colour JPEG of 4:2:0 or 4:4:4 for them"
        )
    others = jpeg.index_types(photo.body(APP2, jpeg.MPF) or b"")
    if any(kind not in (0, *_PREVIEWS) for kind in others):
        _warn("the base holds further views (3D or panorama); the HDR file has its first picture only")
    rest = base[photo.end :].strip(b"\0")
    if b"MotionPhoto" in base[: photo.end] and rest:
        _warn("the film of the motion photo is left out; the HDR file has its still picture only")
    elif rest and not rest.startswith(jpeg.SOI):
        _warn(f"{len(rest)} bytes that a camera or a program put behind the photo are left out")


def _layout(photo: Jpeg, frame: bytes) -> str:
    """How a JPEG stores its colours: "grey", "RGB", or its chroma subsampling, "4:2:0" or in factors."""
    if frame[5] == 1:
        return "grey"
    adobe = photo.body(_APP14, b"Adobe")
    if frame[6::3] == b"RGB" or adobe and adobe[-1] == 0:
        return "RGB"
    (h, v), *chroma = ((byte >> 4, byte & 15) for byte in frame[7::3])
    factors = {(h / ch, v / cv) for ch, cv in chroma if ch and cv}
    factor = factors.pop() if len(factors) == 1 else (0, 0)
    return _SUBSAMPLINGS.get(factor, "uncommon chroma subsampling")


def _announced(segments: list[Segment], gain_map_bytes: int) -> list[Segment]:
    """The segments with the announcement in the photo's own XMP packet, or in a new one behind its EXIF."""
    description = xmp.announcement(gain_map_bytes)
    at = next((i for i, s in enumerate(segments) if s.is_(APP1, jpeg.XMP)), None)
    if at is not None:
        old = xmp.without_gain_map(segments[at].body[len(jpeg.XMP) :])
        new = xmp.inserted(old, description) if old is not None else None
        if new is not None and len(jpeg.XMP + new) <= jpeg.LONGEST_BODY:
            return [*segments[:at], Segment(APP1, jpeg.XMP + new), *segments[at + 1 :]]
        # Two packets would contradict each other, and most readers see the first one only.
        _warn("the base's XMP packet cannot be extended and is replaced; its EXIF is kept")
        segments = [*segments[:at], *segments[at + 1 :]]
    lead = _behind(segments, lambda s: s.marker == APP0 or s.is_(APP1, jpeg.EXIF))
    return [*segments[:lead], Segment(APP1, jpeg.XMP + xmp.packet(description)), *segments[lead:]]


def _fitting_map(gain: np.ndarray, headroom_stops: float | None, most_bytes: float) -> bytes:
    """Of the maps that have no more bytes, the one nearest to the gain; the smallest if there is none."""
    promising = _promising(_sample(gain), headroom_stops, (most_bytes - _HEAD_BYTES) / gain.size)

    def same_aspect(scale):
        return gain.shape[0] % scale == gain.shape[1] % scale == 0

    # Those of exactly the photo's aspect first: three.js (r187) refuses others.
    for scale, qualities in sorted(promising, key=lambda one: not same_aspect(one[0])):
        gain_map = as_map(gain, scale, headroom_stops)
        for quality in qualities:
            data = _encode_map(gain_map, quality)
            if len(data) <= most_bytes:
                return data
    return _encode_map(as_map(gain, _SCALES[-1], headroom_stops), _QUALITIES[-1])


def _promising(gain: np.ndarray, headroom_stops: float | None, density: float) -> list[tuple[int, tuple[int, ...]]]:
    """Scales whose maps have at most `density` bytes per value of the gain, nearest first; each with its best quality
    and those below."""
    full, found = as_map(gain, 1, headroom_stops), []
    for scale in _SCALES:
        gain_map = full if scale == 1 else as_map(gain, scale, headroom_stops)
        for i, quality in enumerate(_QUALITIES):
            data = _encode_map(gain_map, quality)
            if len(data) - _HEAD_BYTES <= density * gain.size:
                distance = _distance(decode_map(data), gain_map.high[0] / full.high[0], full.codes)
                found.append((distance, scale, _QUALITIES[i:]))
                break
            if len(data) > _HOPELESS * density * gain.size:
                break
        if len(found) > 1 and found[-1] > found[-2]:
            break  # coarser ones are worse still
    return [(scale, qualities) for _, scale, qualities in sorted(found)]


def _sample(gain: np.ndarray) -> np.ndarray:
    """Bands of rows of a large picture, one with the brightest pixel among them; a small one whole."""
    bands = max(1, _SAMPLE_PX // (gain.shape[1] * _BAND_ROWS))
    last = len(gain) - _BAND_ROWS
    if bands * _BAND_ROWS >= len(gain):
        return gain
    brightest = int(gain.max(axis=(1, 2)).argmax()) - _BAND_ROWS // 2
    tops = {int((i + 0.5) / bands * last) for i in range(bands)} | {min(max(0, brightest), last)}
    return np.concatenate([gain[top : top + _BAND_ROWS] for top in sorted(tops)])


def _distance(codes: np.ndarray, steps: float, full: np.ndarray) -> float:
    """Mean difference, in steps of `full`, of a map enlarged as readers do it; one step of it is `steps` of those."""
    import cv2

    enlarged = cv2.resize(codes, full.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return float(cv2.absdiff(cv2.convertScaleAbs(enlarged, alpha=steps), full).mean())


def _encode_map(gain_map: GainMap, quality: int) -> bytes:
    """The map as a JPEG with its numbers."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(gain_map.codes).save(file, "JPEG", quality=quality, subsampling=0, optimize=True)
    picture = split_jpeg(file.getvalue())
    numbers = (
        Segment(APP1, jpeg.XMP + xmp.packet(gain_map.xmp_description())),
        Segment(APP2, ISO_URN + gain_map.iso_block()),
    )
    lead = _behind(picture.segments, lambda s: s.marker == APP0)
    return bytes(Jpeg((*picture.segments[:lead], *numbers, *picture.segments[lead:]), picture.scans, 0))


def _behind(segments: Sequence[Segment], leading: Callable[[Segment], bool]) -> int:
    """Index of the first segment that is not one of the leading ones."""
    return next((i for i, s in enumerate(segments) if not leading(s)), len(segments))


def _announcements(photo: Jpeg) -> list[Segment]:
    """Segments of the first picture that speak of a gain map."""

    def ours(s):
        return s.is_(APP2, ISO_URN) or s.is_(APP1, jpeg.XMP) and xmp.HDRGM.encode() in s.body

    return [s for s in photo.segments if ours(s)]


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=6)  # to the caller of `write`


def read_gain_map(data: bytes) -> GainMap | None:
    """The gain map in a JPEG file, or None: none there (or cut off by a program that does not know it), one
    that starts from an HDR base, or one of another maker's kind (Apple's is in its maker notes).

    Raises:
        ReadError: the map is there but truncated or damaged.
    """
    photo = split_jpeg(data)
    if not _announcements(photo):
        return None
    for picture in pictures_behind(data, photo.end):
        block = picture.body(APP2, ISO_URN)
        fields = xmp.gain_map_fields(picture.body(APP1, jpeg.XMP) or b"")
        if block is None and "GainMapMax" not in fields:
            continue
        try:
            codes = decode_map(bytes(picture))
            found = from_iso_block(block, codes) if block else None
            return found or (from_xmp_fields(fields, codes) if fields else None)
        except Exception as error:  # numbers that make no sense fail in many ways
            raise ReadError(f"the JPEG's gain map is damaged ({error}); read_photo reads the photo itself") from error
    return None
