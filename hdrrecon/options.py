"""What a user can ask for. Every option is named, explained and checked here, once.

The Python API, the command line, batches, Ray, video and the app all build these two dataclasses. To add an option, add
a field with its comment to `ReconstructOptions` (or `WriteOptions`) and the same name to the `TypedDict` below it,
which tells type checkers what the public functions take; a test keeps the two equal.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, get_args

if TYPE_CHECKING:
    from hdrrecon.camera.response import ResponseCurve

RESPONSES = ("estimate", "srgb", "camera")
Highlights = Literal["median", "energy"]
Sun = Literal["auto", "off"] | tuple[float, ...]
Precision = Literal["auto", "float32", "bfloat16"]
Speed = Literal["plain", "compile", "cuda-graphs"]
Primaries = Literal["rec709", "p3", "rec2020", "acescg"]
Transfer = Literal["pq", "hlg"]
Compression = Literal["none", "rle", "zips", "zip", "piz", "pxr24", "b44", "dwaa", "dwab"]

F = TypeVar("F", bound=Callable)
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


class UsageError(ValueError):
    """Something was asked for that there is not. The message says what there is; the command line prints it alone."""


@dataclass(frozen=True, kw_only=True)
class ReconstructOptions:
    """How light is made from a photo.

    Raises:
        ValueError, TypeError: a value that is none of the allowed ones; the message names those.
    """

    # The camera's curve: "estimate" it, "srgb" (renderings), "camera" (the mean of modern cameras), or a known curve.
    response: str | ResponseCurve = "estimate"
    # Let what EXIF says about the file's origin weigh in the estimate.
    exif: bool = True
    # Bring smooth gradients back from 8-bit codes, every value inside its own code's cell.
    dequantize: bool = False
    # Which of the possible lights: "median" has the least error, "energy" adds up to the right amount.
    highlights: Highlights = "median"
    # The picture is an equirectangular panorama; None: find out.
    panorama: bool | None = None
    # The sun of a panorama's energy answer: "auto" finds it, "off" leaves it out, (elevation, azimuth) in degrees says
    # where it is, (elevation, azimuth, strength) also how much it gives a surface facing it, 1.0 = the light at which
    # the photo clips.
    sun: Sun = "auto"
    # How much of what was restored is used, in [0, 1]: 0 is the linearised photo, 1 all of it; between, in stops.
    strength: float = 1.0
    # Stops above the clip level that light may reach; None: no limit.
    max_stops: float | None = None
    # Bytes the reconstruction may take, or a text like "2GB"; None: bands of a megapixel. Kept as bytes.
    memory: int | str | None = None

    def __post_init__(self):
        if isinstance(self.response, str):
            _one_of("response", self.response, RESPONSES, " or a ResponseCurve")
        check_highlights(self.highlights)
        for name in ("exif", "dequantize"):
            _true_or_false(name, getattr(self, name))
        if self.panorama is not None:
            _true_or_false("panorama", self.panorama)
        object.__setattr__(self, "sun", check_sun(self.sun))
        if not isinstance(self.sun, str) and self.highlights != "energy":
            raise ValueError(
                f"a sun belongs to the energy answer, and highlights is {self.highlights!r}; pass "
                f'highlights="energy", or leave '
                "sun out"
            )
        _number("strength", self.strength, 0, 1)
        if self.max_stops is not None:
            _number("max_stops", self.max_stops, 0)
        if self.memory is not None:
            object.__setattr__(self, "memory", parse_memory(self.memory))

    @property
    def memory_bytes(self) -> int | None:
        """`memory` in bytes."""
        return None if self.memory is None else int(self.memory)

    def keywords(self) -> ReconstructKeywords:
        """All fields, as keywords of the public functions."""
        return {name: getattr(self, name) for name in _names(ReconstructOptions)}  # type: ignore[return-value]


class ReconstructKeywords(TypedDict, total=False):
    """The fields of `ReconstructOptions` as keywords."""

    response: str | ResponseCurve
    exif: bool
    dequantize: bool
    highlights: Highlights
    panorama: bool | None
    sun: Sun
    strength: float
    max_stops: float | None
    memory: int | str | None


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How light is written; each format takes only what it can hold (`hdrrecon.io.write.check_options`).

    Raises:
        ValueError, TypeError: a value that is none of the allowed ones; the message names those.
    """

    # Channels of .exr: half ends at 65504.
    dtype: Literal["half", "float"] = "half"
    # Of .exr; light of 8-bit photos fits "piz" best.
    compression: Compression = "piz"
    # Primaries the light of an .exr is written in; the file says which.
    primaries: Primaries = "rec709"
    # Luminance of 1.0 in cd/m2 (.exr, .png, .avif, .heic, .jxl); None: 203.
    white_nits: float | None = None
    # Luminance in cd/m2 that PQ and HLG files stay below; None: 1000, the most HLG can say.
    peak_nits: float | None = None
    # Signal of pictures for HDR screens: "pq" is absolute, "hlg" (.png, .avif, .heic) that of television.
    transfer: Transfer = "pq"
    # "latlong" marks an equirectangular panorama (.exr).
    envmap: Literal["latlong"] | None = None
    # Further header attributes (.exr).
    attributes: Mapping[str, Any] | None = None
    # The photo the light was made from; a .jpg needs it.
    base: str | Path | None = None
    # Stops above white that the light of a .jpg keeps below; None: up to 8 are kept.
    headroom_stops: float | None = None
    # Of a .jpg: 3 keeps the light's hues, as None does; 1 the photo's.
    gain_channels: Literal[1, 3] | None = None
    # Of a .jpg: take a base that has a gain map, without it.
    replace_gain_map: bool = False

    def __post_init__(self):
        _one_of("dtype", self.dtype, ("half", "float"))
        _one_of("compression", self.compression, get_args(Compression))
        _one_of("primaries", self.primaries, get_args(Primaries))
        check_transfer(self.transfer)
        _one_of("envmap", self.envmap, (None, "latlong"))
        _true_or_false("replace_gain_map", self.replace_gain_map)

    def keywords(self) -> WriteKeywords:
        """The fields that are not at their defaults, as keywords of `hdrrecon.write`."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return given  # type: ignore[return-value]


class WriteKeywords(TypedDict, total=False):
    """The fields of `WriteOptions` as keywords."""

    dtype: Literal["half", "float"]
    compression: Compression
    primaries: Primaries
    white_nits: float | None
    peak_nits: float | None
    transfer: Transfer
    envmap: Literal["latlong"] | None
    attributes: Mapping[str, Any] | None
    base: str | Path | None
    headroom_stops: float | None
    gain_channels: Literal[1, 3] | None
    replace_gain_map: bool


class FileKeywords(ReconstructKeywords, WriteKeywords, total=False):
    """What `Reconstructor.to_file` takes: the fields of both."""


def options_from(given: Mapping[str, Any]) -> tuple[ReconstructOptions, WriteOptions]:
    """Both kinds of options from keywords of either.

    Raises:
        TypeError: an unknown name; ValueError, TypeError: as the two classes.
    """
    check_names(given, ReconstructOptions, WriteOptions)
    how, written = _names(ReconstructOptions), _names(WriteOptions)
    return (
        ReconstructOptions(**{name: value for name, value in given.items() if name in how}),
        WriteOptions(**{name: value for name, value in given.items() if name in written}),
    )


def reconstruct_options(given: Mapping[str, Any]) -> ReconstructOptions:
    """`ReconstructOptions` from keywords.

    Raises:
        TypeError: an unknown name; ValueError, TypeError: as the class.
    """
    check_names(given, ReconstructOptions)
    return ReconstructOptions(**given)


def check_names(given: Mapping[str, Any], *kinds: type) -> None:
    """Refuse unknown options.

    Raises:
        TypeError: naming the option, the closest known one, and all that there are.
    """
    known = [name for kind in kinds for name in _names(kind)]
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"unknown option {name!r}{hint} (there are: {', '.join(known)})")


def shows(*kinds: type) -> Callable[[F], F]:
    """A decorator: `help` and `inspect.signature` show the fields of these dataclasses in the place of `**options`."""
    extra = [
        inspect.Parameter(
            f.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if f.default is MISSING else f.default,
            annotation=f.type,
        )
        for kind in kinds
        for f in fields(kind)
    ]

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        function.__signature__ = signature.replace(parameters=own + extra)  # type: ignore[attr-defined]
        return function

    return decorate


def check_precision(precision: str) -> None:
    """Raises ValueError: naming the three."""
    _one_of("precision", precision, get_args(Precision))


def check_speed(speed: str) -> None:
    """Raises ValueError: naming the three."""
    _one_of("speed", speed, get_args(Speed))


def check_transfer(transfer: str) -> None:
    """Raises ValueError: naming the two."""
    _one_of("transfer", transfer, get_args(Transfer))


def check_highlights(highlights: str) -> None:
    """Raises ValueError: naming those that there are."""
    _one_of("highlights", highlights, get_args(Highlights))


def check_sun(sun: Sun) -> Sun:
    """The sun as the pipeline takes it: "auto", "off", or a tuple of two or three floats.

    Raises:
        ValueError: anything else, an elevation outside (0, 90], a strength that is not above 0.
    """
    if isinstance(sun, str):
        if sun in ("auto", "off"):
            return sun
        values: tuple[float, ...] = ()
    else:
        try:
            values = tuple(float(value) for value in sun)
        except (TypeError, ValueError):
            values = ()
    if len(values) not in (2, 3) or not all(map(isfinite, values)):
        raise ValueError(
            f'sun must be "auto", "off", (elevation, azimuth) in degrees or (elevation, azimuth, strength), got {sun!r}'
        )
    if not 0 < values[0] <= 90:
        raise ValueError(
            f"the sun's elevation is in degrees above the horizon, above 0 and at most 90, got {values[0]:g}"
        )
    if abs(values[1]) > 360:
        raise ValueError(
            f"the sun's azimuth is in degrees from the middle of the picture, at most 360, got {values[1]:g}"
        )
    if len(values) == 3 and not values[2] > 0:
        raise ValueError(f'the sun\'s strength must be above 0, got {values[2]:g}; for no sun say "off"')
    return values


def parse_memory(memory: int | float | str) -> int:
    """Bytes of a number of bytes or of a text like "2GB", "1.5 GiB" or "800 MB".

    Raises:
        ValueError: saying what was wanted.
    """
    match = re.fullmatch(r"\s*([\d.]+)\s*([kmg]?i?b?)\s*", str(memory).lower())
    try:
        unit = match[2] if match[2] in _UNITS else match[2] + "b"  # type: ignore[index]
        amount = float(match[1]) * _UNITS[unit]  # type: ignore[index]
    except (TypeError, ValueError, KeyError):
        amount = 0
    if not amount >= 1:
        raise UsageError(f'memory is a number of bytes or a text like "2GB" or "800MB", got {memory!r}')
    return int(amount)


def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def _one_of(name: str, value: object, allowed: tuple, more: str = "") -> None:
    if value not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(map(repr, allowed))}{more}, got {value!r}")


def _number(name: str, value: object, low: float, high: float | None = None) -> None:
    wanted = f"a number from {low:g} to {high:g}" if high is not None else f"a number of at least {low:g}"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise TypeError(f"{name} must be {wanted}, got {value!r}")
    if value < low or (high is not None and value > high):
        raise UsageError(f"{name} must be {wanted}, got {value!r}")


def _true_or_false(name: str, value: object) -> None:
    if type(value).__name__ not in ("bool", "bool_"):  # numpy's are as good
        raise TypeError(f"{name} must be True or False, got {value!r}")
