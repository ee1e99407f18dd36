"""From film to film. Two passes: one looks for shots and their responses, the other reconstructs, a few frames at a
time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.io.atomic import atomic_write
from hdrrecon.pipeline.inputs import InputImage, ingest
from hdrrecon.video import decode
from hdrrecon.video.decode import VideoError
from hdrrecon.video.encode import CONTAINERS, FilmOptions, FilmWriter
from hdrrecon.video.frames import light_of, plan_shots, steady
from hdrrecon.video.sequence import LINEAR, SequenceTarget, files_of, is_sequence, pictures
from hdrrecon.video.tags import LightLevels
from hdrrecon.zoo import DEFAULT_MODEL

if TYPE_CHECKING:
    from hdrrecon.api import Reconstructor
    from hdrrecon.video.temporal import TemporalOptions

Progress = Callable[[str, int, int], None]
"""Called with what is done ("looking" or "reconstructing"), frames done, and frames in all (0: not known)."""


@dataclass
class FilmReport:
    """What became of a film. `levels` are MaxCLL and MaxFALL as written; `notes` sentences about what was survived."""

    target: Path
    frames: int = 0
    shots: int = 0
    skipped: int = 0
    levels: LightLevels | None = None
    notes: list[str] = field(default_factory=list)


def reconstruct(
    source: str | Path,
    target: str | Path,
    *,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    reconstructor: Reconstructor | None = None,
    response: str | ResponseCurve = "estimate",
    highlights: str = "median",
    temporal: TemporalOptions | None = None,
    options: FilmOptions | None = None,
    fps: float | None = None,
    copy_streams: bool = True,
    deinterlace: bool = False,
    resume: bool = True,
    progress: Progress = lambda what, done, total: None,
) -> FilmReport:
    """Reconstruct the light of a film and write it as HDR film or as numbered .exr files.

    Args:
        source: a film; or pictures: a folder, or a pattern like "shot.%04d.png". Pictures of linear light (.exr) are
            coded as they are.
        target: .mp4, .mov or .mkv; or for .exr files a folder, or a pattern like "out.%06d.exr".
        model, device, response, highlights: as `hdrrecon.reconstruct`. `reconstructor`: a loaded one, instead of the
            first two.
        temporal: how light is kept steady, see `TemporalOptions`.
        options: how a film is written, see `FilmOptions`.
        fps: frames a second of pictures (25 if not said); films have their own.
        copy_streams: audio and subtitles come along, as they are.
        deinterlace: make one frame of the two moments of each of an interlaced film, instead of refusing it.
        resume: of numbered files, leave those alone that exist.
        progress: see `Progress`.

    Returns:
        A `FilmReport`. A film appears under its name when it is whole; each numbered file too.

    Raises:
        VideoError (a ValueError): a source that cannot be read, holds no picture, is interlaced or HDR already.
        ValueError: options that do not fit each other.
        OSError: the target cannot be written.
        ModuleNotFoundError: PyAV is not installed, and a film is read or written.
    """
    from hdrrecon.api import Reconstructor

    source, target, options = Path(source), Path(target), options or FilmOptions()
    film_out = target.suffix.lower() in CONTAINERS
    if film_out:
        options.check(target)
    elif target.suffix and target.suffix.lower() != ".exr":
        raise ValueError(
            f"cannot write {target}: wanted {', '.join(CONTAINERS)}, a pattern like out.%06d.exr, or a folder"
        )
    if source.resolve() == target.resolve():
        raise ValueError(f"{target} is the film itself; choose another name")
    report = FilmReport(target)
    given = _Given(source, fps, deinterlace)
    if given.linear:
        _coded_as_it_is(given, target, options, report, progress)
        return report
    made = reconstructor or Reconstructor(model, device)
    counted = _Counter(progress, given.total)
    plan = plan_shots(given.images(), made, response, lambda: counted.step("looking"))
    if not plan:
        raise VideoError(f"{source} holds no frame that can be decoded")
    counted.restart()
    report.shots = len(plan)
    lights = steady(given.images(), given.fps, made, plan, response, highlights, temporal)
    if film_out:
        copied = source if copy_streams and not is_sequence(source) else None
        with _film(target, given, options, copied, report) as write:
            for photo, frame in lights:
                write(light_of(photo, made), frame.tag)
                counted.step("reconstructing")
    else:
        names = SequenceTarget(target)
        for index, (photo, _) in enumerate(lights):
            if resume and names.path(index).exists():
                report.skipped += 1
            else:
                names.write(index, light_of(photo, made), options.white_nits)
                report.frames += 1
            counted.step("reconstructing")
    report.notes += given.sentences()
    return report


class _Given:
    """A source of frames that can be gone through again."""

    def __init__(self, source: Path, fps: float | None, deinterlace: bool):
        self.source, self.deinterlace = source, deinterlace
        self.notes: Counter[str] = Counter()
        self.film: decode.Film | None = None
        if is_sequence(source):
            self.files = files_of(source)
            self.fps, self.total = fps or 25.0, len(self.files)
            self.time_base = 1 / Fraction(self.fps).limit_denominator(1001 * 1000)
            self.linear = self.files[0].suffix.lower() in LINEAR
            return
        if not source.exists():
            raise VideoError(f"{source} does not exist")
        self.film = decode.open_film(source, deinterlace)
        self.fps, self.total, self.time_base, self.linear = self.film.fps, self.film.frames, self.film.time_base, False

    def images(self) -> Iterator[tuple[InputImage, int]]:
        """Each frame and its time, from the first on."""
        if self.film is None:
            for index, file in pictures(self.files, self.notes):
                yield ingest(file), index
            return
        self.film.notes.clear()
        for frame in decode.frames(self.film, self.deinterlace):
            yield ingest(frame.code), frame.pts

    def sentences(self) -> list[str]:
        """What was survived, in words."""
        notes = self.notes if self.film is None else self.film.notes
        return [f"{count} {text}" if self.film is not None else text for text, count in notes.items()]


class _Counter:
    """Counts frames for `Progress`."""

    def __init__(self, progress: Progress, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def step(self, what: str) -> None:
        self.done += 1
        self.progress(what, self.done, self.total)

    def restart(self) -> None:
        """What has been counted is how many there are."""
        self.total, self.done = self.done, 0


@contextmanager
def _film(target: Path, given: _Given, options: FilmOptions, copied: Path | None, report: FilmReport) -> Iterator[Any]:
    """A function that writes light at a time; the film appears when all is written."""
    with atomic_write(target) as temporary:
        writer: list[FilmWriter] = []

        def write(light: np.ndarray, pts: int) -> None:
            if not writer:
                writer.append(FilmWriter(temporary, light.shape[:2], given.fps, given.time_base, options, copied))
            writer[0].write(light, pts)
            report.frames += 1

        behind = _Behind(write)
        try:
            yield behind
            behind.finish()
        except BaseException as error:
            behind.stop()
            if writer:
                writer[0].__exit__(type(error), error, None)
            raise
        if writer:
            writer[0].__exit__(None, None, None)
            report.levels = writer[0].levels
            report.notes += writer[0].notes


class _Behind:
    """Calls a function in a thread of its own, one call after the other, at most two behind: coding does not wait for
    networks, nor they for it. What it raises comes out of a later call, or of `finish`."""

    def __init__(self, function: Callable[..., None], most: int = 2):
        self.function, self.most = function, most
        self.thread = ThreadPoolExecutor(1, "coding")
        self.pending: deque[Future] = deque()

    def __call__(self, *args: Any) -> None:
        self.pending.append(self.thread.submit(self.function, *args))
        while len(self.pending) > self.most:
            self.pending.popleft().result()

    def finish(self) -> None:
        """Wait for all calls."""
        while self.pending:
            self.pending.popleft().result()
        self.thread.shutdown()

    def stop(self) -> None:
        """Leave out those that have not begun."""
        self.thread.shutdown(cancel_futures=True)


def _coded_as_it_is(given: _Given, target: Path, options: FilmOptions, report: FilmReport, progress: Progress) -> None:
    """Linear pictures into a film."""
    from hdrrecon import io

    if target.suffix.lower() not in CONTAINERS:
        raise ValueError(
            f"{given.source} is linear light already; name a film ({', '.join(CONTAINERS)}) to put it into"
        )
    counted = _Counter(progress, given.total)
    with _film(target, given, options, None, report) as write:
        size = None
        for index, file in pictures(given.files, given.notes):
            light = io.read(file)[..., :3].astype(np.float32)
            size = size or light.shape
            if light.shape != size:
                raise VideoError(
                    f"{file.name} is {light.shape[1]} x {light.shape[0]}, the first picture {size[1]} x {size[0]}"
                )
            write(light, index)
            counted.step("reconstructing")
    if not report.frames:
        raise VideoError(f"{given.source} holds no picture that can be read")
    report.notes += given.sentences()
