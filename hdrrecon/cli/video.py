"""`hdrrecon video`: a film in, an HDR film or numbered .exr files out. Heavy imports wait until it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hdrrecon.cli import options as opt
from hdrrecon.cli.errors import usage_errors


def video(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A film, a folder of pictures, or a pattern like shot.%04d.png.")
    ],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", help=".mp4, .mov or .mkv; or for .exr files a folder or a pattern like %06d.exr."),
    ],
    codec: Annotated[str, typer.Option(help="hevc, av1 or prores (422 HQ), all of 10 bits.")] = "hevc",
    transfer: Annotated[str, typer.Option(help="pq or hlg.")] = "pq",
    white_nits: Annotated[float, typer.Option(help="cd/m2 of light 1.0, the level at which the film clips.")] = 203.0,
    peak_nits: Annotated[float, typer.Option(help="cd/m2 that nothing passes.")] = 1000.0,
    quality: Annotated[
        float | None, typer.Option(help="Constant rate factor; less is better and larger. 18 of hevc, 24 of av1.")
    ] = None,
    speed: Annotated[
        str | None, typer.Option(help="Preset of the encoder: fast, medium, slow ...; of av1 a number.")
    ] = None,
    model: opt.Model = None,
    device: opt.Device = "auto",
    precision: opt.Precision = "auto",
    response: opt.Response = "estimate",
    highlights: opt.Highlights = "median",
    look_ahead: Annotated[int, typer.Option(help="Frames by which light is smoothed backwards.", min=0)] = 8,
    remember: Annotated[
        bool, typer.Option("--remember/--forget", help="Let light that was measured before it clipped inform.")
    ] = True,
    deinterlace: Annotated[
        bool, typer.Option("--deinterlace", help="Make one frame of the two moments of interlaced films.")
    ] = False,
    sound: Annotated[bool, typer.Option("--sound/--no-sound", help="Copy audio and subtitles.")] = True,
    fps: Annotated[float | None, typer.Option(help="Frames a second of pictures; 25 if not said.")] = None,
    resume: Annotated[bool, typer.Option("--resume/--overwrite", help="Leave .exr files alone that exist.")] = True,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing unless it fails.")] = False,
):
    """Reconstruct the light of a film, steady from frame to frame, and write it as an HDR film.

    Films are looked through once for their shots, and then reconstructed. The result appears when it is whole; damaged
    frames are left out and named. HDR films are refused, interlaced ones too unless --deinterlace.

    Exit code: 0 done, 2 bad usage or a film that cannot be read.

    \b
    hdrrecon video in.mp4 -o out.mp4
    hdrrecon video in.mp4 -o out.mp4 --codec av1 --transfer hlg
    hdrrecon video in.mov -o out.mov --codec prores
    hdrrecon video in.mp4 -o frames/ ; hdrrecon video frames/ -o graded.mp4 --fps 24
    """
    with usage_errors():
        from hdrrecon.api import Reconstructor
        from hdrrecon.video import FilmOptions, TemporalOptions, reconstruct
        from hdrrecon.zoo import DEFAULT_MODEL

        options = FilmOptions(codec, transfer, white_nits, peak_nits, quality, speed)  # type: ignore[arg-type]
        made = Reconstructor(model or DEFAULT_MODEL, device, precision=precision)  # type: ignore[arg-type]
        with _progress(quiet) as progress:
            report = reconstruct(
                source,
                out,
                reconstructor=made,
                response=opt.response_of(response),
                highlights=highlights,
                temporal=TemporalOptions(look_ahead=look_ahead, remember_measured=remember),
                options=options,
                fps=fps,
                copy_streams=sound,
                deinterlace=deinterlace,
                resume=resume,
                progress=progress,
            )
    for note in report.notes:
        typer.secho(note, err=True, fg="yellow")
    if quiet:
        return
    skipped = f", {report.skipped} were there" if report.skipped else ""
    levels = report.levels
    light = f", MaxCLL {levels.brightest} and MaxFALL {levels.frame_mean} cd/m2" if levels else ""
    typer.echo(f"{report.target}: {report.frames} frames{skipped} of {report.shots} shots{light}")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """What `reconstruct` tells how far it is; a bar with the time left, on a terminal only."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    left = (TextColumn("left"), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *left)
    bar = Progress(*columns, console=console, disable=quiet or not console.is_terminal)
    tasks: dict[str, TaskID] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total or None)
        bar.update(tasks[what], completed=done, total=total or None)

    with bar:
        yield progress
