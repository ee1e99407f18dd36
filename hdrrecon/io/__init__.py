"""Images in and out: 8-bit, 16-bit and float, upright, colour space known; HDR files written whole.

Decoders are imported when a file of their kind is met, so that `import hdrrecon.io` costs numpy only.
"""

from __future__ import annotations

from hdrrecon.io.photo import READABLE, CodedPhoto, Photo, ReadError
from hdrrecon.io.read import read, read_coded, read_photo
from hdrrecon.io.write import WRITABLE, write

__all__ = ["READABLE", "WRITABLE", "CodedPhoto", "Photo", "ReadError", "read", "read_coded", "read_photo", "write"]
