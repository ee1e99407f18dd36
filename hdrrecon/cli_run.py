"""`hdrrecon run`: many photos in, their light out. Heavy imports wait until it runs."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

import hdrrecon
from hdrrecon.cli_errors import usage_errors

_ULTRA_HDR = (".jpg", ".jpeg")


def run(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Photos, folders, globs, or .txt lists of them.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the results; or the result's own name, for one photo.")],
    format: Annotated[str | None, typer.Option(help="exr (if not said), hdr, tif, npy; jpg (Ultra HDR); png, avif, heic (PQ); jxl.")] = None,
    model: Annotated[str | None, typer.Option(help="See hdrrecon models.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps")] = "auto",
    response: Annotated[str, typer.Option(help="Camera curve: estimate, srgb (renderings) or camera (their mean).")] = "estimate",
    exif: Annotated[bool, typer.Option("--exif/--no-exif", help="Let EXIF weigh in that estimate: camera, or renderer.")] = True,
    dequantize: Annotated[bool, typer.Option("--dequantize", help="Smooth the steps of 8-bit gradients, within their codes.")] = False,
    half: Annotated[bool, typer.Option("--half/--float", help="16- or 32-bit channels in .exr.")] = True,
    compression: Annotated[str, typer.Option(help="Of .exr: zip, zips, piz, pxr24, rle, b44, dwaa, dwab, none.")] = "zip",
    confidence: Annotated[bool, typer.Option("--confidence", help="Add a channel to .exr: 1 measured, 0 invented.")] = False,
    headroom_stops: Annotated[float | None, typer.Option(help="Of jpg: stops above white that the light keeps below.")] = None,
    replace_gain_map: Annotated[bool, typer.Option("--replace-gain-map", help="Of jpg: take photos that have a gain map.")] = False,
    white_nits: Annotated[float | None, typer.Option(help="Of png, avif, heic, exr: cd/m2 of 1.0; 203 if not said.")] = None,
    peak_nits: Annotated[float | None, typer.Option(help="Of png, avif, heic: cd/m2 they keep below; 1000 if not said.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Write an exposure strip beside, NAME.preview.png.")] = False,
    shard: Annotated[str, typer.Option(help="i/n: every n-th photo from the i-th (Slurm arrays, several machines).")] = "0/1",
    skip_existing: Annotated[bool, typer.Option("--skip-existing/--overwrite", help="Leave results alone that exist.")] = True,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only say what failed.")] = False,
):
    """Reconstruct the light of one or many photos.

    Sub-folders are kept. One bad file never stops the others.

    Exit code: 0 all done, 1 some failed (each is named on stderr), 2 bad usage, also if nothing was found.

    \b
    hdrrecon run photo.jpg -o photo.exr
    hdrrecon run photos/ -o hdr/ --preview
    hdrrecon run photos/ -o phone/ --format jpg
    hdrrecon run "shoot/**/*.jpg" extra.png list.txt -o hdr/ --shard 0/4
    """
    from hdrrecon.io.batch import parse_shard

    with usage_errors():
        jobs, problems = _jobs(inputs, out, format)
        index, count = parse_shard(shard)
        options = dict(headroom_stops=headroom_stops, replace_gain_map=replace_gain_map or None, white_nits=white_nits,
                       peak_nits=peak_nits)
        options = _write_options(jobs[0][1], half, compression, confidence, options)
    # Every shard sees the same problems; one of them counts them.
    problems = problems if index == 0 else []
    mine = jobs[index::count]
    todo = [job for job in mine if not (skip_existing and job[1].exists())]
    reconstructor = None
    if todo:
        with usage_errors():  # before the first photo, not once per photo
            reconstructor = _reconstructor(model, device, response)

    how = dict(response=response, exif=exif, dequantize=dequantize)
    failed = len(problems)
    with _progress(len(todo), quiet) as (step, say):
        for problem in problems:
            say(problem, "red")
        for source, target in todo:
            try:
                with _warnings_named(source, say):
                    _reconstruct_file(reconstructor, source, target, how, options, confidence, preview)
            except Exception as error:  # whatever a file does, the others are still done
                failed += 1
                say(_sentence(source, error), "red")
            step()
    if not quiet:
        done = len(todo) + len(problems) - failed
        typer.echo(f"{done} done, {failed} failed, {len(mine) - len(todo)} skipped")
    raise typer.Exit(1 if failed else 0)


def _jobs(inputs: list[str], out: Path, format: str | None) -> tuple[list[tuple[Path, Path]], list[str]]:
    """(photo, result) pairs and sentences about inputs that name nothing.

    Raises:
        ValueError: nothing at all was found, or the output does not fit the inputs.
    """
    from hdrrecon.io import READABLE, WRITABLE
    from hdrrecon.io.batch import expand, plan

    extension = "." + (format or "exr").lower().lstrip(".")
    if extension not in WRITABLE:
        raise ValueError(f"--format is {format!r}; choose one of {', '.join(sorted(e[1:] for e in WRITABLE))}")
    sources, problems = expand(inputs, without=out)
    if not sources:
        raise ValueError("\n".join(problems))
    named = out.suffix.lower()
    if out.is_dir() or named not in READABLE | WRITABLE:
        return [(source.path, target) for source, target in plan(sources, out, extension)], problems
    if named not in WRITABLE:
        raise ValueError(f"cannot write {out}: wanted {', '.join(sorted(WRITABLE))}, or a folder")
    if len(sources) > 1 or Path(inputs[0]).is_dir():
        raise ValueError(f"{out} is the name of one file, but there may be many results; name a folder")
    if format and extension != named:
        raise ValueError(f"{out} and --format {format} contradict each other; leave one of them out")
    if out.resolve() == sources[0].path.resolve():
        raise ValueError(f"{out} is the photo itself; choose another name")
    return [(sources[0].path, out)], problems


def _write_options(target: Path, half: bool, compression: str, confidence: bool, given: dict) -> dict:
    """What `write` is told about every result, all being of `target`'s format; what does not fit it is refused."""
    from typing import get_args

    from hdrrecon.io.exr import Compression
    from hdrrecon.io.write import check_options

    if compression not in get_args(Compression):
        raise ValueError(f"--compression is {compression!r}; choose one of {', '.join(get_args(Compression))}")
    given = {name: value for name, value in given.items() if value is not None}
    extension = target.suffix.lower()
    if confidence and extension != ".exr":
        raise ValueError("--confidence is a channel of .exr files; leave it or the other format out")
    check_options(target, **given, **({"base": target} if extension in _ULTRA_HDR else {}))
    if extension != ".exr":
        return given
    software = f"hdrrecon {hdrrecon.__version__}"
    return dict(given, dtype="half" if half else "float", compression=compression, attributes={"software": software})


