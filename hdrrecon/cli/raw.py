"""`hdrrecon raw`: the raw of a photo, kept inside its JPEG. Heavy imports wait until a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hdrrecon.cli.errors import usage_errors

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Keep the raw of a photo inside its JPEG, in a few kilobytes, and take it out again.",
)


@app.command()
def pack(
    raw: Annotated[Path, typer.Argument(help="Camera raw file: DNG, NEF, CR2, ARW ...")],
    jpeg: Annotated[
        Path | None, typer.Argument(help="The JPEG the camera made of it; developed here if not given.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="JPEG to write; RAW.jpg if not said.")] = None,
    bpp: Annotated[
        float, typer.Option(help="Bits per pixel; 0.02 is 30 kB for 12 megapixels.", min=0.0005, max=64)
    ] = 0.02,
    exposure: Annotated[float, typer.Option(help="Stops, for a JPEG developed here.")] = 0.0,
    beside: Annotated[
        bool, typer.Option("--beside", help="Write the stream to OUT.hdrraw in place of into the JPEG.")
    ] = False,
) -> None:
    """Put what a JPEG lost of its raw into the JPEG. Its picture stays the same, byte for byte.

    \b
    hdrrecon raw pack photo.dng -o photo.jpg
    hdrrecon raw pack photo.nef photo.jpg -o packed.jpg --bpp 0.05
    """
    from hdrrecon.rawcodec import files

    with usage_errors(code=1):
        done = files.pack(raw, jpeg, out or raw.with_suffix(".jpg"), bpp=bpp, exposure=exposure, beside=beside)
        place = f" and {done.side}" if done.side else ""
        typer.echo(f"{done.jpeg}{place}: {done.stream_bytes} bytes of raw, {done.bpp:.4f} bits per pixel")


@app.command()
def unpack(
    jpeg: Annotated[Path, typer.Argument(help="A JPEG with a raw stream in it or beside it.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help=".dng, .exr or .tif; JPEG.dng if not said.")] = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="Of a JPEG that was edited, take the global map alone.")
    ] = False,
) -> None:
    """Write the raw of a JPEG: as DNG for raw developers, or as linear light.

    \b
    hdrrecon raw unpack photo.jpg -o photo.dng
    """
    from hdrrecon.rawcodec import files

    with usage_errors(code=1):
        typer.echo(files.unpack(jpeg, out or jpeg.with_suffix(".dng"), stale="map" if stale else "refuse"))


@app.command()
def info(jpeg: Annotated[Path, typer.Argument(help="A JPEG with a raw stream in it or beside it.")]) -> None:
    """Say what a JPEG's raw stream holds, and whether it belongs to this picture."""
    from hdrrecon.rawcodec import files

    with usage_errors(code=1):
        for line in files.info(jpeg):
            typer.echo(line)


def evaluate_raw(
    data: Annotated[Path, typer.Argument(help="Folder of HDR scenes (.exr, .hdr, .npy), linear Rec.709.")],
    method: Annotated[
        list[str] | None, typer.Option("-m", "--method", help="Repeat for more; all if not said.")
    ] = None,
    condition: Annotated[
        list[str] | None, typer.Option("-c", "--condition", help="Repeat for more; all if not said.")
    ] = None,
    rates: Annotated[str, typer.Option(help="Bits per pixel.")] = "0.005,0.02,0.1,0.4",
    every: Annotated[int, typer.Option(help="Take every n-th scene.", min=1)] = 1,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="CSV of all rows.")] = None,
    table: Annotated[Path | None, typer.Option(help="Also write the table there, .md.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw the curves there, .png.")] = None,
) -> None:
    """Draw rate-distortion curves of the raw codec and of other ways to keep a raw beside its JPEG.

    \b
    hdrrecon evaluate-raw scenes/val -m map -m dct -m rawcodec --plot curves.png
    """
    from hdrrecon.evaluation import raw
    from hdrrecon.evaluation.raw_baselines import METHODS
    from hdrrecon.train.data.scenes import load_scenes
    from hdrrecon.view.picture import write_picture

    with usage_errors():
        views = ((one.name, one.light) for one in load_scenes(data)[::every])
        wanted = [float(v) for v in rates.split(",")]

        def say(row: raw.Row) -> None:
            typer.echo(
                f"{row.image} {row.condition} {row.method}: {row.bpp:.4f} bpp, {row.psnr:.2f} dB",
                err=True,
            )

        rows = raw.evaluate_raw(views, method or list(METHODS), condition or list(raw.CONDITIONS), wanted, say)
        if out:
            raw.write_rows(out, rows)
        if plot:
            write_picture(plot, raw.plot(rows))
        text = raw.table(rows)
        if table:
            table.write_text(text + "\n")
        typer.echo(text)
