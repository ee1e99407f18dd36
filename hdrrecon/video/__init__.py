"""Moving pictures: SDR films to steady linear light, and to HDR films. See docs/video.md.

>>> from hdrrecon import video
>>> video.reconstruct("in.mp4", "out.mp4")  # doctest: +SKIP
>>> lights = video.reconstruct_frames(frames, fps=25)  # doctest: +SKIP
"""

from __future__ import annotations

_PUBLIC = {
    "reconstruct": "film",
    "FilmOptions": "encode",
    "reconstruct_frames": "frames",
    "LightMemory": "temporal",
    "TemporalOptions": "temporal",
    "MemoryConfig": "memory",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str):
    # Lazy: torch and PyAV are imported when something is computed.
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(f"hdrrecon.video.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'hdrrecon.video' has no attribute {name!r}")


def __dir__():
    return [*globals(), *__all__]
