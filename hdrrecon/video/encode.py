"""Films out: light to a file that screens believe, with the other streams of the source copied.

The file is written beside its name and gets it when it is whole (`io.atomic`): a killed run leaves none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import numpy as np

from hdrrecon.io.optional import need
from hdrrecon.video import tags, ycbcr
from hdrrecon.video.tags import Codec, LightLevels, Transfer
from hdrrecon.video.transfer import ToSignal

CONTAINERS = (".mp4", ".mov", ".mkv")
BITS = 10
_REORDERED = 8  # frames; more than any encoder here holds back for reordering, and fewer than it looks ahead


@dataclass(frozen=True)
class _Coding:
    encoder: str
    pixels: str  # of FFmpeg
    subsampling: tuple[int, int]
    containers: tuple[str, ...]
    tag: str | None  # in MP4 and MOV


_CODINGS = {
    "hevc": _Coding("libx265", "yuv420p10le", (2, 2), CONTAINERS, "hvc1"),  # Apple's players refuse "hev1"
    "av1": _Coding("libsvtav1", "yuv420p10le", (2, 2), (".mp4", ".mkv"), None),
    "prores": _Coding("prores_ks", "yuv422p10le", (2, 1), (".mov", ".mkv"), None),
}
_COPIED = {  # codecs that a container takes; all others are left out
    ".mp4": {"aac", "mp3", "mp2", "ac3", "eac3", "alac", "opus", "flac", "dts", "mov_text"},
    ".mov": {
        "aac",
        "mp3",
        "ac3",
        "eac3",
        "alac",
        "mov_text",
        "pcm_s16le",
        "pcm_s24le",
        "pcm_s16be",
        "pcm_s24be",
        "pcm_f32le",
    },
    ".mkv": None,  # all
}


@dataclass(frozen=True)
class FilmOptions:
    """How a film is written.

    Args:
        codec: "hevc", "av1" or "prores" (422 HQ), all of 10 bits.
        transfer: "pq" or "hlg".
        white_nits, peak_nits: cd/m2 of light 1.0, and that nothing passes.
        quality: constant rate factor of HEVC (18 is visually clean) and AV1 (24); None takes these.
        speed: preset of the encoder by its own name ("medium", "fast"; for AV1 a number); None: "fast", 8.
        dither: hide the steps of 10 bits under noise of a code.
    """

    codec: Codec = "hevc"
    transfer: Transfer = "pq"
    white_nits: float = 203.0
    peak_nits: float = 1000.0
    quality: float | None = None
    speed: str | None = None
    dither: bool = True

    def check(self, target: Path) -> None:
        """Raises ValueError for options that do not fit each other or the target's name."""
        for name, allowed in (("codec", get_args(Codec)), ("transfer", get_args(Transfer))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(allowed)}")
        if not 0 < self.white_nits <= self.peak_nits <= 10_000:
            raise ValueError(
                f"wanted 0 < white_nits <= peak_nits <= 10000, got white_nits={self.white_nits:g} and "
                f"peak_nits={self.peak_nits:g}"
            )
        allowed = _CODINGS[self.codec].containers
        if target.suffix.lower() not in allowed:
            raise ValueError(
                f"{self.codec} goes into {' or '.join(allowed)}, not into {target.suffix or 'a name without ending'}"
            )


