"""hdrrecon: one ordinary photo in, linear high-dynamic-range light out.

>>> import hdrrecon
>>> hdr = hdrrecon.reconstruct("photo.jpg")          # (H, W, 3) float32, scene-linear Rec.709, 1.0 = clip level
>>> hdrrecon.write("photo.exr", hdr)
"""

from __future__ import annotations

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
    "card": "zoo",
    "ResponseCurve": "camera.response",
}
_SUBMODULES = ("rawcodec",)
__all__ = sorted(_PUBLIC)


def __getattr__(name: str):
    # Lazy: `import hdrrecon` must not cost the second that torch takes.
    if name in _SUBMODULES:
        from importlib import import_module

        return import_module(f"hdrrecon.{name}")
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(f"hdrrecon.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'hdrrecon' has no attribute {name!r}")


def __dir__():
    return [*globals(), *__all__]
