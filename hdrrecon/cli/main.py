"""The command `hdrrecon`: parses, calls the library, prints. Heavy imports wait until a command runs."""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import hdrrecon
from hdrrecon.cli import options as opt
from hdrrecon.cli.errors import bad_usage, set_debug, shown, usage_errors
from hdrrecon.cli.evaluate import evaluate
from hdrrecon.cli.raw import app as raw_app
from hdrrecon.cli.raw import evaluate_raw
from hdrrecon.cli.response import compare_responses, evaluate_response, response
from hdrrecon.cli.run import run
from hdrrecon.cli.tools import bench, export
from hdrrecon.cli.train import app as train_app
from hdrrecon.cli.video import video

# No rich markup in help texts: it takes "[app]" for a colour and leaves it out.
app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False, rich_markup_mode=None)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hdrrecon {hdrrecon.__version__}")
        raise typer.Exit()


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Say what is done on stderr: the logger hdrrecon.")
    ] = False,
):
    """Turn ordinary photos into linear high-dynamic-range light."""
    set_debug(debug)
    if verbose:
        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("hdrrecon").setLevel(logging.INFO)
    context.call_on_close(partial(set_debug, False))


app.command()(run)
app.command()(video)


@app.command()
def info(
    photo: Annotated[Path, typer.Argument(help="A photo.")],
    model: opt.Model = None,
):
    """Say what was read, how much of it is clipped, and which camera response it seems to have."""
    from hdrrecon.cli.describe import describe

    with usage_errors(code=1):
        for line in describe(photo, model):
            typer.echo(shown(line))


@app.command()
def preview(
    image: Annotated[Path, typer.Argument(help="A result (.exr, .hdr, .tif, .npy), or a photo.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Picture, .png or .jpg; IMAGE.preview.png if not said.")
    ] = None,
    stops: Annotated[str, typer.Option(help="Exposures, side by side.")] = "0,-2,-4",
    false_color: Annotated[
        bool, typer.Option("--false-color", help="Show stops above the clip level as colours instead.")
    ] = False,
    tone: Annotated[
        str | None, typer.Option(help="Show one picture through a tone curve instead: reinhard, filmic or clip.")
    ] = None,
    histogram: Annotated[
        bool, typer.Option("--histogram", help="Show how many pixels have how many stops instead.")
    ] = False,
    panel: Annotated[int, typer.Option(help="Longest side of one exposure in pixels.", min=16)] = 480,
):
    """Show the light of an HDR file on an ordinary screen: a strip of exposures, one tone-mapped picture, false
    colours, a histogram.

    \b
    hdrrecon preview photo.exr -o photo.png --stops 1,0,-3,-6
    hdrrecon preview photo.exr -o photo.jpg --tone reinhard
    """
    from hdrrecon import view
    from hdrrecon.batch.collect import PREVIEW_SUFFIX

    exposures = _exposures(stops, "0,-2,-4")
    out = out or image.with_suffix(PREVIEW_SUFFIX)
    with usage_errors(code=1):
        light = _light_of(image)
        if false_color or histogram:
            picture = (view.false_color if false_color else view.histogram)(light)
        else:
            picture = view.tonemap(light, tone) if tone else view.exposure_strip(light, exposures, panel_px=panel)
        typer.echo(view.write_picture(out, picture))


@app.command()
def models(pattern: Annotated[str, typer.Argument(help="Names, * and ? allowed.")] = "*"):
    """List the models that ship: size, multiply-adds per photo, licence, scores; of one named in full, where its cards
    lie.

    \b
    hdrrecon models "classic:*"     the classic operators, which --model takes too
    """
    from hdrrecon import zoo
    from hdrrecon.pipeline.classic import PREFIX

    if pattern.startswith(PREFIX):
        _list_classic(pattern)
        return
    names = zoo.list_models(pattern)
    if not names:
        typer.echo(f"no model matches {pattern!r}; there are: {', '.join(zoo.list_models()) or 'none'}", err=True)
        raise typer.Exit(1)
    rows = [("name", "parameters", "multiply-adds", "licence", "scores", "")]
    for name in names:
        card = zoo.model_info(name)
        scores = ", ".join(f"{what} {value:g}" for what, value in card.scores.items()) or "-"
        about = card.about + ("  (default)" if name == zoo.DEFAULT_MODEL else "")
        rows.append((name, f"{card.parameters / 1e6:.2f} M", f"{card.cost:g} G", card.license, scores, about))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for path in zoo.model_info(pattern).cards if pattern in names else ():
        typer.echo(f"card: {path}")


