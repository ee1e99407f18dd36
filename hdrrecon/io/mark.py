"""How a result says that it is one: a few bytes that every format can carry, written by us and looked for by batches.

A folder may hold photos and results side by side, and both may be JPEGs. Names do not tell them apart: people rename.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from hdrrecon import __version__

SOFTWARE = f"hdrrecon {__version__}"
NAMESPACE = "https://hdrrecon.invalid/1.0/"
"""Of the XMP attribute `hdrrecon:Software`; a name, not an address."""
_MARKED = re.compile(rb"hdrrecon \d+\.\d+")
_HEAD_BYTES, _TAIL_BYTES = 1 << 14, 64
_XMP, _MOST_SEGMENTS = b"http://ns.adobe.com/xap/1.0/\0", 100


def png_mark() -> bytes:
    """The body of a tEXt chunk."""
    return b"Software\0" + SOFTWARE.encode()


def box_mark() -> bytes:
    """A box that every reader of AVIF and HEIC passes over, for the end of the file."""
    text = SOFTWARE.encode()
    return struct.pack(">I4s", 8 + len(text), b"free") + text


def is_result(path: Path) -> bool:
    """True for files that hdrrecon wrote and marked; False also for what cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(12)
            if start[:3] == b"\xff\xd8\xff":
                return _jpeg_is_marked(file)
            if start[4:8] in (b"ftyp", b"JXL "):
                file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
                tail = file.read()
                return b"free" + SOFTWARE.split(" ")[0].encode() in tail and bool(_MARKED.search(tail))
            return bool(_MARKED.search(start + file.read(_HEAD_BYTES)))
    except OSError:
        return False


def _jpeg_is_marked(file) -> bool:
    """By an XMP packet before the first scan; other segments are not even read."""
    file.seek(2)
    for _ in range(_MOST_SEGMENTS):
        lead = file.read(4)
        if len(lead) < 4 or lead[0] != 0xFF or lead[1] == 0xDA:
            return False
        size = int.from_bytes(lead[2:], "big") - 2
        if lead[1] == 0xE1:
            body = file.read(size)
            if body.startswith(_XMP) and b'hdrrecon:Software="hdrrecon ' in body:
                return True
        else:
            file.seek(size, 1)
    return False
