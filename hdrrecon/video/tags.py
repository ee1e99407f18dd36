"""What tells a screen that a film is HDR: colour code points, mastering display, light levels; for encoders and as
bytes.

MaxCLL and MaxFALL are measured from the light, so they are known when the last frame is coded, while encoders want them
before the first. They are told a pair of numbers that stands for them; `written` then puts the measured ones in their
place.

Sources: ITU-T H.273 (code points), SMPTE ST 2086 (mastering display), CTA-861.3 annex P (light levels), ITU-T H.265
D.2.28 and D.2.35 (their messages), AV1 specification 5.8.3 and 6.7.3 (its metadata), ISO/IEC 14496-12 12.1.5 ('colr').
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hdrrecon.color import D65, PRIMARIES
from hdrrecon.io.pq import TRANSFER_CODES
from hdrrecon.options import Transfer

Codec = Literal["hevc", "av1", "prores"]

BT2020, BT2020_NCL, LIMITED = 9, 9, 1  # H.273 primaries and matrix; range as FFmpeg counts
LOWEST_NITS = 0.0001  # of the mastering display
_STANDS_FOR = (0x7531, 0x1234)  # MaxCLL, MaxFALL while they are not known: no file has 30001 nits


@dataclass(frozen=True)
class LightLevels:
    """MaxCLL and MaxFALL in cd/m2: the brightest channel of any pixel, and of any frame the mean of each pixel's
    brightest."""

    brightest: int = 0
    frame_mean: int = 0


def mastering_display(peak_nits: float) -> dict[str, tuple[float, ...]]:
    """Chromaticities of the display that was, so to speak, graded on (P3, D65), and its luminance in cd/m2."""
    red, green, blue = PRIMARIES["p3"]
    return {"R": red, "G": green, "B": blue, "WP": D65, "L": (peak_nits, LOWEST_NITS)}


def x265_params(transfer: Transfer, peak_nits: float) -> str:
    """Options of libx265 for a tagged stream."""
    name = {"pq": "smpte2084", "hlg": "arib-std-b67"}[transfer]
    options = [
        "log-level=error",
        "repeat-headers=1",
        "colorprim=bt2020",
        f"transfer={name}",
        "colormatrix=bt2020nc",
        "range=limited",
        "chromaloc=2",
    ]
    if transfer == "pq":
        display = mastering_display(peak_nits)
        xy = "".join("{}({},{})".format(k, *(round(50_000 * v) for v in display[k])) for k in ("G", "B", "R", "WP"))
        light = "L({},{})".format(*(round(10_000 * v) for v in display["L"]))
        options += ["hdr10=1", f"master-display={xy}{light}", "max-cll={},{}".format(*_STANDS_FOR)]
    return ":".join(options)


def svt_params(transfer: Transfer, peak_nits: float) -> str:
    """Options of SVT-AV1 for a tagged stream."""
    options = [
        f"color-primaries={BT2020}",
        f"transfer-characteristics={TRANSFER_CODES[transfer]}",
        f"matrix-coefficients={BT2020_NCL}",
        "color-range=0",
        "chroma-sample-position=topleft",
    ]
    if transfer == "pq":
        display = mastering_display(peak_nits)
        places = "".join("{}({:g},{:g})".format(k, *display[k]) for k in ("G", "B", "R", "WP", "L"))
        options += [f"mastering-display={places}", "content-light={},{}".format(*_STANDS_FOR)]
    return ":".join(options)


def written(path: Path, levels: LightLevels) -> int:
    """Put measured light levels into a file that was coded with the above; how often they stood there.

    The bytes that are replaced are those of the messages, nine of them in HEVC, eight in AV1, and nothing moves.
    """
    count = 0
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        for message in (_hevc_message, _av1_message):
            old, new = message(LightLevels(*_STANDS_FOR)), message(storable(levels))
            at = data.find(old)
            while at >= 0:
                data[at : at + len(old)] = new
                count += 1
                at = data.find(old, at + len(new))
        data.flush()
    return count


def storable(levels: LightLevels) -> LightLevels:
    """Levels without two zero bytes in a row, before which HEVC would have to insert a third: at most one nit more."""
    brightest, mean = (min(max(1, v), 65535) for v in (levels.brightest, levels.frame_mean))
    if brightest % 256 == 0 and mean < 256:
        brightest += 1
    return LightLevels(brightest, mean)


def _levels(levels: LightLevels) -> bytes:
    return levels.brightest.to_bytes(2, "big") + levels.frame_mean.to_bytes(2, "big")


def _hevc_message(levels: LightLevels) -> bytes:
    """A prefix SEI unit of its own: two bytes of head, payload type 144, four bytes, stop bit."""
    return b"\x4e\x01\x90\x04" + _levels(levels) + b"\x80"


def _av1_message(levels: LightLevels) -> bytes:
    """A metadata OBU of type 1 (HDR_CLL): size 6, type, four bytes, trailing bit. The head before it is not looked
    at."""
    return b"\x06\x01" + _levels(levels) + b"\x80"


def insert_boxes(path: Path, transfer: Transfer, peak_nits: float, levels: LightLevels) -> None:
    """Write 'colr', 'mdcv' and 'clli' into the video sample entry of an MP4 or MOV file whose 'moov' is last, where
    they are not.

    Encoders' messages are what players read; some validators and players look at the boxes alone. FFmpeg writes no
    'mdcv' and 'clli' when coding. Nothing but the end of the file moves.
    """
    size = _moov_size(path)
    if not size:
        return
    with open(path, "rb") as file:
        file.seek(-size, 2)
        data = file.read()
    boxes = [(b"colr", _colr(transfer))]
    if transfer == "pq":
        boxes += [(b"mdcv", _mdcv(peak_nits)), (b"clli", _levels(levels))]
    new = _rewritten(data, boxes)
    with open(path, "r+b") as file:
        file.seek(-len(data), 2)
        file.write(new)


def _moov_size(path: Path) -> int:
    """Bytes of a 'moov' that ends the file, else 0."""
    with open(path, "rb") as file:
        end = file.seek(0, 2)
        at = 0
        while at + 8 <= end:
            file.seek(at)
            head = file.read(16)
            size = int.from_bytes(head[:4], "big")
            size = int.from_bytes(head[8:16], "big") if size == 1 else size or end - at
            if head[4:8] == b"moov" and at + size == end:
                return size
            if size < 8:
                return 0
            at += size
    return 0


_INTO = {
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"stbl": 0,
    b"stsd": 8,
    b"hvc1": 78,
    b"hev1": 78,
    b"av01": 78,
    b"apch": 78,
}
"""Boxes that hold boxes on the way to a sample entry, and bytes of their own before those."""
_ENTRIES = (b"hvc1", b"hev1", b"av01", b"apch")


def _rewritten(box: bytes, extra: list[tuple[bytes, bytes]]) -> bytes:
    """A box with `extra` boxes appended to every video sample entry in it that has none of the name."""
    name, own = box[4:8], 8 + _INTO[box[4:8]]
    children, there = [], set()
    at = own
    while at + 8 <= len(box):
        size = int.from_bytes(box[at : at + 4], "big")
        if size < 8 or at + size > len(box):
            break  # what is left is no box: QuickTime ends some lists with four zero bytes
        child = box[at : at + size]
        there.add(child[4:8])
        children.append(_rewritten(child, extra) if child[4:8] in _INTO else child)
        at += size
    tail = box[at:]
    if name in _ENTRIES:
        children += [(8 + len(body)).to_bytes(4, "big") + kind + body for kind, body in extra if kind not in there]
    body = b"".join(children) + tail
    return (own + len(body)).to_bytes(4, "big") + box[4:own] + body


def _colr(transfer: Transfer) -> bytes:
    codes = (BT2020, TRANSFER_CODES[transfer], BT2020_NCL)
    return b"nclx" + b"".join(v.to_bytes(2, "big") for v in codes) + b"\x00"


def _mdcv(peak_nits: float) -> bytes:
    display = mastering_display(peak_nits)
    places = [round(50_000 * v) for key in ("G", "B", "R", "WP") for v in display[key]]
    lights = [round(10_000 * v) for v in display["L"]]
    return b"".join(v.to_bytes(2, "big") for v in places) + b"".join(v.to_bytes(4, "big") for v in lights)


PARAMS: dict[str, Callable[[Transfer, float], str]] = {"x265-params": x265_params, "svtav1-params": svt_params}
