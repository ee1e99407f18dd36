"""What a photo's XMP packet says about the panorama it is: Google's GPano fields, which cameras and stitchers write.

Source: Photo Sphere XMP metadata, developers.google.com/streetview/spherical-metadata.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIELD = re.compile(rb"""GPano:(\w+)\s*(?:=\s*["']([^"'<]{0,40})["']|>([^<]{0,40})</GPano:)""")
_SIZES = (
    "FullPanoWidthPixels",
    "FullPanoHeightPixels",
    "CroppedAreaImageWidthPixels",
    "CroppedAreaImageHeightPixels",
)
_SLACK_PX = 2


@dataclass(frozen=True)
class GPano:
    """A panorama, as its file declares it.

    Attributes:
        projection: "equirectangular", "cylindrical" ..., in lower case.
        full: (width, height) in pixels of the whole sphere, or None.
        cropped: (width, height) of the part of it that the picture shows, in the same pixels, or None.
        heading_deg: compass direction of the picture's middle, or None.
    """

    projection: str
    full: tuple[int, int] | None = None
    cropped: tuple[int, int] | None = None
    heading_deg: float | None = None

    @property
    def whole(self) -> bool:
        """It shows all of the sphere, so that its edges meet. Sizes that are missing say that it does."""
        if self.projection != "equirectangular":
            return False
        if self.full is None or self.cropped is None:
            return True
        return all(abs(a - b) <= _SLACK_PX for a, b in zip(self.full, self.cropped, strict=True))


def read_gpano(xmp: bytes | None) -> GPano | None:
    """The declaration in an XMP packet; None where there is none."""
    if not xmp or b"GPano:" not in xmp:
        return None
    fields = {m[1].decode("ascii", "replace"): (m[2] or m[3] or b"").strip() for m in _FIELD.finditer(xmp)}
    projection = fields.get("ProjectionType", b"equirectangular" if "FullPanoWidthPixels" in fields else b"")
    if not projection:
        return None
    numbers = [_number(fields.get(name)) for name in _SIZES]
    whole = [None if n is None or n < 1 else round(n) for n in numbers]
    full = (whole[0], whole[1]) if whole[0] and whole[1] else None
    cropped = (whole[2], whole[3]) if whole[2] and whole[3] else None
    heading = _number(fields.get("PoseHeadingDegrees"))
    return GPano(projection.decode("ascii", "replace").lower(), full, cropped, heading)


def _number(text: bytes | None) -> float | None:
    try:
        value = float(text or b"")
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None  # also no NaN
