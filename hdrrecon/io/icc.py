"""ICC profiles of the matrix/tone-curve kind, read by ourselves so that nothing is clipped.

A profile says how code values become light (a tone curve per channel) and what the primaries are (three XYZ
columns, adapted to D50). `Profile.encode_luts` replaces the curve by the sRGB curve; `Profile.to_rec709` is
the rest. Profiles that are tables (most printers, all CMYK) go through LittleCMS in `convert_with_table`.

Source: ICC.1:2022 (v4.4), sections 9 (tags), 10 (types mluc, XYZ, curv, para) and annex E (Bradford);
ICC.1:2001-04 for the older desc type.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hdrrecon.color import D65, XYZ_TO_REC709, linear_to_srgb, primaries_to_xyz, srgb_to_linear

D50_XYZ = np.array([0.9642, 1.0, 0.8249])  # the profile connection space, ICC.1 section 7.2.16
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_SRGB_CLOSE = 1e-3  # in code values, a quarter of an 8-bit step: such a curve is sRGB, rounded by its maker
_IDENTITY_CLOSE = 2e-3
_WANTED = (b"desc", b"kTRC", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")
_MOST_TAGS, _MOST_TAG_BYTES = 1000, 1 << 18  # a curve of 65536 entries has half of these bytes
_LONGEST_NAME = 200
_GAMMAS = (0.1, 10.0)

Curve = Callable[[np.ndarray], np.ndarray]


class ProfileError(ValueError):
    """The profile is damaged, or not of the kind that was asked for."""


@dataclass(frozen=True)
class Profile:
    """What an embedded ICC profile means.

    Attributes:
        name: its description, may be empty.
        space: "RGB", "GRAY", "CMYK", "Lab " ... as in the file's header.
        to_rec709: (3, 3) float64 linear RGB -> linear Rec.709, None for profiles that are tables.
        curves: one function per channel, code value in [0, 1] -> linear light; empty for tables.
    """

    name: str
    space: str
    to_rec709: np.ndarray | None
    curves: tuple[Curve, ...]

    def encode_luts(self, levels: int) -> np.ndarray | None:
        """sRGB-encoded value of each of `levels` codes, (channels, levels) float32; None if sRGB already.

        Monotone; only the ends are exactly 0 and 1, so the same codes are clipped before and after.
        """
        codes = np.linspace(0.0, 1.0, levels)
        encoded = np.stack([linear_to_srgb(_normalised(curve, codes)) for curve in self.curves])
        if np.abs(encoded - codes).max() < _SRGB_CLOSE:
            return None
        below_one = np.nextafter(np.float32(1), np.float32(0))
        luts = np.clip(encoded.astype(np.float32), np.finfo(np.float32).tiny, below_one)
        luts[:, 0], luts[:, -1] = 0, 1
        return luts

    @property
    def is_linear(self) -> bool:
        """True when every tone curve is the identity."""
        codes = np.linspace(0.0, 1.0, 256)
        return all(np.abs(_normalised(curve, codes) - codes).max() < _SRGB_CLOSE for curve in self.curves)


def adapt(white_xyz, target_xyz) -> np.ndarray:
    """(3, 3) Bradford adaptation of XYZ from one white to another."""
    gain = (_BRADFORD @ target_xyz) / (_BRADFORD @ white_xyz)
    return np.linalg.solve(_BRADFORD, gain[:, None] * _BRADFORD)


def xyz_of_white(xy=D65) -> np.ndarray:
    """XYZ at Y = 1 of a chromaticity."""
    return np.array([xy[0] / xy[1], 1.0, (1 - xy[0] - xy[1]) / xy[1]])


def rec709_matrix(to_xyz: np.ndarray, white_xyz: np.ndarray) -> np.ndarray:
    """(3, 3) linear RGB -> linear Rec.709 from RGB -> XYZ and its white; identity when very near to it."""
    matrix = XYZ_TO_REC709 @ adapt(white_xyz, xyz_of_white(D65)) @ to_xyz
    return np.eye(3) if np.abs(matrix - np.eye(3)).max() < _IDENTITY_CLOSE else matrix


def parse_profile(data: bytes) -> Profile:
    """Read an ICC profile.

    Raises:
        ProfileError: damaged, or its curves cannot be understood.
    """
    try:
        return _parse(data)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError, np.linalg.LinAlgError) as error:
        raise ProfileError(f"the ICC profile is damaged ({error!r})") from error


def profile_from_gamma(name: str, gamma: float | None, places) -> Profile:
    """The profile of what a file states in two numbers and four places instead.

    Args:
        name: of the profile.
        gamma: code = light ** gamma, as PNG's gAMA has it; None: the sRGB curve.
        places: CIE xy of red, green, blue and white; None: those of sRGB.

    Raises:
        ProfileError: they are no colour space.
    """
    if gamma is not None and not _GAMMAS[0] <= gamma <= _GAMMAS[1]:
        raise ProfileError(f"the file states a gamma of {gamma:g}, which is none")
    matrix = np.eye(3)
    if places is not None:
        pairs = np.asarray(places, np.float64)
        if (pairs[:, 1] <= 0).any():
            raise ProfileError("the file states primaries that are no colours")
        try:
            matrix = rec709_matrix(primaries_to_xyz(pairs[:3], pairs[3]), xyz_of_white(pairs[3]))
        except np.linalg.LinAlgError as error:
            raise ProfileError("the file states primaries that are no colours") from error
        if not np.isfinite(matrix).all():
            raise ProfileError("the file states primaries that are no colours")

    def curve(codes):
        return srgb_to_linear(codes) if gamma is None else codes ** (1 / gamma)

    return Profile(name, "RGB", matrix, (curve,) * 3)


def _parse(data: bytes) -> Profile:
    if data[36:40] != b"acsp":
        raise ProfileError("the ICC profile is damaged: its signature is missing")
    tags, view = {}, memoryview(data)
    for i in range(min(struct.unpack_from(">I", data, 128)[0], _MOST_TAGS)):
        name, offset, size = struct.unpack_from(">4sII", data, 132 + 12 * i)
        if name in _WANTED:  # the others are neither looked at nor copied: they may overlap, and be large
            tags[name] = bytes(view[offset : min(offset + size, offset + _MOST_TAG_BYTES)])
    space, name = data[16:20].decode("latin-1").strip(), _text(tags.get(b"desc", b""))
    if space == "GRAY" and b"kTRC" in tags:
        return Profile(name, space, np.eye(3), (_curve(tags[b"kTRC"]),))
    columns = [tags.get(tag) for tag in (b"rXYZ", b"gXYZ", b"bXYZ")]
    if space != "RGB" or None in columns:
        return Profile(name, space, None, ())
    to_xyz = np.stack([np.array(struct.unpack_from(">3i", c, 8)) / 65536 for c in columns], axis=1)
    # The columns are rounded to 1/65536: let them add up to the white exactly, or greys would get a tint.
    gain = np.linalg.solve(to_xyz, D50_XYZ)
    if np.abs(gain - 1).max() < 0.01:
        to_xyz = to_xyz * gain
    curves = tuple(_curve(tags[tag]) for tag in (b"rTRC", b"gTRC", b"bTRC"))
    return Profile(name, space, rec709_matrix(to_xyz, D50_XYZ), curves)


def _text(tag: bytes) -> str:
    if tag[:4] == b"desc":  # version 2: ASCII with a length
        length = min(struct.unpack_from(">I", tag, 8)[0], _LONGEST_NAME)
        return tag[12 : 12 + length].decode("latin-1").strip("\0 ")
    if tag[:4] == b"mluc":  # version 4: the first language
        size, offset = struct.unpack_from(">II", tag, 20)
        return tag[offset : offset + min(size, 2 * _LONGEST_NAME)].decode("utf-16-be", "replace").strip("\0 ")
    return ""


def _curve(tag: bytes) -> Curve:
    """A curv or para tag as a function of code values in [0, 1]."""
    if tag[:4] == b"curv":
        count = struct.unpack_from(">I", tag, 8)[0]
        if count == 0:
            return lambda x: x
        if len(tag) < 12 + 2 * count:
            raise ProfileError("the ICC profile is damaged: its tone curve is incomplete")
        table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
        if count == 1:
            return lambda x, g=table[0] / 256: x**g
        return lambda x: np.interp(x, np.linspace(0, 1, count), table / 65535)
    if tag[:4] != b"para":
        raise ProfileError(f"tone curve of unknown type {tag[:4]!r}")
    kind = struct.unpack_from(">H", tag, 8)[0]
    if kind > 4:
        raise ProfileError(f"parametric tone curve of unknown kind {kind}")
    g, *rest = np.array(struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)) / 65536
    # ICC.1 table 68: y = (a x + b)^g + e from x = d on, and c x + f below; simpler kinds leave constants out.
    a, b, c, d, e, f = {
        0: lambda: (1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        1: lambda: (rest[0], rest[1], 0.0, -rest[1] / rest[0], 0.0, 0.0),
        2: lambda: (rest[0], rest[1], 0.0, -rest[1] / rest[0], rest[2], rest[2]),
        3: lambda: (*rest, 0.0, 0.0),
        4: lambda: tuple(rest),
    }[kind]()
    return lambda x: np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)


def _normalised(curve: Curve, codes: np.ndarray) -> np.ndarray:
    """The curve at `codes`, made monotone from 0 to 1 (some profiles lift black or stop short of white)."""
    y = np.maximum.accumulate(np.asarray(curve(codes), dtype=np.float64))
    if not np.isfinite(y).all() or y[-1] - y[0] < 1e-6:
        raise ProfileError("the ICC profile's tone curve does not rise")
    return (y - y[0]) / (y[-1] - y[0])


def convert_with_table(image, icc: bytes):
    """A Pillow image (8-bit RGB or CMYK) through a profile that is a table, to 8-bit sRGB, by LittleCMS.

    Colours outside sRGB are clipped there: unavoidable for a table, which knows nothing beyond its ends.

    Raises:
        ProfileError: LittleCMS refuses the profile.
    """
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        return ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise ProfileError(f"the ICC profile cannot be applied ({error})") from error