class FilmWriter:
    """Writes frames of light into `path`; use as a context. `notes` says which streams of the source were left out.

    Args:
        path: a temporary name with the ending of the final one.
        size: (H, W) of the frames. Odd ones lose their last row or column where chroma is halved.
        time_base, fps: of the source.
        source: file whose audio and subtitles are copied, or None.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: float,
        time_base: Fraction,
        options: FilmOptions,
        source: Path | None = None,
    ):
        os.environ.setdefault("SVT_LOG", "1")  # else SVT-AV1 talks on stderr; read when the library is loaded
        self.av = need("av", "video", "writing films")
        self.path, self.options = path, options
        self.notes: list[str] = []
        coding = self.coding = _CODINGS[options.codec]
        across, down = coding.subsampling
        self.size = max(down, size[0] // down * down), max(across, size[1] // across * across)
        self.signal = ToSignal(options.transfer, options.white_nits, options.peak_nits)
        self.count = 0
        extension = path.suffix.lower()
        moved = {"movflags": "+write_colr"} if extension in (".mp4", ".mov") else {}
        self.container = self.av.open(str(path), "w", options=moved)
        self.stream = self.container.add_stream(coding.encoder, rate=Fraction(fps).limit_denominator(1001 * 1000))
        self._set_up(self.stream.codec_context, time_base, extension)
        self.copies = _Copies(self.av, self.container, source, _COPIED[extension], self.notes) if source else None

    def _set_up(self, context: Any, time_base: Fraction, extension: str) -> None:
        options, coding = self.options, self.coding
        context.height, context.width = self.size
        context.pix_fmt = coding.pixels
        context.time_base = time_base
        self.stream.time_base = time_base
        context.color_primaries, context.colorspace = tags.BT2020, tags.BT2020_NCL
        context.color_trc, context.color_range = tags.TRANSFER_CODES[options.transfer], tags.LIMITED
        if coding.tag and extension in (".mp4", ".mov"):
            context.codec_tag = coding.tag
        if options.codec == "hevc":
            params = tags.x265_params(options.transfer, options.peak_nits)
            context.options = {
                "preset": options.speed or "fast",
                "crf": f"{options.quality or 18:g}",
                "x265-params": params,
            }
        elif options.codec == "av1":
            params = tags.svt_params(options.transfer, options.peak_nits)
            context.options = {
                "preset": options.speed or "8",
                "crf": f"{options.quality or 24:.0f}",
                "svtav1-params": params,
            }
        else:
            context.options = {"profile": "hq", "vendor": "apl0"}

    def write(self, light: np.ndarray, pts: int) -> None:
        """One frame, (H, W, 3) float32 linear Rec.709 light, at a time after the last."""
        height, width = self.size
        light = np.pad(light, [(0, max(0, n - m)) for n, m in zip(self.size, light.shape)] + [(0, 0)], mode="edge")
        picture = self.signal(light[:height, :width])
        seed = self.count if self.options.dither else None
        planes = ycbcr.from_rgb(picture, BITS, "bt2020", self.coding.subsampling, seed)
        frame = self.av.VideoFrame(width, height, self.coding.pixels)
        for plane, samples in zip(frame.planes, planes):
            padded = np.zeros((plane.height, plane.line_size // 2), "<u2")
            padded[:, : plane.width] = samples
            plane.update(padded.tobytes())
        context = self.stream.codec_context
        frame.color_primaries, frame.color_trc = tags.BT2020, tags.TRANSFER_CODES[self.options.transfer]
        frame.colorspace, frame.color_range = tags.BT2020_NCL, tags.LIMITED
        frame.pts, frame.time_base = pts, context.time_base
        if self.copies:
            self.copies.up_to(float(pts * context.time_base))
        self.count += 1
        self._mux(self.stream.encode(frame))

    def _mux(self, packets: list[Any]) -> None:
        try:
            for packet in packets:
                self.container.mux(packet)
        except self.av.error.FFmpegError as error:
            raise OSError(error.errno, f"writing stopped: {error.strerror}") from error

    @property
    def levels(self) -> LightLevels:
        """Of the frames so far."""
        return LightLevels(int(np.ceil(self.signal.brightest)), int(np.ceil(self.signal.frame_mean)))

    def __enter__(self) -> FilmWriter:
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is not None:
            try:
                self.container.close()
            except Exception:  # the error that brought us here matters more
                pass
            return
        packets = self.stream.encode(None)
        if self.count <= _REORDERED:
            _decoding_times(packets)
        self._mux(packets)
        if self.copies:
            self.copies.up_to(float("inf"))
        try:
            self.container.close()
        except self.av.error.FFmpegError as failed:
            raise OSError(failed.errno, f"writing stopped: {failed.strerror}") from failed
        if (
            self.options.transfer == "pq"
            and self.options.codec != "prores"
            and not tags.written(self.path, self.levels)
        ):
            self.notes.append("the encoder wrote no light levels into the stream")
        if self.path.suffix.lower() in (".mp4", ".mov"):
            tags.insert_boxes(self.path, self.options.transfer, self.options.peak_nits, self.levels)


def _decoding_times(packets: list[Any]) -> None:
    """Times at which the packets of a whole short film are decoded: x265 leaves them undefined where there are no more
    frames than it reorders."""
    shown = [p.pts for p in packets]
    late = max((there - own for there, own in zip(sorted(shown), shown)), default=0)
    for packet, time in zip(packets, sorted(shown)):
        packet.dts = time - late


class _Copies:
    """Audio and subtitles of a source, muxed along with the picture as they are."""

    def __init__(self, av: Any, target: Any, source: Path, allowed: set[str] | None, notes: list[str]):
        self.target = target
        self.container = av.open(str(source))
        self.streams: dict[int, Any] = {}
        for stream in self.container.streams:
            if stream.type not in ("audio", "subtitle"):
                continue
            name = getattr(stream.codec_context, "name", None) if stream.codec_context else None
            if name is None or (allowed is not None and name not in allowed):
                notes.append(
                    f"{stream.type} of codec {name or 'unknown'} does not fit the file and was left out; .mkv takes it"
                )
                continue
            try:
                self.streams[stream.index] = target.add_stream_from_template(stream)
            except (av.error.FFmpegError, ValueError) as error:
                notes.append(f"{stream.type} of codec {name} could not be copied: {error}")
        self.packets: Iterator[Any] = self._wanted(av, notes) if self.streams else iter(())
        self.waiting = next(self.packets, None)

    def _wanted(self, av: Any, notes: list[str]) -> Iterator[Any]:
        try:
            for packet in self.container.demux([self.container.streams[i] for i in self.streams]):
                if packet.dts is not None:
                    yield packet
        except av.error.FFmpegError as error:
            notes.append(f"the other streams end early: {error}")

    def up_to(self, seconds: float) -> None:
        """Mux what comes before a time."""
        while self.waiting is not None and float(self.waiting.dts * self.waiting.time_base) <= seconds:
            self.waiting.stream = self.streams[self.waiting.stream.index]
            self.target.mux(self.waiting)
            self.waiting = next(self.packets, None)
