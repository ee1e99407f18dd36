"""What reading a file gives: `Photo`, or `CodedPhoto` for the pipeline; `Decoded` between a decoder and `read`."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from hdrrecon.io.icc import Profile

RAW_NAMES = frozenset(
    (
        ".3fr",
        ".arw",
        ".cr2",
        ".cr3",
        ".crw",
        ".dng",
        ".iiq",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".raf",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srw",
        ".x3f",
    )
)
"""Extensions of camera raw files. Many of them are TIFFs inside, whose first page is a thumbnail."""
READABLE = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".png",
        ".tif",
        ".tiff",
        ".webp",
        ".bmp",
        ".dib",
        ".exr",
        ".hdr",
        ".pic",
        ".pfm",
        ".npy",
        ".avif",
        ".heic",
        ".heif",
        ".hif",
        ".jxl",
        *RAW_NAMES,
    )
)
"""Extensions worth collecting from a folder. What a file is, its first bytes decide, not its name."""
LIGHT_SUFFIXES = frozenset((".exr", ".hdr", ".pic", ".pfm", ".npy"))
"""Formats of linear light. Files of these in a folder are results, usually; a batch takes them when they are named."""
SCENE_SUFFIXES = (".exr", ".hdr", ".npy")
"""Scenes that are trained on or measured against."""
ULTRA_HDR_SUFFIXES = (".jpg", ".jpeg")
"""A result with one of these is the photo with a gain map (Ultra HDR)."""


class ReadError(ValueError):
    """A file was found but cannot be read as an image: damaged, empty, or of a kind that is not supported."""


def check_is_file(path: Path) -> None:
    """Raise IsADirectoryError or ReadError for what would not end, or never begin: folders, pipes, devices, sockets.

    Raises:
        FileNotFoundError, PermissionError, OSError: naming the path.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a folder; name an image file")
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
        raise ReadError(f"{path} is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file; name an image file")


def file_bytes(path: Path) -> bytes:
    """All bytes of a file. Raises as `check_is_file`."""
    check_is_file(path)
    return path.read_bytes()


@dataclass(frozen=True)
class Photo:
    """One image, upright, ready for the pipeline.

    Attributes:
        pixels: (H, W, 3) float32 RGB. With `linear` False: sRGB-encoded codes in [0, 1] in the file's own
            primaries; 0 and 1 are exactly the lowest and highest code of the file, so clipping survives.
            With `linear` True: the file's scene-linear values, any finite number.
        alpha: (H, W) float32 in [0, 1] as stored (straight for photos), or None.
        bits: 8, 16 or 32 per channel in the file; 1-, 2- and 4-bit and palette files count as 8.
        linear: True for float and HDR files.
        response: "srgb" where it is known, not guessed, that `pixels` are light put through that curve: camera
            raw files. None for photos: a camera's own curve is in them.
        to_rec709: (3, 3) float64, linear RGB of the file's primaries -> linear Rec.709 (``rgb @ M.T``).
        path: where it came from.
        exif: the raw EXIF block of JPEG, PNG or WebP, or None. Its orientation has been applied already.
        icc_name: description of the embedded ICC profile, or of what stands in for one (PNG's gAMA), or None.
        xmp: the XMP packet of JPEG, PNG, WebP, AVIF or HEIC, or None.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    bits: int = 8
    linear: bool = False
    to_rec709: np.ndarray = field(default_factory=lambda: np.eye(3))
    path: Path | None = None
    exif: bytes | None = None
    icc_name: str | None = None
    response: Literal["srgb"] | None = None
    xmp: bytes | None = None

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]


@dataclass(frozen=True)
class CodedPhoto:
    """A `Photo` whose pixels and alpha are still the integers of the file: a quarter or half of the memory.

    Attributes:
        pixels: (H, W, 1) grey or (H, W, 3), upright, contiguous: uint8, uint16, or float32 as in `Photo`.
        values: (3, K) float32: code value in [0, 1] of each integer; None where that is integer / (K - 1), and for
            floats.
        alpha: (H, W) integers or floats as stored, or None.

    The others are those of `Photo`.
    """

    pixels: np.ndarray
    values: np.ndarray | None
    alpha: np.ndarray | None
    bits: int
    linear: bool
    to_rec709: np.ndarray
    path: Path | None
    exif: bytes | None
    icc_name: str | None
    response: Literal["srgb"] | None
    xmp: bytes | None = None


@dataclass(frozen=True)
class Decoded:
    """A file's own numbers, and the facts beside them: the same list for every format and depth.

    A decoder that cannot tell a fact leaves it at its default; `tests/io/test_facts.py` asks each of them for all.

    Attributes:
        color: (H, W, 1 or 3) uint8, uint16 or float32 as stored.
        alpha: (H, W) of the same kind, straight, or None. Colour that the file stores multiplied by alpha has been
            divided again; channels that the file does not call alpha are left out.
        orientation: EXIF number of the turn that is still to be done, whatever the file says it with.
        exif: EXIF block, or None.
        icc: embedded profile, or None.
        profile: what stands in for one (gAMA and cHRM of PNG), understood; an `icc` goes before it.
        to_rec709: (3, 3) of the file's primaries, where they are given by a number, or None.
        raw: the integers are linear light of a sensor, not code values.
        xmp: XMP packet, or None.
        notes: sentences about what is odd in the file, for warnings.
    """

    color: np.ndarray
    alpha: np.ndarray | None = None
    orientation: int = 1
    exif: bytes | None = None
    icc: bytes | None = None
    to_rec709: np.ndarray | None = None
    raw: bool = False
    profile: Profile | None = None
    xmp: bytes | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def from_channels(cls, array: np.ndarray, **facts) -> Decoded:
        """From (H, W) or (H, W, C): 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha."""
        if array.ndim == 2:
            array = array[..., None]
        if array.ndim != 3 or not 1 <= array.shape[2] <= 4 or 0 in array.shape:
            raise ReadError(f"an array of shape {array.shape} is no image; wanted (H, W) or (H, W, 1 to 4)")
        if array.shape[2] in (2, 4):
            return cls(array[..., :-1], array[..., -1], **facts)
        return cls(array, **facts)
