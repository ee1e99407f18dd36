"""Bytes before pixels: what kind of file is it, and is all of it there?

Decoders are forgiving: OpenCV fills the missing half of a JPEG with grey and says nothing. A photo that was
half copied must be an error, so completeness is checked here, in the container, before anything is decoded.

Sources: JPEG ITU-T T.81 annex B; PNG 3rd edition (W3C 2025) section 5; RIFF as in RFC 9649 (WebP).
"""

from __future__ import annotations

import struct
import zlib

from hdrrecon.io.photo import ReadError

_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"BM", "bmp"),
    (b"\x76\x2f\x31\x01", "exr"),
    (b"#?", "hdr"),
    (b"PF\n", "pfm"),
    (b"Pf\n", "pfm"),
    (b"PF\r", "pfm"),
    (b"Pf\r", "pfm"),
    (b"PF ", "pfm"),
    (b"Pf ", "pfm"),
    (b"\x93NUMPY", "npy"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
)
_LATER_SIGNATURES = (  # (offset, bytes, kind); raw files of other makers are TIFFs, see `read`
    (4, b"ftypavi", "avif"),
    (4, b"ftyphe", "heic"),
    (4, b"ftypmif1", "heic"),
    (4, b"ftypcrx", "raw"),
    (0, b"IIU\0", "raw"),
    (0, b"IIRO", "raw"),
    (0, b"IIRS", "raw"),
    (0, b"MMOR", "raw"),
    (0, b"FUJIFILM", "raw"),
    (0, b"\xff\x0a", "jxl"),
    (4, b"JXL ", "jxl"),
)
_KNOWN_BUT_NOT_READ = (  # (offset, bytes, what it is)
    (0, b"GIF8", "a GIF"),
    (0, b"8BPS", "a Photoshop document"),
    (4, b"jP  ", "a JPEG 2000 image"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
)


def kind_of(data: bytes) -> str:
    """ "jpeg", "png", "tiff", "webp", "bmp", "exr", "hdr", "pfm", "npy", "avif", "heic", "jxl" or "raw",
    by the first bytes.

    Raises:
        ReadError: empty, or none of these; says what it is where that is known.
    """
    if not data:
        raise ReadError("the file is empty (0 bytes)")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[4:12] == b"ftypmif1" and b"avif" in data[:32]:  # HEIF says who may read it, AVIF among them
        return "avif"
    for offset, signature, kind in _LATER_SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return kind
    for offset, signature, what in _KNOWN_BUT_NOT_READ:
        if data[offset : offset + len(signature)] == signature:
            raise ReadError(f"this is {what}, which is not supported; convert it to a 16-bit PNG or TIFF")
    raise ReadError(
        f"not an image: it starts with {data[:12]!r}; "
        "wanted JPEG, PNG, TIFF, WebP, AVIF, HEIC, BMP, camera raw, EXR, HDR, PFM or NPY"
    )


def check_jpeg(data: bytes) -> None:
    """Raise ReadError unless this is an 8-bit JPEG whose first image reaches its end marker."""
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise ReadError("the JPEG is damaged: a marker is missing")
        marker, size = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame; it starts with its depth
            depth = data[position + 4] if position + 4 < len(data) else 8
            if depth != 8:
                raise ReadError(f"this is a {depth}-bit JPEG, only 8-bit is supported; save it as a 16-bit PNG or TIFF")
        if marker == 0xDA:  # from here on 0xFF 0xD9 can only be the end of this image
            if data.find(b"\xff\xd9", position) < 0:
                raise ReadError("the JPEG is truncated: its end marker is missing; copy the file again")
            return
        position += 2 + size
    raise ReadError("the JPEG is truncated: it ends before its image data; copy the file again")


def png_chunks(data: bytes) -> dict[bytes, bytes]:
    """The header and colour chunks of a complete PNG (IHDR, cICP, iCCP, eXIf), checksums verified.

    Raises:
        ReadError: the file ends before IEND, or a chunk fails its checksum.
    """
    found: dict[bytes, bytes] = {}
    view, position, name = memoryview(data), 8, b""
    while name != b"IEND":
        if position + 12 > len(data):
            raise ReadError("the PNG is truncated: its end chunk is missing; copy the file again")
        size, name = struct.unpack(">I4s", view[position : position + 8])
        body, end = view[position + 8 : position + 8 + size], position + 12 + size
        if end > len(data):
            raise ReadError("the PNG is truncated: it ends inside a chunk; copy the file again")
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise ReadError(f"the PNG is damaged: chunk {name.decode('latin-1')} fails its checksum")
        if name in (b"IHDR", b"cICP", b"iCCP", b"eXIf"):
            found[name] = bytes(body)
        position = end
    if len(found.get(b"IHDR", b"")) != 13:
        raise ReadError("the PNG is damaged: it has no header chunk")
    return found


def check_webp(data: bytes) -> None:
    """Raise ReadError when the file is shorter than its RIFF header promises."""
    promised = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < promised:
        raise ReadError(f"the WebP is truncated: {len(data)} of {promised} bytes; copy the file again")
