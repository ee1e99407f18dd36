"""`hdrrecon evaluate`: parses, calls the runner, prints. Heavy imports wait until the command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hdrrecon.cli.errors import usage_errors

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def evaluate(
    data: Annotated[
        Path | None,
        typer.Argument(help="Folder of HDR truths (.exr, .hdr, .npy, float .tif), linear Rec.709."),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Instead: folder of real photos NAME.jpg with truths NAME.exr, 1.0 = clip level."),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--method",
            help=(
                "[LABEL=]MODEL, classic:NAME, module:function, files:FOLDER, or a baseline; repeat for more. "
                "Default: the default model."
            ),
        ),
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option("-c", "--condition", help="Condition name, or all; repeat for more. Default: clip_95."),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Folder of predictions made elsewhere, same names as the truths (short for -m files:FOLDER)."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Result CSV; a second run goes on where it stopped.")] = Path(
        "results.csv"
    ),
    table: Annotated[Path | None, typer.Option(help="Also write the table: .md or .csv.")] = None,
    report: Annotated[Path | None, typer.Option(help="Also write one self-contained HTML page.")] = None,
    pictures: Annotated[int, typer.Option(help="Images pictured in the report, spread evenly.", min=0)] = 12,
    baselines: Annotated[
        bool,
        typer.Option(help="Run the mean camera curve and both oracles too, and say where the next decibel is."),
    ] = True,
    curves: Annotated[Path | None, typer.Option(help="dorf.npz (or its folder) for unknown_camera.")] = None,
    write_inputs: Annotated[
        Path | None,
        typer.Option(help="Only write the simulated photos here, for a method that runs elsewhere."),
    ] = None,
    hdrvdp3: Annotated[
        Path | None,
        typer.Option(help="CSV condition,image,method,jod of HDR-VDP-3 results to put beside ours."),
    ] = None,
    cvvdp: Annotated[bool, typer.Option("--cvvdp", help="Also ColorVideoVDP (slow; see docs/evaluation.md).")] = False,
    max_side: Annotated[
        int, typer.Option(help="Shrink truths to this many pixels; 0 = never. Pairs are never shrunk.", min=0)
    ] = 640,
    limit: Annotated[int, typer.Option(help="Only this many images, spread evenly; 0 = all.", min=0)] = 0,
    jobs: Annotated[int, typer.Option("-j", "--jobs", help="Processes, one thread each; 0 = one per core.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps; auto with several --jobs: cpu.")] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what --out holds.")] = False,
    video: Annotated[
        bool,
        typer.Option(
            "--video", help="Film the truths instead: steadiness of light over time. Takes --limit, -m, --table."
        ),
    ] = False,
    panoramas: Annotated[
        list[Path] | None,
        typer.Option(
            help="Instead: folder of HDR panoramas, measured as lights (models with highlights=energy); repeat."
        ),
    ] = None,
):
    """Measure methods on photos whose true light is known.

    Every number stands beside the plain linearised input, and "better" is said only where the 95 % interval
    of the paired difference excludes zero.

    Exit code: 0 all measured, 1 some predictions failed or data was unusable (each is named), 2 bad usage.

    \b
    hdrrecon evaluate scenes/ -c all -m full -m classic:landis_2002 --report report.html
    hdrrecon evaluate scenes/ -m mypackage.mymodule:predict
    hdrrecon evaluate --pairs real/ -m full
    hdrrecon evaluate truths/ --predictions results/
    hdrrecon evaluate --panoramas hdris/ -m full -m full@median
    hdrrecon evaluate scenes/ --video -m fast --limit 5
    """
    if video:
        _evaluate_video(data, method, limit, device, table, cvvdp)
        return
    if panoramas:
        _panoramas(panoramas, data or pairs or predictions, method, out, table, limit, device)
    from hdrrecon.evaluation import statistics as st
    from hdrrecon.evaluation import table as tables
    from hdrrecon.evaluation.confidence import sentences

    with usage_errors():
        sources, conditions, notes = _what(data, pairs, condition, predictions, limit)
        for note in notes:
            typer.secho(f"left out: {note}", err=True, fg="yellow")
        if write_inputs:
            _write_inputs(write_inputs, sources, conditions, max_side, curves)
            return
        specs, model = _specs(method, predictions, baselines)
        if fresh:
            out.unlink(missing_ok=True)
        rows = _run(
            sources,
            conditions,
            specs,
            out,
            jobs,
            report,
            pictures,
            max_side=None if pairs else max_side or None,
            curves=str(curves) if curves else None,
            # Several processes on one GPU hinder each other.
            device="cpu" if device == "auto" and jobs != 1 else device,
            cvvdp=cvvdp,
        )
        missing = _add_hdrvdp3(rows, hdrvdp3)

    metrics = [*tables.MAIN, *(["cvvdp_jod"] if cvvdp else []), *(["hdrvdp3_jod"] if hdrvdp3 else [])]
    summaries = st.summarise(rows)
    text = tables.to_markdown(summaries, metrics)
    typer.echo(text)
    if baselines:
        from hdrrecon.evaluation.decomposition import decomposition

        typer.echo(decomposition(summaries, model))
    if sure := sentences(rows):
        typer.echo(sure)
    if table:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(tables.to_csv(summaries) if table.suffix == ".csv" else text.lstrip() + "\n", encoding="utf-8")
    if report:
        from hdrrecon.evaluation.report import write_report

        typer.echo(f"report: {write_report(report, rows, summaries, _panels(out), [*metrics, *tables.BY_REGION])}")
    troubled = _tell_problems(rows, missing)
    raise typer.Exit(1 if troubled or notes else 0)


def _evaluate_video(
    data: Path | None, method: list[str] | None, limit: int, device: str, table: Path | None, cvvdp: bool
) -> None:
    """Print how steady light is over time on clips made of truths."""
    with usage_errors():
        from hdrrecon.evaluation.sources import find_truths, read_truth
        from hdrrecon.evaluation.video import evaluate_video, methods, to_markdown
        from hdrrecon.metrics.colorvideovdp import require_colorvideovdp
        from hdrrecon.zoo import DEFAULT_MODEL

        if data is None:
            raise ValueError("--video films HDR truths; name their folder")
        sources = find_truths(data)
        sources = spread(sources, limit) if limit else sources
        models = method or [DEFAULT_MODEL]
        if len(models) > 1:
            raise ValueError(f"--video measures one model at a time, got {', '.join(models)}")
        if cvvdp:
            require_colorvideovdp()
        scenes = [read_truth(s, None) for s in sources]
        text = to_markdown(evaluate_video(scenes, methods(models[0], device), cvvdp=cvvdp))
    typer.echo(text)
    if table:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(text + "\n", encoding="utf-8")


def _panoramas(folders, other, specs, out, table, limit, device) -> None:
    """Measure panoramas as lights, and leave."""
    from hdrrecon.evaluation import panoramas as lights
    from hdrrecon.evaluation.methods import DEFAULT_MODEL

    problems: list[str] = []

    def say(problem: str) -> None:
        problems.append(problem)
        typer.secho(problem, err=True, fg="yellow")

    try:
        if other:
            raise ValueError("--panoramas is measured by itself; leave the other data out")
        rows = lights.evaluate_panoramas(folders, specs or [DEFAULT_MODEL], limit=limit, device=device, say=say)
        if not rows:
            raise ValueError("nothing could be measured: wanted 2:1 panoramas (.exr, .hdr, .npy, float .tif)")
    except (KeyError, ValueError, OSError, ImportError, AttributeError) as error:
        typer.secho(f"error: {error.args[0] if isinstance(error, KeyError) else error}", err=True, fg="red")
        raise typer.Exit(2) from None
    lights.write_csv(out, rows)
    text = lights.to_markdown(rows)
    typer.echo(text)
    if table:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(text + "\n", encoding="utf-8")
    raise typer.Exit(1 if problems else 0)


def _what(data, pairs, condition, predictions, limit):
    """Sources, conditions, and sentences about files without a partner."""
    from hdrrecon.evaluation.conditions import CONDITIONS, choose
    from hdrrecon.evaluation.sources import find_pairs, find_truths

    if (data is None) == (pairs is None):
        raise ValueError("give either a folder of HDR truths, or --pairs with a folder of photos and truths")
    if pairs is not None:
        if condition:
            raise ValueError(
                "--pairs measures the photos as they are; leave --condition out, or give the truths' folder "
                "without --pairs"
            )
        sources, notes = find_pairs(pairs)
        conditions = [None]
    else:
        sources, notes = find_truths(data), []
        simulated = predictions is None or any((predictions / name).is_dir() for name in CONDITIONS)
        conditions = choose(condition or ["clip_95"]) if simulated or condition else [None]
    return spread(sources, limit) if limit else sources, conditions, notes


def _specs(method, predictions, baselines) -> tuple[list[str], str]:
    """Methods to run, and the one the decomposition is about."""
    from hdrrecon.evaluation.methods import DEFAULT_MODEL, label_of
    from hdrrecon.zoo import list_models

    specs = list(method or ([] if predictions else [DEFAULT_MODEL]))
    if predictions:
        specs.append(f"predictions=files:{predictions}")
    model = label_of(specs[0])
    if baselines:
        specs += ["camera_curve", "oracle_linearisation"]
        if DEFAULT_MODEL in list_models():
            specs.append("oracle_restoration")
    return list(dict.fromkeys(specs)), model


def _run(sources, conditions, specs, out, jobs, report, pictures, **settings):
    import os

    from hdrrecon.evaluation.runner import Settings, run

    pictured = [s.image for s in spread(sources, pictures)] if report else []
    with typer.progressbar(length=len(sources), label="evaluating", file=typer.get_text_stream("stderr")) as bar:

        def progress(done: int, total: int, image: str) -> None:
            bar.length = total
            bar.update(1)

        return run(
            sources,
            conditions,
            specs,
            out,
            jobs=jobs or os.cpu_count() or 1,
            pictured=pictured,
            progress=progress,
            settings=Settings(panels=str(_panels(out)) if report else None, **settings),
        )


def spread(items: list, count: int) -> list:
    """`count` items at even distances, the first included; all of them if there are fewer."""
    return list(items) if len(items) <= count else [items[i * len(items) // count] for i in range(count)]


def _panels(out: Path) -> Path:
    return out.with_name(out.name + ".panels")


def _write_inputs(folder, sources, conditions, max_side, curves) -> None:
    from hdrrecon.evaluation.inputs import write_inputs

    if None in conditions:
        raise ValueError("--write-inputs simulates photos of truths; it makes no sense with --pairs or --predictions")
    count = write_inputs(folder, sources, conditions, max_side=max_side or None, curves=str(curves) if curves else None)
    typer.echo(
        f"{count} photos written to {folder}/CONDITION/IMAGE.png; put predictions into PREDICTIONS/CONDITION/IMAGE.exr "
        "and measure them with -m files:PREDICTIONS"
    )


def _add_hdrvdp3(rows, path) -> int:
    """Put imported numbers into the rows; how many rows have none."""
    if path is None:
        return 0
    from hdrrecon.metrics.hdrvdp3 import read_hdrvdp3

    results = read_hdrvdp3(path)
    for row in rows:
        row["hdrvdp3_jod"] = results.get((row["condition"], row["image"], row["method"]), float("nan"))
    return sum(row["hdrvdp3_jod"] != row["hdrvdp3_jod"] for row in rows)


def _tell_problems(rows, without_hdrvdp3: int) -> bool:
    """Name everything that went wrong on stderr."""
    from hdrrecon.evaluation.statistics import unusable

    broken = unusable(rows)
    for (condition, image), error in broken.items():
        typer.secho(f"unusable, counted for no method: {condition} / {image}: {error}", err=True, fg="red")
    failed = [r for r in rows if r["error"] and (r["condition"], r["image"]) not in broken]
    for row in failed:
        typer.secho(
            f"failed: {row['method']} on {row['condition']} / {row['image']}: {row['error']}",
            err=True,
            fg="red",
        )
    nonfinite = [r for r in rows if not r["error"] and r["nonfinite"] > 0]
    for row in nonfinite:
        typer.secho(
            f"NaN or infinity: {row['method']} on {row['condition']} / {row['image']}: {row['nonfinite']:.0f} values, "
            "scored as black or blinding",
            err=True,
            fg="yellow",
        )
    if without_hdrvdp3:
        typer.secho(
            f"{without_hdrvdp3} of {len(rows)} rows have no HDR-VDP-3 result in the file",
            err=True,
            fg="yellow",
        )
    return bool(broken or failed or nonfinite)
