"""What an EXR of ours holds beside its light: confidence, the camera's response, the meaning of 1.0."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.io.exr import CONFIDENCE_CHANNEL, check_exr, named_for_cpp
from hdrrecon.io.photo import check_is_file

RESPONSE_ATTRIBUTE = "hdrreconResponse"
LIGHT_ATTRIBUTE = "hdrreconLight"
_SAMPLES = 256


@dataclass(frozen=True)
class Extras:
    """`confidence` (H, W) float32, the inverted `response`, the cd/m2 of 1.0, and what was believed about a panorama's
    lost `light` (`LightEstimate.as_dict()`); None where the file does not say."""

    confidence: np.ndarray | None = None
    response: ResponseCurve | None = None
    white_nits: float | None = None
    light: dict[str, Any] | None = None


def read_extras(path: str | Path) -> Extras:
    """What the header and channels of an .exr say; nothing for files of other kinds."""
    check_is_file(Path(path))
    with open(path, "rb") as file:
        if file.read(4) != b"\x76\x2f\x31\x01":
            return Extras()
    import OpenEXR

    check_exr(Path(path))
    with named_for_cpp(Path(path)) as name, OpenEXR.File(name, separate_channels=True) as file:
        part = file.parts[0]
        plane = part.channels.get(CONFIDENCE_CHANNEL)
        confidence = None if plane is None else plane.pixels.astype(np.float32)
        white = part.header.get("whiteLuminance")
        return Extras(
            confidence,
            _response(part.header.get(RESPONSE_ATTRIBUTE)),
            _positive(white),
            _light(part.header.get(LIGHT_ATTRIBUTE)),
        )


def response_attribute(curve: ResponseCurve) -> dict[str, str]:
    """The curve as an attribute for `hdrrecon.write(..., attributes=...)`, from where the viewer draws it."""
    at = np.linspace(0, 1, _SAMPLES)
    rows = [np.round(np.interp(at, np.linspace(0, 1, len(row)), row), 6).tolist() for row in curve.inverse]
    return {RESPONSE_ATTRIBUTE: json.dumps({"name": curve.name, "inverse": rows})}


def light_attribute(estimate: dict[str, Any]) -> dict[str, str]:
    """What was believed about a panorama's lost light, as an attribute for `hdrrecon.write(..., attributes=...)`."""
    return {LIGHT_ATTRIBUTE: json.dumps(estimate)}


def _positive(value: Any) -> float | None:
    """A number above 0; None for what is none, whatever a file may hold."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < math.inf else None


def _light(text: str | None) -> dict[str, Any] | None:
    try:
        data = json.loads(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):  # absent, or written by someone else
        return None
    return data if isinstance(data, dict) and "sun_illuminance" in data else None


def _response(text: str | None) -> ResponseCurve | None:
    try:
        data = json.loads(text)
        return ResponseCurve.from_inverse(data["inverse"], data["name"])
    except (TypeError, ValueError, KeyError):  # absent, or written by someone else
        return None
