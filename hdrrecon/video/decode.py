"""Films in: frames as R'G'B' code values, with what their tags say honoured and what cannot be right refused.

A frame comes out as (H, W, 3) uint8 for 8-bit films, uint16 for deeper ones; the highest code is the level at which the
film clips. That is nominal white, or, where a film of limited range goes on above it, the highest code there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from hdrrecon.io.optional import need
from hdrrecon.io.photo import check_is_file
from hdrrecon.video import ycbcr

_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}  # ITU-T H.273 table 3
_MATRICES: dict[int, ycbcr.Matrix] = {
    1: "bt709",
    5: "bt601",
    6: "bt601",
    9: "bt2020",
    10: "bt2020",
}  # ITU-T H.273 table 4
_FULL_RANGE = 2  # as FFmpeg counts
_HD_ROWS = 720  # untagged films of fewer rows are BT.601
_SAMPLINGS = ("420p", "422p", "444p", "440p")
_PLANAR = {  # pixel formats whose planes are read here: bits
    **{f"yuv{j}{sampling}": 8 for j in ("", "j") for sampling in _SAMPLINGS},
    **{f"yuv{sampling}{bits}le": bits for sampling in _SAMPLINGS for bits in (9, 10, 12, 14, 16)},
}
_SUPER_WHITE, _ENOUGH = (
    239,
    1e-3,
)  # limited-range luma of 8 bits above which no ringing goes; share of samples that shows use
_LOOKED_AT = 24  # frames from which the clip level is told


class VideoError(ValueError):
    """A film that cannot be read or should not be reconstructed; the message says what to do."""


@dataclass
class Film:
    """What is known of a film before its frames. `notes` grow as it is read: sentences about what went wrong and was
    survived."""

    path: Path
    width: int
    height: int
    fps: float
    time_base: Fraction
    frames: int  # as the file says; 0 where it does not
    bits: int
    matrix: ycbcr.Matrix
    full_range: bool
    siting: ycbcr.Siting
    rotation: int  # quarter turns counter-clockwise that the frames have been given
    white: float = 1.0  # nominal R'G'B' at which it clips
    notes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Frame:
    """`code` (H, W, 3) uint8 or uint16, and its time: `pts` in units of the film's `time_base`."""

    code: np.ndarray
    pts: int


def open_film(path: str | Path, deinterlace: bool = False) -> Film:
    """Look at a film.

    Raises:
        VideoError: no film, no picture in it, HDR already, or interlaced and not `deinterlace`.
        ModuleNotFoundError: PyAV is not installed.
    """
    path = Path(path)
    av = need("av", "video", "reading films")
    with _container(av, path) as container:
        stream = container.streams.video[0]
        frame = next(_decoded(av, container, stream, Counter(), deinterlace), None)
        if frame is None:
            raise VideoError(f"{path} holds no frame that can be decoded; it is empty, cut off or damaged")
        _refuse_hdr(path, stream, frame)
        film = _facts(path, stream, frame)
        if not film.full_range and film.bits:
            film.white = _clip_level(av, path, film, deinterlace)
    return film


def frames(film: Film, deinterlace: bool = False) -> Iterator[Frame]:
    """Frames of a film, in order of time. Frames that cannot be decoded are left out, ones of another size are brought
    to the first one's; `film.notes` counts both."""
    av = need("av", "video", "reading films")
    last = None
    with _container(av, film.path) as container:
        stream = container.streams.video[0]
        step = max(1, round(1 / (film.fps * film.time_base)))
        for frame in _decoded(av, container, stream, film.notes, deinterlace):
            pts = frame.pts if frame.pts is not None else 0 if last is None else last + step
            if frame.pts is not None and frame.time_base and frame.time_base != film.time_base:
                pts = round(frame.pts * frame.time_base / film.time_base)
            if last is not None and pts <= last:
                film.notes["frames had a time not after the one before and were moved"] += 1
                pts = last + 1
            last = pts
            yield Frame(_code(film, frame), pts)


def _container(av: Any, path: Path):
    if path.exists():
        check_is_file(path)  # a pipe that nobody writes to would be waited for, for ever
    try:
        container = av.open(str(path))
    except av.error.FFmpegError as error:
        said = getattr(error, "strerror", None) or str(error)
        raise VideoError(f"cannot read {path} as a film: {said.lower()}") from None
    if not container.streams.video:
        container.close()
        raise VideoError(f"{path} has no picture, only {', '.join(s.type for s in container.streams) or 'nothing'}")
    container.streams.video[0].thread_type = "AUTO"
    return container


