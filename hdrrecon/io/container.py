"""Bytes before pixels: what kind of file is it, and is all of it there?

Decoders are forgiving: OpenCV fills the missing half of a JPEG with grey and says nothing. A photo that was
half copied must be an error, so completeness is checked here, in the container, before anything is decoded.

Sources: JPEG ITU-T T.81 annex B; PNG 3rd edition (W3C 2025) section 5; RIFF as in RFC 9649 (WebP).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from hdrrecon.io.limits import check_holds, check_size
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


_RLE_RATIO = 1024  # 255 pixels in two bytes, and jumps over rows that stay empty
_PNG_PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PNG_KEPT = (b"IHDR", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf")
_PNG_TEXTS, _MOST_TEXTS = (b"tEXt", b"zTXt", b"iTXt"), 100


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


@dataclass(frozen=True)
class JpegFrame:
    """What the first picture of a JPEG declares; `scans`: of how many passes it is made, at most."""

    width: int
    height: int
    scans: int


def check_jpeg(data: bytes) -> JpegFrame:
    """The frame of the first picture. Raises ReadError unless it is an 8-bit JPEG that reaches its end marker."""
    position, size_px = 2, None
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
            size_px = struct.unpack(">HH", data[position + 5 : position + 9].rjust(4, b"\0"))
        if marker == 0xDA:  # from here on 0xFF 0xD9 can only be the end of this image
            end = data.find(b"\xff\xd9", position)
            if end < 0:
                raise ReadError("the JPEG is truncated: its end marker is missing; copy the file again")
            if size_px is None:
                raise ReadError("the JPEG is damaged: it has no frame before its scan")
            return JpegFrame(size_px[1], size_px[0] or 1, data.count(b"\xff\xda", position, end))
        position += 2 + size
    raise ReadError("the JPEG is truncated: it ends before its image data; copy the file again")


class PngChunks(dict):
    """The header, colour and EXIF chunks of a PNG by name; `texts` (name, body) of text chunks; `notes`."""

    def __init__(self, data: bytes):
        super().__init__()
        self.texts: list[tuple[bytes, bytes]] = []
        self.notes: tuple[str, ...] = ()
        self.image_bytes = 0
        self._data, self._picture, self._others = data, [], False

    def only_picture(self) -> bytes:
        """The PNG without all that is no part of the picture itself."""
        return self._data[:8] + b"".join(self._picture) if self._others else self._data

    def _take(self, name: bytes, body: memoryview, whole: memoryview) -> None:
        if name in _PNG_PICTURE:
            self._picture.append(whole)
            self.image_bytes += len(body) if name == b"IDAT" else 0
        else:
            self._others = True
        if name in _PNG_KEPT:
            self.setdefault(name, bytes(body))
        elif name in _PNG_TEXTS and len(self.texts) < _MOST_TEXTS:
            self.texts.append((name, bytes(body)))


def png_chunks(data: bytes) -> PngChunks:
    """The chunks of a complete PNG, checksums verified.

    Raises:
        ReadError: the file ends before IEND, or a chunk of the picture itself fails its checksum. Other chunks that
            do are left out, with a note.
    """
    found = PngChunks(data)
    view, position, name = memoryview(data), 8, b""
    while name != b"IEND":
        if position + 12 > len(data):
            raise ReadError("the PNG is truncated: its end chunk is missing; copy the file again")
        size, name = struct.unpack(">I4s", view[position : position + 8])
        body, end = view[position + 8 : position + 8 + size], position + 12 + size
        if end > len(data):
            raise ReadError("the PNG is truncated: it ends inside a chunk; copy the file again")
        if zlib.crc32(view[position + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big"):
            found._take(name, body, view[position:end])
        elif name in _PNG_PICTURE or not name[:1].islower():
            raise ReadError(f"the PNG is damaged: chunk {name.decode('latin-1')} fails its checksum")
        else:
            found._others = True
            found.notes = (f"chunk {name.decode('latin-1')} of the PNG fails its checksum and is left out",)
        position = end
    if len(found.get(b"IHDR", b"")) != 13:
        raise ReadError("the PNG is damaged: it has no header chunk")
    return found


def check_bmp(data: bytes) -> None:
    """Raise ReadError when a BMP claims more pixels than its bytes can hold."""
    header = int.from_bytes(data[14:18], "little")
    if len(data) < 14 + max(header, 12) or header < 12:
        raise ReadError("the BMP is damaged or truncated: its header is incomplete")
    if header == 12:  # OS/2
        width, height, _, bits = struct.unpack_from("<4H", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    check_size(abs(width), abs(height), len(data))
    check_holds("BMP", abs(height) * (abs(width) * bits // 8), len(data), _RLE_RATIO if compression in (1, 2) else 1)


def check_webp(data: bytes) -> None:
    """Raise ReadError when the file is shorter than its RIFF header promises, or claims an absurd size."""
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        check_size(*(1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27)), len(data))
    elif kind == b"VP8L" and len(data) >= 25:
        packed = int.from_bytes(data[21:25], "little")
        check_size(1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF), len(data))
    promised = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < promised:
        raise ReadError(f"the WebP is truncated: {len(data)} of {promised} bytes; copy the file again")
