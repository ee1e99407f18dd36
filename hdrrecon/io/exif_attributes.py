"""What EXIF says of a photo, as the standard attributes of OpenEXR. Never where it was taken, nor who took it."""

from __future__ import annotations

import math
import warnings
from typing import Any

_EXIF_IFD = 0x8769
_TEXTS = {0x010F: "cameraMake", 0x0110: "cameraModel"}
_NUMBERS = {0x829A: "expTime", 0x829D: "aperture", 0x920A: "focalLength"}  # s, f-number, mm
_ISO, _TAKEN, _LENS = 0x8827, 0x9003, 0xA434


def exif_attributes(exif: bytes | None) -> dict[str, Any]:
    """Attributes for `hdrrecon.write(..., attributes=...)`.

    Args:
        exif: a raw EXIF block; what is damaged or absent is left out, for it must not stop the work.

    Returns:
        Some of `expTime` (s), `aperture` (f-number), `isoSpeed`, `focalLength` (mm), `capDate`, `cameraMake`,
        `cameraModel` and `lensModel`: the names of OpenEXR's standard attributes.
    """
    from PIL import Image

    if not exif:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            block = Image.Exif()
            block.load(exif)
            more = block.get_ifd(_EXIF_IFD)
    except Exception:  # whatever a damaged block does to the parser
        return {}
    found: dict[str, Any] = {name: _text(block.get(tag)) for tag, name in _TEXTS.items()}
    found |= {name: _number(more.get(tag)) for tag, name in _NUMBERS.items()}
    found |= {
        "isoSpeed": _number(more.get(_ISO)),
        "capDate": _text(more.get(_TAKEN)),
        "lensModel": _text(more.get(_LENS)),
    }
    return {name: value for name, value in found.items() if value is not None}


def _number(value: Any) -> float | None:
    try:
        number = float(value[0] if isinstance(value, tuple) else value)
    except (TypeError, ValueError, ZeroDivisionError, IndexError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _text(value: Any) -> str | None:
    text = "".join(c for c in value if c.isprintable()).strip() if isinstance(value, str) else ""
    return text[:200] or None