def _decoded(av: Any, container: Any, stream: Any, notes: Counter, deinterlace: bool) -> Iterator[Any]:
    """Frames of PyAV, progressive. Damaged packets are passed over."""
    graph = None
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            notes["places of the file could not be read"] += 1
            break
        if packet is None:
            break
        try:
            found = packet.decode()
        except av.error.FFmpegError:
            notes["packets could not be decoded and were left out"] += 1
            continue
        for frame in found:
            if frame.is_corrupt:
                notes["frames are damaged and were taken as they are"] += 1
            if frame.interlaced_frame:
                if not deinterlace:
                    raise VideoError(
                        "the film is interlaced: two moments in one frame; "
                        "pass deinterlace=True (--deinterlace) to make one moment of each"
                    )
                graph = graph or _deinterlacer(av, stream, frame)
            if graph is None:
                yield frame
                continue
            graph.push(frame)
            yield from _pulled(av, graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(av, graph)


def _deinterlacer(av: Any, stream: Any, frame: Any) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=stream.time_base
    )
    chain = [source, graph.add("bwdif", "mode=send_frame:deint=all"), graph.add("buffersink")]
    for one, other in zip(chain, chain[1:]):
        one.link_to(other)
    graph.configure()
    return graph


def _pulled(av: Any, graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _refuse_hdr(path: Path, stream: Any, frame: Any) -> None:
    for transfer in (frame.color_trc, stream.codec_context.color_trc):
        if int(transfer) in _HDR_TRANSFERS:
            raise VideoError(
                f"{path} is HDR already ({_HDR_TRANSFERS[int(transfer)]}); there is no clipped light to "
                f"reconstruct from "
                "a camera's curve. Give the SDR version of the film"
            )


def _facts(path: Path, stream: Any, frame: Any) -> Film:
    name = frame.format.name
    bits = _PLANAR.get(name, 0)
    tagged = _MATRICES.get(int(frame.colorspace))
    turned = round((frame.rotation or 0) / 90) % 4
    height, width = (frame.width, frame.height) if turned % 2 else (frame.height, frame.width)
    fps = stream.average_rate or stream.guessed_rate or 25
    return Film(
        path=path,
        width=width,
        height=height,
        fps=float(fps),
        time_base=stream.time_base or Fraction(1, 90_000),
        frames=stream.frames or round(float((stream.duration or 0) * (stream.time_base or 0)) * float(fps)),
        bits=bits,
        matrix=tagged or ("bt709" if frame.height >= _HD_ROWS else "bt601"),
        full_range=int(frame.color_range) == _FULL_RANGE or name.startswith("yuvj"),
        siting="left",
        rotation=turned,
    )


def _clip_level(av: Any, path: Path, film: Film, deinterlace: bool) -> float:
    """Nominal R'G'B' at which a film of limited range clips: 1, or what its highest luma code stands for if those above
    nominal white are in use."""
    step = 1 << (film.bits - 8)
    above = total = 0
    with _container(av, path) as container:
        for index, frame in enumerate(_decoded(av, container, container.streams.video[0], Counter(), deinterlace)):
            if index >= _LOOKED_AT:
                break
            if frame.format.name in _PLANAR:
                luma = _plane(frame.planes[0], film.bits)
                above, total = above + int((luma > _SUPER_WHITE * step).sum()), total + luma.size
    return (254 - 16) / 219 if total and above / total > _ENOUGH else 1.0


def _code(film: Film, frame: Any) -> np.ndarray:
    """A frame of PyAV as integers of R'G'B', upright."""
    name = frame.format.name
    if name in _PLANAR and _PLANAR[name] == film.bits:
        luma, blue, red = (_plane(plane, film.bits) for plane in frame.planes[:3])
        rgb = ycbcr.to_rgb((luma, blue, red), film.bits, film.matrix, film.full_range, film.siting)
        code = quantised(rgb, film.white, film.bits)
    else:  # RGB, grey, palettes, half-planar and others: FFmpeg brings them to RGB, told the matrix
        deep = film.bits > 8 or (frame.format.components and frame.format.components[0].bits > 8)
        matrix = {"bt601": "ITU601", "bt709": "ITU709", "bt2020": "BT2020_NCL"}[film.matrix]
        code = frame.reformat(format="rgb48le" if deep else "rgb24", src_colorspace=matrix).to_ndarray()
    code = np.rot90(code, film.rotation) if film.rotation else code
    if code.shape[:2] != (film.height, film.width):
        import cv2

        film.notes["frames had another size and were brought to the first one's"] += 1
        code = cv2.resize(np.ascontiguousarray(code), (film.width, film.height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(code)


def quantised(rgb: np.ndarray, white: float, bits: int) -> np.ndarray:
    """(H, W, 3) nominal R'G'B' as codes of full range, `white` the highest: uint8 for 8 bits, else uint16."""
    import cv2

    most = 255 if bits <= 8 else 65535
    out = np.empty(rgb.shape, np.uint8 if bits <= 8 else np.uint16)
    flat = rgb.reshape(len(rgb), -1)
    if bits <= 8:
        return cv2.convertScaleAbs(np.maximum(flat, 0), alpha=most / white).reshape(rgb.shape)
    np.rint(np.clip(flat * (most / white), 0, most), out=out.reshape(flat.shape), casting="unsafe")
    return out


def _plane(plane: Any, bits: int) -> np.ndarray:
    """The samples of a plane, (h, w) without what pads its rows."""
    dtype = np.dtype("u1" if bits <= 8 else "<u2")
    rows, line = np.frombuffer(plane, dtype), plane.line_size // dtype.itemsize
    return rows[: line * plane.height].reshape(plane.height, line)[:, : plane.width]