def _list_classic(pattern: str) -> None:
    from hdrrecon.pipeline.classic import CLASSIC, PREFIX
    from hdrrecon.pipeline.classic_pipeline import list_classic

    names = list_classic(pattern)
    if not names:
        typer.echo(f"no operator matches {pattern!r}; there are: {', '.join(list_classic())}", err=True)
        raise typer.Exit(1)
    width = max(map(len, names))
    for name in names:
        about = (CLASSIC[name.removeprefix(PREFIX)].__doc__ or "").partition("\n")[0]
        typer.echo(f"{name:{width}}  {about}")


@app.command()
def view(
    image: Annotated[Path, typer.Argument(help="A result (.exr, .hdr, .tif, .npy), or a photo.")],
    photo: Annotated[Path | None, typer.Argument(help="The photo it was made of, for before and after.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The page; IMAGE.html if not said.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
    max_mb: Annotated[
        float, typer.Option(help="Size the page may have; larger images are shrunk, and the page says so.", min=0.5)
    ] = 20,
):
    """Write one self-contained web page to look at HDR light: exposure, false colour, values, looking around in
    panoramas.

    \b
    hdrrecon view photo.exr photo.jpg -o photo.html
    """
    from hdrrecon.io.exr_extras import read_extras
    from hdrrecon.view.viewer import write_viewer

    with usage_errors(code=1):
        light, extras = _light_of(image), read_extras(image)
        typer.echo(
            write_viewer(
                out or image.with_suffix(".html"),
                light,
                photo=photo,
                title=title or image.name,
                max_mb=max_mb,
                confidence=extras.confidence,
                response=extras.response,
                white_nits=extras.white_nits,
            )
        )


@app.command()
def bracket(
    image: Annotated[Path, typer.Argument(help="A result (.exr, .hdr, .tif, .npy).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the JPEGs.")],
    stops: Annotated[str, typer.Option(help="Exposures; the light's own exposure is 0.")] = "-4,0,4",
):
    """Write the JPEGs a camera would have taken at several exposures, with EXIF exposure times, for programs that merge
    brackets.

    \b
    hdrrecon bracket photo.exr -o stack --stops=-4,0,4
    """
    from hdrrecon.view.bracket import write_bracket

    exposures = _exposures(stops, "-4,0,4")
    with usage_errors(code=1):
        for path in write_bracket(out, _light_of(image), exposures, name=image.stem):
            typer.echo(path)


@app.command()
def light(
    image: Annotated[
        Path, typer.Argument(help="A 2:1 panorama (.exr, .hdr, .tif, .npy); of other pictures it says little.")
    ],
    json: Annotated[Path | None, typer.Option("--json", help="Also write the report there, for programs.")] = None,
):
    """Say what a panorama does as a light: its strongest source, how much it gives, and how dark its shadows are.

    A panorama that hdrrecon made (.exr) also says how sure its sun is.
    """
    from hdrrecon.io.atomic import atomic_write
    from hdrrecon.io.exr_extras import read_extras
    from hdrrecon.view.light_report import light_report, photo_light_report

    with usage_errors(code=1):
        pixels = _light_of(image)
        around = pixels.shape[1] == 2 * pixels.shape[0]
        report = light_report(pixels, read_extras(image).light) if around else photo_light_report(pixels)
        for line in report.lines():
            typer.echo(line)
        if json is not None:
            with atomic_write(json) as temporary:
                Path(temporary).write_text(report.json() + "\n", encoding="utf-8")


@app.command(name="app")
def web_app(
    model: opt.Model = None,
    device: opt.Device = "auto",
    port: Annotated[int, typer.Option(help="Of http://127.0.0.1.")] = 7860,
):
    """Open a small web app on this machine: a photo in, sliders, every format out. Needs hdrrecon[app]."""
    with usage_errors(code=1):
        from hdrrecon.app import run_app

        run_app(model, device, port)


app.command()(response)
app.command("compare-responses")(compare_responses)
app.command("evaluate-response")(evaluate_response)
app.command()(evaluate)
app.command("evaluate-raw")(evaluate_raw)
app.command()(bench)
app.command()(export)
app.add_typer(train_app, name="train")
app.add_typer(raw_app, name="raw")


def _exposures(stops: str, example: str) -> list[float]:
    try:
        return [float(v) for v in stops.split(",")]
    except ValueError:
        bad_usage(f"--stops wants numbers with commas between, for example --stops={example}; got {stops!r}")


def _light_of(path: Path):
    """Linear light (H, W, 3) of any readable file; code values through the sRGB curve."""
    import numpy as np

    from hdrrecon import io
    from hdrrecon.color import srgb_to_linear

    pixels = io.read(path)[..., :3]
    return pixels if pixels.dtype.kind == "f" else srgb_to_linear(pixels / np.float32(np.iinfo(pixels.dtype).max))


def command() -> None:
    """The command `hdrrecon`: `app`, and one sentence where what it prints cannot be written (a full disk,
    `/dev/full`)."""
    try:
        try:
            app(prog_name="hdrrecon")
        finally:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would try once more at its end
        print(f"error: the output cannot be written: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    command()
