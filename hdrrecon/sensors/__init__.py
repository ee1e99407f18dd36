"""Cameras that were built for high dynamic range: each a forward model on `hdrrecon.camera.simulate`, and its recovery.

* `guide`: a small HDR picture beside the photo (spikes, events, a dark second frame, a gain map).
* `modulo`: a sensor whose wells empty themselves and start again.
* `optics`: a plate, a star filter or glare that carries light of clipped regions to where it can be measured.
* `bracket`: other exposures made from one photo.

Light is scene-linear Rec.709, 1.0 = the level at which an ordinary sensor with the same full well clips.
"""

from __future__ import annotations

from importlib import import_module

__all__ = ["bracket", "guide", "modulo", "optics"]


def __getattr__(name: str):
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
