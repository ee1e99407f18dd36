"""The command `hdrrecon`: parses, calls the library, prints. Heavy imports wait until a command runs."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

import hdrrecon
from hdrrecon.camera.cli import app as response_app  # these, too, import only typer until they run
from hdrrecon.evaluation.cli import evaluate
from hdrrecon.train.cli import app as train_app

_ULTRA_HDR = (".jpg", ".jpeg")  # results that are laid on the photo they come from

app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hdrrecon {hdrrecon.__version__}")
        raise typer.Exit()


@app.callback()
def main(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False):
    """Turn ordinary photos into linear high-dynamic-range light."""


@app.command()
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

    with _usage_errors():
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
        with _usage_errors():  # before the first photo, not once per photo
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


@app.command()
def info(
    photo: Annotated[Path, typer.Argument(help="A photo.")],
    model: Annotated[str | None, typer.Option(help="See hdrrecon models.")] = None,
):
    """Say what was read, how much of it is clipped, and which camera response it seems to have."""
    from hdrrecon.describe import describe

    with _usage_errors(code=1):
        for line in describe(photo, model):
            typer.echo(line)


@app.command()
def preview(
    image: Annotated[Path, typer.Argument(help="A result (.exr, .hdr, .tif, .npy), or a photo.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Picture, .png or .jpg; IMAGE.preview.png if not said.")] = None,
    stops: Annotated[str, typer.Option(help="Exposures, side by side.")] = "0,-2,-4",
    false_color: Annotated[bool, typer.Option("--false-color", help="Show stops above the clip level as colours instead.")] = False,
    panel: Annotated[int, typer.Option(help="Longest side of one exposure in pixels.", min=16)] = 480,
):
    """Show the light of an HDR file on an ordinary screen: a strip of exposures, or false colours.

    \b
    hdrrecon preview photo.exr -o photo.png --stops 1,0,-3,-6
    """
    from hdrrecon import view
    from hdrrecon.io.batch import PREVIEW_SUFFIX

    try:
        exposures = [float(v) for v in stops.split(",")]
    except ValueError:
        _bad_usage(f"--stops wants numbers with commas between, for example 0,-2,-4; got {stops!r}")
    out = out or image.with_suffix(PREVIEW_SUFFIX)
    with _usage_errors(code=1):
        light = _light_of(image)
        picture = view.false_color(light) if false_color else view.exposure_strip(light, exposures, panel_px=panel)
        typer.echo(view.write_picture(out, picture))


@app.command()
def models(pattern: Annotated[str, typer.Argument(help="Names, * and ? allowed.")] = "*"):
    """List the models that ship: size, licence, scores."""
    from hdrrecon import zoo

    names = zoo.list_models(pattern)
    if not names:
        typer.echo(f"no model matches {pattern!r}; there are: {', '.join(zoo.list_models()) or 'none'}", err=True)
        raise typer.Exit(1)
    rows = [("name", "parameters", "licence", "scores", "")]
    for name in names:
        card = zoo.card(name)
        scores = ", ".join(f"{what} {value:g}" for what, value in card.scores.items()) or "-"
        about = card.about + ("  (default)" if name == zoo.DEFAULT_MODEL else "")
        rows.append((name, f"{card.parameters / 1e6:.2f} M", card.license, scores, about))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


@app.command()
def view(
    image: Annotated[Path, typer.Argument(help="A result (.exr, .hdr, .tif, .npy), or a photo.")],
    photo: Annotated[Path | None, typer.Argument(help="The photo it was made of, for before and after.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The page; IMAGE.html if not said.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
    max_mb: Annotated[float, typer.Option(help="Size the page may have; larger images are shrunk, and the page says so.", min=0.5)] = 20,
):
    """Write one self-contained web page to look at HDR light: exposure, false colour, values, looking around in panoramas.

    \b
    hdrrecon view photo.exr photo.jpg -o photo.html
    """
    from hdrrecon.view.extras import read_extras
    from hdrrecon.view.viewer import write_viewer

    with _usage_errors(code=1):
        light, extras = _light_of(image), read_extras(image)
        typer.echo(write_viewer(
            out or image.with_suffix(".html"), light, photo=photo, title=title or image.name, max_mb=max_mb,
            confidence=extras.confidence, response=extras.response, white_nits=extras.white_nits))


@app.command()
def bracket(
    image: Annotated[Path, typer.Argument(help="A result (.exr, .hdr, .tif, .npy).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the JPEGs.")],
    evs: Annotated[str, typer.Option(help="Exposures in stops; the light's own exposure is 0.")] = "-4,0,4",
):
    """Write the JPEGs a camera would have taken at several exposures, with EXIF exposure times, for programs that merge brackets.

    \b
    hdrrecon bracket photo.exr -o stack --evs=-4,0,4
    """
    from hdrrecon.view.stack import write_bracket

    try:
        exposures = [float(v) for v in evs.split(",")]
    except ValueError:
        _bad_usage(f"--evs wants numbers with commas between, for example --evs=-4,0,4; got {evs!r}")
    with _usage_errors(code=1):
        for path in write_bracket(out, _light_of(image), exposures, name=image.stem):
            typer.echo(path)


@app.command()
def light(image: Annotated[Path, typer.Argument(help="A 2:1 panorama (.exr, .hdr, .tif, .npy).")]):
    """Say what a panorama does as a light: its strongest source, how much it gives, and how dark its shadows are."""
    from hdrrecon.view.light import light_report

    with _usage_errors(code=1):
        for line in light_report(_light_of(image)).lines():
            typer.echo(line)


@app.command(name="app")
def web_app(
    model: Annotated[str | None, typer.Option(help="See hdrrecon models.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    port: Annotated[int, typer.Option(help="Of http://127.0.0.1.")] = 7860,
):
    """Open a small web app on this machine: a photo in, sliders, every format out. Needs hdrrecon[app]."""
    with _usage_errors(code=1):
        from hdrrecon.app import build_app

        build_app(model, device).launch(server_port=port)


app.command()(evaluate)
app.add_typer(train_app, name="train")
app.add_typer(response_app, name="response")


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

    result = reconstructor(source, **how, details=True)
    if preview:  # first: a result that exists then has its strip, so that a later run may skip it
        from hdrrecon import view
        from hdrrecon.io.batch import PREVIEW_SUFFIX

        strip = view.exposure_strip(result.radiance[..., :3], compare=result.linear[..., :3])
        view.write_picture(target.with_suffix(PREVIEW_SUFFIX), strip)
    base = {"base": source} if target.suffix.lower() in _ULTRA_HDR else {}
    io.write(target, result.radiance, confidence=result.confidence if confidence else None, **base, **options)


def _light_of(path: Path):
    """Linear light (H, W, 3) of any readable file; code values through the sRGB curve."""
    import numpy as np

    from hdrrecon import io
    from hdrrecon.color import srgb_to_linear

    pixels = io.read(path)[..., :3]
    return pixels if pixels.dtype.kind == "f" else srgb_to_linear(pixels / np.float32(np.iinfo(pixels.dtype).max))


def _sentence(source: Path, error: Exception) -> str:
    """An error of one file in one line that names the file."""
    text = " ".join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split()) or type(error).__name__
    return text if str(source) in text else f"{source}: {text}"


def _bad_usage(text: str, code: int = 2) -> None:
    typer.secho(f"error: {text}", err=True, fg="red")
    raise typer.Exit(code)


@contextmanager
def _usage_errors(code: int = 2) -> Iterator[None]:
    """Errors with a sentence for the user become that sentence and an exit code."""
    try:
        yield
    except (KeyError, ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        _bad_usage(str(error.args[0] if isinstance(error, KeyError) else error), code)


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


if __name__ == "__main__":
    app()