def _reconstructor(model: str | None, device: str, response: str):
    from hdrrecon.api import RESPONSES, Reconstructor
    from hdrrecon.zoo import DEFAULT_MODEL

    if response not in RESPONSES:
        raise ValueError(f"--response is {response!r}; choose one of {', '.join(RESPONSES)}")
    return Reconstructor(model or DEFAULT_MODEL, device)


def _reconstruct_file(reconstructor, source: Path, target: Path, how: dict, options: dict, confidence: bool,
                      preview: bool) -> None:
    from hdrrecon import io
    from hdrrecon.view.extras import response_attribute

    result = reconstructor(source, **how, details=True)
    if preview:  # first: a result that exists then has its strip, so that a later run may skip it
        from hdrrecon import view
        from hdrrecon.io.batch import PREVIEW_SUFFIX

        strip = view.exposure_strip(result.radiance[..., :3], compare=result.linear[..., :3])
        view.write_picture(target.with_suffix(PREVIEW_SUFFIX), strip)
    if target.suffix.lower() in _ULTRA_HDR:
        options = dict(options, base=source)
    elif target.suffix.lower() == ".exr":  # the viewer draws the curve from there
        options = dict(options, attributes={**options["attributes"], **response_attribute(result.response)})
    io.write(target, result.radiance, confidence=result.confidence if confidence else None, **options)


def _sentence(source: Path, error: Exception) -> str:
    """An error of one file in one line that names the file."""
    text = " ".join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split()) or type(error).__name__
    return text if str(source) in text else f"{source}: {text}"


@contextmanager
def _warnings_named(source: Path, say) -> Iterator[None]:
    """Warnings of one file become one line each, after it is done."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        yield
    for text in dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, UserWarning)):
        say(text if str(source) in text else f"{source}: {text}", "yellow")


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[tuple]:
    """(step, say): count one photo; print a line on stderr. The bar shows on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("reconstructing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("left"), TimeRemainingColumn())
    bar = Progress(*columns, console=console, disable=quiet or not console.is_terminal or not total)
    task = bar.add_task("", total=total)
    say = lambda text, style: console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
    with bar:
        yield lambda: bar.advance(task), say
