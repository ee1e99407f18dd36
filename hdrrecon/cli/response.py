"""`hdrrecon response`, `compare-responses` and `evaluate-response`: know the camera, and who knows it best.

Heavy imports wait until a command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hdrrecon.cli import options as opt
from hdrrecon.cli.errors import shown, usage_errors
from hdrrecon.cli.response_report import evidence_lines


def response(
    photo: Annotated[Path, typer.Argument(help="A JPEG, PNG, TIFF, WebP or BMP.")],
    plot: Annotated[Path | None, typer.Option(help="Draw the curve, its uncertainty and sRGB into this PNG.")] = None,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write the curve there (.json), for hdrrecon run --response.")
    ] = None,
    model: opt.Model = None,
    weights: Annotated[
        Path | None, typer.Option(help="A first stage of your own training (.safetensors) instead.")
    ] = None,
    device: opt.Device = "auto",
    exif: opt.Exif = True,
):
    """Estimate the camera response of one photo.

    Exit code: 0 done, 1 the photo could not be read or the plot not be written, 2 bad usage.

    \b
    hdrrecon response photo.jpg --plot curve.png --save curve.json
    hdrrecon run others/ -o hdr/ --response curve.json
    """
    if plot and plot.suffix.lower() != ".png":
        raise typer.BadParameter(f"{plot.name} is no PNG; name it {plot.stem}.png", param_hint="--plot")
    from hdrrecon import zoo
    from hdrrecon.estimate import estimate_response
    from hdrrecon.view.response_plot import save_plot

    with usage_errors(code=1):
        network = zoo.load_file(weights) if weights else None
        curve = estimate_response(photo, model=model or zoo.DEFAULT_MODEL, device=device, network=network, exif=exif)
        typer.echo(shown("\n".join(evidence_lines(photo.name, curve))))
        if plot:
            save_plot(plot, curve, title=f"{photo.name}: estimated response")
            typer.echo(f"wrote {plot}")
        if save:
            typer.echo(f"wrote {curve.save(save)}")


def compare_responses(
    curves: Annotated[
        Path, typer.Argument(help="dorf.npz, real_cameras.npz, CAVE's dorfCurves.txt, or a table: x, curve, curve ...")
    ],
    side: Annotated[
        str, typer.Option(help="What a table's columns are: forward (code over light) or inverse.")
    ] = "forward",
    emor: Annotated[Path | None, typer.Option(help="The published emor.txt, to compare with too.")] = None,
    inverse_emor: Annotated[Path | None, typer.Option(help="The published invemor.txt, to compare with too.")] = None,
):
    """Mean RMSE of gamma, GGCM, polynomials and EMoR over a set of curves, as Markdown.

    Exit code: 0 done, 1 the curves could not be read, 2 bad usage.
    """
    from hdrrecon.camera.measured_curves import read_curves, read_emor
    from hdrrecon.evaluation import response_models as comparison

    if side not in comparison.SIDES:
        raise typer.BadParameter(f"{side!r} is neither forward nor inverse", param_hint="--side")
    with usage_errors(code=1):
        found = read_curves(curves, side)
        tables = {name: read_emor(path) for name, path in zip(comparison.SIDES, (emor, inverse_emor)) if path}
    rows = comparison.compare(found, tables)
    typer.echo(comparison.markdown(f"{len(found.forward)} curves of {curves.name}", rows))


def evaluate_response(
    views: Annotated[Path, typer.Option("--views", help="Folder of held-out HDR views.")],
    curves: Annotated[Path, typer.Option("--curves", help="Folder with dorf.npz and real_cameras.npz.")],
    weights: Annotated[
        Path | None, typer.Option(help="First stage (.safetensors) in the place of the shipped model's.")
    ] = None,
    crf_net: Annotated[Path | None, typer.Option("--crf-net", help="CRF-net (.safetensors).")] = None,
    other: Annotated[
        list[Path] | None, typer.Option("--other", help="Further estimators (.safetensors); repeat for more.")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option("--pairs", help="Folder of real photos NAME.jpg with truths NAME.exr, measured too.")
    ] = None,
    look_px: Annotated[
        int | None,
        typer.Option("--look-px", help="Ask networks of thumbnails and of full-size pieces of so many pixels, too."),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the Markdown here, too.")] = None,
):
    """Judge estimators of the camera response on photos none of them has seen, as Markdown.

    \b
    hdrrecon evaluate-response --views val_views --curves crf --crf-net weights/crf-net.safetensors
    """
    from hdrrecon.evaluation.response_estimators import report_of

    files = {"default": weights, "CRF-net": crf_net, **{p.parent.name or p.stem: p for p in other or []}}
    with usage_errors(code=1):
        text = report_of(views, curves, files, pairs=pairs, look_px=look_px)
        typer.echo(text)
        if out:
            from hdrrecon.io.atomic import atomic_write

            with atomic_write(out) as temporary:
                temporary.write_text(text + "\n")
