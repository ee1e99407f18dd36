"""`hdrrecon response`: estimate the response of a photo, compare response models.

hdrrecon response photo.jpg --plot curve.png      (short for: hdrrecon response estimate photo.jpg ...)
hdrrecon response compare curves.csv
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from hdrrecon.cli.errors import shown, usage_errors


class _EstimateByDefault(TyperGroup):
    """A group whose first word may be a photo instead of a command."""

    def parse_args(self, ctx, args):
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["estimate", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    rich_markup_mode=None,
    cls=_EstimateByDefault,
    no_args_is_help=True,
    help="Know the camera: response curves of photos, models of curves.",
)


@app.command()
def estimate(
    photo: Annotated[Path, typer.Argument(help="A JPEG, PNG, TIFF, WebP or BMP.")],
    plot: Annotated[Path | None, typer.Option(help="Draw the curve, its uncertainty and sRGB into this PNG.")] = None,
    model: Annotated[str | None, typer.Option(help="One of `hdrrecon models`; its first stage answers.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A first stage of your own training (.safetensors) instead.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    exif: Annotated[
        bool, typer.Option("--exif/--no-exif", help="Let the photo's EXIF weigh in: camera, or renderer.")
    ] = True,
):
    """Estimate the camera response of one photo. `hdrrecon response photo.jpg` does the same.

    Exit code: 0 done, 1 the photo could not be read or the plot not be written, 2 bad usage.
    """
    if plot and plot.suffix.lower() != ".png":
        raise typer.BadParameter(f"{plot.name} is no PNG; name it {plot.stem}.png", param_hint="--plot")
    from hdrrecon import zoo
    from hdrrecon.estimate import estimate_response
    from hdrrecon.view.response_plot import save_plot

    with usage_errors(code=1):
        network = zoo.load_file(weights) if weights else None
        curve = estimate_response(photo, model=model or zoo.DEFAULT_MODEL, device=device, network=network, exif=exif)
        typer.echo(shown(report(photo.name, curve)))
        if plot:
            save_plot(plot, curve, title=f"{photo.name}: estimated response")
            typer.echo(f"wrote {plot}")


@app.command()
def compare(
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


def report(name: str, curve) -> str:
    """What was found and what it is based on, in plain text."""
    import numpy as np

    from hdrrecon.camera.response import ResponseCurve

    facts, seen = curve.facts, curve.facts["evidence"]

    def shares(of):
        return ", ".join(f"{family} {share:.2f}" for family, share in sorted(of.items(), key=lambda f: -f[1]))

    prior = [f"EXIF says: {shares(facts['prior'])} (counted in; --no-exif leaves it out)"] if "prior" in facts else []
    codes = np.array([16, 32, 64, 96, 128, 160, 192, 224, 240]) / 255

    def at(samples):
        return np.interp(codes, np.linspace(0, 1, len(samples)), samples)

    light, spread, srgb = (
        at(curve.inverse.mean(0)),
        at(np.asarray(facts["spread"])),
        at(ResponseCurve.srgb().inverse[0]),
    )
    away = float(np.sqrt(np.mean((curve.inverse.mean(0) - ResponseCurve.srgb().inverse[0]) ** 2)))
    lines = [
        f"{name}: {seen['size'][1]} x {seen['size'][0]} pixels, {100 * seen['clipped']:.1f} % clipped, "
        f"{100 * seen['crushed']:.1f} % crushed, {seen['codes']} of 256 codes occupied",
        f"family: {shares(facts['families'])}",
        *prior,
        f"RMSE from sRGB: {away:.3f}; mean uncertainty: {float(np.mean(facts['spread'])):.3f}; confidence: {facts['confidence']:.2f} "
        "(0: the photo told nothing, 1: it left no doubt)",
        "",
        "code   light     +-       sRGB",
    ]
    rows = zip((codes * 255).round().astype(int), light, spread, srgb)
    return "\n".join(lines + [f"{c:4d}   {a:.4f}   {b:.4f}   {s:.4f}" for c, a, b, s in rows])
