"""`hdrrecon bench` and `hdrrecon export`. Heavy imports wait until they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hdrrecon.cli import options as opt
from hdrrecon.cli.errors import bad_usage, usage_errors


def bench(
    model: Annotated[
        list[str] | None, typer.Option(help="May be given several times; the default model if not at all.")
    ] = None,
    sizes: Annotated[str, typer.Option(help="Megapixels.")] = "0.25,1,4,12,48,200",
    clipped: Annotated[str, typer.Option(help="Percent of the pixels that clip.")] = "0,1,5,20,60",
    device: opt.Device = "auto",
    precision: opt.Precision = "auto",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Also write the table there: .csv, or .md.")] = None,
    frames: Annotated[
        bool, typer.Option("--frames", help="Instead: 4K frames a second, in a GPU's memory, and each stage.")
    ] = False,
    width_px: Annotated[int, typer.Option(help="Of those frames, 16:9.", min=64)] = 3840,
):
    """Measure what a reconstruction costs, from file to file: ratios to reading and writing alone, seconds, peak
    memory.

    Each measurement is a process of its own. Exit code 1 if one of them failed.

    \b
    hdrrecon bench --sizes 1,12 --clipped 5
    hdrrecon bench --model full --model linearize --device cuda -o bench.csv
    hdrrecon bench --model fast --model full --device cuda --frames
    """
    from hdrrecon import zoo
    from hdrrecon.bench.photos import Case, as_csv, machine_description, markdown, measure_apart, rows
    from hdrrecon.pipeline.build import pick_device

    with usage_errors():
        models = model or [zoo.DEFAULT_MODEL]
        for name in models:
            zoo.model_info(name)
        where = str(pick_device(device))
        cases = [
            Case(mp, share, name, where, precision)
            for name in models
            for mp in _numbers("--sizes", sizes, 0.001, 10_000)
            for share in _numbers("--clipped", clipped, 0, 90)
        ]
    if frames:
        _frames(models, where, precision, width_px)
        return
    machine, measured = machine_description(), []
    for case in cases:
        try:
            measured.append((case, measure_apart(case)))
        except RuntimeError as error:
            typer.secho(str(error), err=True, fg="red")
            continue
        typer.echo(", ".join(f"{name} {cell}" for name, cell in rows(measured[-1:])[0].items()), err=True)
    if measured:
        table = rows(measured)
        typer.echo(markdown(table, machine))
        if out:
            out.write_text(as_csv(table, machine) if out.suffix.lower() == ".csv" else markdown(table, machine) + "\n")
    raise typer.Exit(int(len(measured) < len(cases)))


def _frames(models: list[str], device: str, precision: str, width_px: int) -> None:
    import torch

    from hdrrecon.bench.frames import report
    from hdrrecon.bench.photos import machine_description

    typer.echo(machine_description())
    for name in models:
        for line in report(name, torch.device(device), width_px, precision=precision):
            typer.echo(line)


def export(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the files.")],
    model: opt.Model = None,
    format: Annotated[str, typer.Option(help="onnx (needs hdrrecon[export]) or pt2 (torch.export).")] = "onnx",
):
    """Write a model's networks as files that run without this library, and recipe.json, which says how they go
    together.

    \b
    hdrrecon export -o exported
    """
    from typing import get_args

    with usage_errors():
        from hdrrecon import zoo
        from hdrrecon.export import Format, write_export
        from hdrrecon.pipeline.build import build_pipeline

        if format not in get_args(Format):
            raise ValueError(f"--format is {format!r}; choose one of {', '.join(get_args(Format))}")
        card = zoo.model_info(model or zoo.DEFAULT_MODEL)
        about = {"model": card.name, "about": card.about, "licence": card.license}
        for path in write_export(build_pipeline(card.name), out, format, about=about):
            typer.echo(path)


def _numbers(option: str, text: str, low: float, high: float) -> list[float]:
    try:
        values = [float(v) for v in text.split(",")]
        if all(low <= v <= high for v in values):
            return values
    except ValueError:
        pass
    bad_usage(f"{option} wants numbers from {low:g} to {high:g} with commas between, got {text!r}")
