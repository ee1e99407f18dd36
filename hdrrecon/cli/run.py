"""`hdrrecon run`: many photos in, their light out. Heavy imports wait until it runs."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import hdrrecon
from hdrrecon.cli import options as opt
from hdrrecon.cli.errors import shown, usage_errors
from hdrrecon.cli.pipes import PIPE, piped
from hdrrecon.options import ReconstructOptions, WriteOptions

if TYPE_CHECKING:
    from hdrrecon.batch.photos import Job


def run(
    context: typer.Context,
    inputs: Annotated[
        list[str], typer.Argument(metavar="IN...", help="Photos, folders, globs, or .txt lists of them.")
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder for the results; or the result's own name, for one photo.")
    ],
    format: Annotated[
        str | None, typer.Option(help="exr (if not said), hdr, tif, npy; jpg (Ultra HDR); png, avif, heic, jxl (PQ).")
    ] = None,
    model: opt.Model = None,
    device: opt.Device = "auto",
    response: opt.Response = "estimate",
    exif: opt.Exif = True,
    dequantize: opt.Dequantize = False,
    highlights: opt.HighlightsOrNone = None,
    panorama: opt.Panorama = None,
    sun: opt.Sun = None,
    guide: Annotated[
        Path | None,
        typer.Option(
            help="Of one photo: a small HDR picture of the same view, in any scale; says how bright lamps are."
        ),
    ] = None,
    strength: opt.Strength = 1.0,
    max_stops: opt.MaxStops = None,
    memory: opt.Memory = None,
    precision: opt.Precision = "auto",
    half: Annotated[bool, typer.Option("--half/--float", help="16- or 32-bit channels in .exr.")] = True,
    compression: Annotated[
        str, typer.Option(help="Of .exr: piz, zip, zips, pxr24, rle, b44, dwaa, dwab, none.")
    ] = "piz",
    primaries: Annotated[str, typer.Option(help="Of .exr: rec709, p3, rec2020, acescg.")] = "rec709",
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Add a channel to .exr: 1 measured, 0 invented.")
    ] = False,
    headroom_stops: Annotated[
        float | None, typer.Option(help="Of jpg: stops above white that the light keeps below.")
    ] = None,
    gain_channels: Annotated[
        int | None, typer.Option(help="Of jpg: 3 keeps the light's hues, as if not said; 1 the photo's.")
    ] = None,
    replace_gain_map: Annotated[
        bool, typer.Option("--replace-gain-map", help="Of jpg: take photos that have a gain map.")
    ] = False,
    white_nits: Annotated[
        float | None, typer.Option(help="Of png, avif, heic, jxl, exr: cd/m2 of 1.0; 203 if not said.")
    ] = None,
    peak_nits: Annotated[
        float | None, typer.Option(help="Of png, avif, heic, jxl: cd/m2 they keep below; 1000 if not said.")
    ] = None,
    transfer: Annotated[str, typer.Option(help="Of png, avif, heic: pq or hlg.")] = "pq",
    preview: Annotated[
        bool, typer.Option("--preview", help="Write an exposure strip beside, NAME.preview.png.")
    ] = False,
    shard: Annotated[
        str, typer.Option(help="i/n: every n-th photo from the i-th (Slurm arrays, several machines).")
    ] = "0/1",
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing/--overwrite", help="Leave results alone that exist.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list files, sizes and memory; write nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only say what failed.")] = False,
):
    """Reconstruct the light of one or many photos.

    Sub-folders are kept. One bad file never stops the others. Several photos are worked on at once; results appear when
    they are whole, and a run that was cut off is started again as it was: what is finished is skipped.

    Exit code: 0 all done, 1 some failed (each is named on stderr), 2 bad usage, also if nothing was found.

    \b
    hdrrecon run photo.jpg -o photo.exr
    hdrrecon run photo.jpg -o photo.exr --guide dark_frame.exr
    hdrrecon run photos/ -o hdr/ --preview
    hdrrecon run photos/ -o phone/ --format jpg
    hdrrecon run - -o - --format exr < photo.jpg > photo.exr
    hdrrecon run "shoot/**/*.jpg" extra.png list.txt -o hdr/ --shard 0/4
    """
    from hdrrecon.batch.collect import parse_shard
    from hdrrecon.io.atomic import sweep

    with usage_errors():
        if PIPE in inputs or str(out) == PIPE:
            quiet = quiet or str(out) == PIPE  # words would stand between the bytes
            inputs, out = context.with_resource(piped(inputs, out, format))
        jobs, problems, results = _jobs(inputs, out, format, preview)
        index, count = parse_shard(shard)
        if guide is not None and len(jobs) > 1:
            raise ValueError(f"--guide belongs to one photo, got {len(jobs)}; run each with its own")
        if guide is not None and not guide.is_file():
            raise ValueError(f"--guide: there is no file {guide}")
        given = {
            "primaries": None if primaries == "rec709" else primaries,
            "headroom_stops": headroom_stops,
            "gain_channels": gain_channels,
            "replace_gain_map": replace_gain_map or None,
            "white_nits": white_nits,
            "peak_nits": peak_nits,
            "transfer": None if transfer == "pq" else transfer,
        }
        written = _write_options(jobs[0].target, half, compression, confidence, given)
        how = ReconstructOptions(
            response=opt.response_of(response),
            exif=exif,
            dequantize=dequantize,
            highlights=highlights or ("median" if sun is None else "energy"),  # type: ignore[arg-type]  # checked there
            panorama=panorama,
            sun=opt.sun_of(sun),  # type: ignore[arg-type]  # checked there
            strength=strength,
            max_stops=max_stops,
            memory=memory,
        )
    if dry_run:
        from hdrrecon.batch.dry_run import dry_run as listed

        for line in [*problems, *listed(jobs[index::count], skip_existing)]:
            typer.echo(shown(line))
        raise typer.Exit(1 if problems else 0)
    # Every shard sees the same problems; one of them counts them.
    problems = problems if index == 0 else []
    mine = jobs[index::count]
    todo = [job for job in mine if not (skip_existing and job.target.is_file())]
    for folder in {job.target.parent for job in mine}:
        sweep(folder)  # what killed runs left
    tally = Counter(failed=len(problems), skipped=len(mine) - len(todo))
    if todo:
        with usage_errors():  # before the first photo, not once per photo
            reconstructor = _reconstructor(model, device, precision)
    with _progress(len(todo), quiet) as (step, say):
        for problem in problems:
            say(problem, "red")
        if todo:
            from hdrrecon.batch.photos import Order

            tell = len(mine) == 1 and not quiet
            order = Order(how, written, confidence, preview, skip_existing, tell=tell, guide=guide)
            tally += _work_on(todo, reconstructor, order, step, say)
    if not quiet:
        left = f", {tally['left']} not begun" if tally["left"] else ""
        typer.echo(f"{tally['done']} done, {tally['failed']} failed, {tally['skipped']} skipped{left}")
        if tally["skipped"]:
            typer.echo(
                "skipped photos have their results already; --overwrite makes them anew, also with other options"
            )
        if results:
            typer.echo(f"{results} results of earlier runs among the inputs were passed over")
    raise typer.Exit(1 if tally["failed"] else 0)


def _work_on(todo: list, reconstructor, order, step, say) -> Counter:
    """Do all photos, several at once, and say in their order what went wrong. Counts done, failed, skipped and left."""
    import torch

    from hdrrecon.batch.photos import PhotoWork, crew_for, sentence
    from hdrrecon.batch.workers import convey

    crew = crew_for(reconstructor.device.type, len(todo), torch.get_num_threads())
    work, tally = PhotoWork(reconstructor, order.shared_by(crew.reconstruct)), Counter(left=len(todo))
    told = []

    def interrupted() -> None:
        if not told:
            told.append(True)
            text = "stopping when the photos at work are done with their present step; Ctrl-C again leaves at once"
            say(text, "yellow")

    conveyed = convey(todo, work.stages(crew), stop=work.stop, interrupted=interrupted)
    with closing(conveyed) as outcomes:
        try:
            for outcome in outcomes:
                tally["left"] -= 1
                source = outcome.job.source
                for note in outcome.notes:
                    say(note if str(source) in note else f"{source}: {note}", "yellow")
                if outcome.error is not None:
                    say(sentence(source, outcome.error), "red")
                elif light := work.told.get(outcome.job.target):
                    for line in _result_lines(outcome.job, light, order.preview):
                        typer.echo(line)
                tally["failed" if outcome.error is not None else "done" if outcome.value else "skipped"] += 1
                step()
        except KeyboardInterrupt:
            interrupted()
            raise
    return tally


def _result_lines(job: Job, told: str, preview: bool) -> Iterator[str]:
    """Lines about one result: where it is, what changed, how to look at it."""
    from hdrrecon.batch.collect import preview_of

    yield f"{job.target}: {told}"
    if preview:
        yield f"{preview_of(job.target)}: the photo alone and its light, at several exposures"
    if job.target.suffix.lower() in (".exr", ".hdr", ".tif", ".tiff", ".npy"):
        yield f"look at it in a browser: hdrrecon view {shlex.quote(str(job.target))} {shlex.quote(str(job.source))}"


def _jobs(inputs: list[str], out: Path, format: str | None, preview: bool) -> tuple[list, list[str], int]:
    """`Job`s, sentences about inputs that name nothing, and how many results were passed over.

    Raises:
        ValueError: nothing at all was found, or the output does not fit the inputs.
    """
    from hdrrecon.batch.collect import find, plan
    from hdrrecon.batch.photos import Job
    from hdrrecon.io import READABLE, WRITABLE

    extension = "." + (format or "exr").lower().lstrip(".")
    if extension not in WRITABLE:
        raise ValueError(f"--format is {format!r}; choose one of {', '.join(sorted(e[1:] for e in WRITABLE))}")
    found = find(inputs, without=out)
    sources, problems = found.sources, found.problems
    if not sources:
        passed = [f"{found.results} results of earlier runs, and no photos"] if found.results else []
        raise ValueError("\n".join([*problems, *passed]))
    named = out.suffix.lower()
    if out.is_dir() or named not in READABLE | WRITABLE:
        if out.exists() and not out.is_dir():
            raise ValueError(f"{out} is no folder; name a folder for the results, or a file with a format's extension")
        planned = plan(sources, out, extension, preview=preview)
        return [Job(source.path, target) for source, target in planned], problems, found.results
    if named not in WRITABLE:
        raise ValueError(f"cannot write {out}: wanted {', '.join(sorted(WRITABLE))}, or a folder")
    if len(sources) > 1 or Path(inputs[0]).is_dir():
        raise ValueError(f"{out} is the name of one file, but there may be many results; name a folder")
    if format and extension != named:
        raise ValueError(f"{out} and --format {format} contradict each other; leave one of them out")
    if out.resolve() == sources[0].path.resolve():
        raise ValueError(f"{out} is the photo itself; choose another name")
    return [Job(sources[0].path, out)], problems, found.results


def _write_options(target: Path, half: bool, compression: str, confidence: bool, given: dict) -> WriteOptions:
    """How every result is written, all being of `target`'s format; what does not fit it is refused."""
    from hdrrecon.io.photo import ULTRA_HDR_SUFFIXES
    from hdrrecon.io.write import check_options

    given = {name: value for name, value in given.items() if value is not None}
    extension = target.suffix.lower()
    exr = WriteOptions(
        dtype="half" if half else "float",
        compression=compression,  # type: ignore[arg-type]  # checked there
        attributes={"software": f"hdrrecon {hdrrecon.__version__}"},
    )
    if confidence and extension != ".exr":
        raise ValueError("--confidence is a channel of .exr files; leave it or the other format out")
    check_options(target, **given, **({"base": target} if extension in ULTRA_HDR_SUFFIXES else {}))
    return replace(exr, **given) if extension == ".exr" else WriteOptions(**given)


def _reconstructor(model: str | None, device: str, precision: str):
    from hdrrecon.api import Reconstructor
    from hdrrecon.zoo import DEFAULT_MODEL

    return Reconstructor(model or DEFAULT_MODEL, device, precision=precision)


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[tuple]:
    """(step, say): count one photo; print a line on stderr. The bar shows on a terminal only."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("reconstructing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, disable=quiet or not console.is_terminal or not total)
    task = bar.add_task("", total=total)

    def say(text, style):
        return console.print(shown(text), style=style, markup=False, highlight=False, soft_wrap=True)

    with bar:
        yield lambda: bar.advance(task), say
