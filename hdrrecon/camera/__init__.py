"""The camera, written forwards: response curves, exposure, noise, clipping, JPEG; and what can be told from a photo.

Modules are imported when they are first named, as in `hdrrecon.camera.simulate`; and so is the function
`hdrrecon.camera.from_bracket`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULES = (
    "basis",
    "bracket",
    "dequantize",
    "evidence",
    "exif_prior",
    "masks",
    "measured_curves",
    "models",
    "monotone",
    "response",
    "simulate",
)


def __getattr__(name: str) -> Any:
    if name == "from_bracket":
        return import_module("hdrrecon.camera.bracket").from_bracket
    if name in _MODULES:
        return import_module(f"hdrrecon.camera.{name}")
    raise AttributeError(f"module 'hdrrecon.camera' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, "from_bracket"})
