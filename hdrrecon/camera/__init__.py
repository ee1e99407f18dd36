"""The camera, written forwards: response curves, exposure, noise, clipping, JPEG; and what can be told from a photo.

Modules are imported when they are first named, as in `hdrrecon.camera.simulate`.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

_MODULES = (
    "basis",
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


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return import_module(f"hdrrecon.camera.{name}")
    raise AttributeError(f"module 'hdrrecon.camera' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
