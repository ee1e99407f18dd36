"""hdrrecon: one ordinary photo in, linear high-dynamic-range light out.

>>> import hdrrecon
>>> hdr = hdrrecon.reconstruct("photo.jpg")          # (H, W, 3) float32, scene-linear Rec.709, 1.0 = clip level
>>> hdrrecon.write("photo.exr", hdr)
PosixPath('photo.exr')
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hdrrecon.api import Reconstructor, reconstruct, reconstruct_file
    from hdrrecon.camera.response import ResponseCurve
    from hdrrecon.estimate import estimate_response
    from hdrrecon.io.read import read
    from hdrrecon.io.write import write
    from hdrrecon.pipeline.result import Reconstruction
    from hdrrecon.zoo import list_models, model_info

__version__ = "0.2.0"

_PUBLIC = {
    "reconstruct": "api",
    "reconstruct_file": "api",
    "Reconstructor": "api",
    "Reconstruction": "pipeline.result",
    "estimate_response": "estimate",
    "read": "io",
    "write": "io",
    "list_models": "zoo",
    "model_info": "zoo",
    "ResponseCurve": "camera.response",
}
_ROOMS = (
    "bench",
    "camera",
    "color",
    "evaluation",
    "io",
    "metrics",
    "options",
    "rawcodec",
    "sensors",
    "train",
    "video",
    "view",
    "zoo",
)
__all__ = [
    "Reconstruction",
    "Reconstructor",
    "ResponseCurve",
    "estimate_response",
    "list_models",
    "model_info",
    "read",
    "reconstruct",
    "reconstruct_file",
    "write",
]


def __getattr__(name: str) -> Any:
    # Lazy: `import hdrrecon` must not cost the second that torch takes.
    from importlib import import_module

    if name in _PUBLIC:
        return getattr(import_module(f"hdrrecon.{_PUBLIC[name]}"), name)
    if name in _ROOMS:
        return import_module(f"hdrrecon.{name}")
    raise AttributeError(f"module 'hdrrecon' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC, *_ROOMS})
