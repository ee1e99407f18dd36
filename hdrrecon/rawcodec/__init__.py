"""Raw beside its JPEG: a stream of a few kilobytes that brings back the sensor's light.

stream = rawcodec.encode(raw, "photo.jpg", bpp=0.02)
photo = rawcodec.embed(jpeg_bytes, stream)
raw = rawcodec.decode(photo)
"""

from __future__ import annotations

from importlib import import_module

_HOMES = {
    "encode": "codec", "decode": "codec", "decode_full": "codec", "find_stream": "codec", "side_file": "container",
    "embed": "container", "extract": "container", "remove": "container",
    "pack": "files", "unpack": "files", "info": "files",
    "StreamError": "errors", "StreamWarning": "errors", "AlignmentError": "align",
}  # fmt: skip
__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
