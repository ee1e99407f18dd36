"""`hdrrecon train guide`, `modulo`, `optics`, `bracket`: the networks of the special cameras (`hdrrecon.sensors`), each
small enough for a laptop."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hdrrecon.cli.training import Run, training

Scenes = Annotated[Path, typer.Option(help="Folder of HDR scenes (.exr, .hdr, .npy; 2:1 files are panoramas).")]
Curves = Annotated[Path, typer.Option(help="Folder with dorf.npz and real_cameras.npz.")]
Validation = Annotated[Path, typer.Option("--val", help="Folder of HDR scenes never trained on.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="The run's folder; a run that was cut off goes on from it.")]
Steps = Annotated[int, typer.Option(help="Batches in all.")]
Size = Annotated[int, typer.Option(help="Side of the training photos in pixels.")]
Shards = Annotated[
    int, typer.Option(help="Files of 40 photos that are reconstructed first; a minute each on one core.")
]
_VIEW_PX = 224  # of the photos that are reconstructed first
_SHOTS = 18  # of the validation


def guide(
    scenes: Scenes,
    curves: Curves,
    val: Validation,
    out: Out = Path("runs/guide"),
    shards: Shards = 15,
    steps: Steps = 1100,
    size: Size = 128,
    seed: int = 0,
) -> None:
    """What a low-resolution HDR guide cannot say (`reconstruct(photo, guide=...)`)."""
    from hdrrecon.networks.sensors.guide_net import GuideNetConfig
    from hdrrecon.train.tasks.guide import GuideTask

    rows, shots = _reconstructed(scenes, curves, val, out, shards, seed)
    _train_on_rows(GuideTask(GuideNetConfig(widths=(24, 32, 48))), rows, shots, out, steps, size, seed)


@training(without=("curves", "workers"), out=Path("runs/modulo"), steps=20_000, batch=2, size=256, rate=1.5e-3)
def modulo(
    run: Run,
    masks: Annotated[bool, typer.Option("--masks", help="The published loop of binary masks, for comparison.")] = False,
) -> None:
    """Where a modulo sensor folded (`sensors.modulo.unwrap`). --start may hold a network of fewer levels."""
    from hdrrecon.train.tasks.modulo import RolloverTask, UnwrapTask

    _train_on_light(RolloverTask() if masks else UnwrapTask(), run)


@training(without=("curves", "workers", "precision"), out=Path("runs/optics"), steps=1500, batch=2, size=128)
def optics(
    run: Run,
    plate: Annotated[str, typer.Option(help="none, star (their decoders alone), rank1 or free.")] = "rank1",
) -> None:
    """A plate before the lens and its decoder, together (`sensors.deep_optics`)."""
    from hdrrecon.sensors.deep_optics import DeepOpticsConfig
    from hdrrecon.train.tasks.optics import OpticsTask

    _train_on_light(OpticsTask(DeepOpticsConfig(plate=plate)), run)  # type: ignore[arg-type]  # checked there


def bracket(
    scenes: Scenes,
    curves: Curves,
    val: Validation,
    out: Out = Path("runs/bracket"),
    shards: Shards = 15,
    steps: Steps = 10_000,
    size: Size = 96,
    seed: int = 0,
) -> None:
    """Other exposures from one photo, trained through the response solve (`sensors.bracket.exposures`)."""
    from hdrrecon.train.tasks.bracket import BracketTask

    rows, shots = _reconstructed(scenes, curves, val, out, shards, seed)
    _train_on_rows(BracketTask(), rows, shots, out, steps, size, seed)


def _train_on_light(task, run: Run) -> None:
    """Train a task whose camera is simulated in its loss, on views of the run's scenes."""
    from hdrrecon.train.data.resident import ResidentScenes
    from hdrrecon.train.data.scenes import load_scenes
    from hdrrecon.train.data.views import LightStreet
    from hdrrecon.train.loop import train
    from hdrrecon.train.tasks.modulo import widened

    assert run.val is not None
    device, given = run.recipe.device, run.first_weights()
    held_out = LightStreet(ResidentScenes(load_scenes(run.val), device), run.recipe.size, 0).batches(1)
    shots = [next(held_out) for _ in range(_SHOTS)]
    stream = partial(LightStreet, ResidentScenes(load_scenes(run.scenes), device))
    recipe, first = replace(run.recipe, warmup=100, ema=0.995), widened(given, task.network()) if given else None
    best = train(task, recipe, stream, shots, run.out, first)
    print(f"best weights: {best}; log: {run.out / 'log.csv'}")


def _recipe(steps: int, size: int, seed: int):
    from hdrrecon.train.loop import Recipe

    return Recipe(
        steps=steps, batch=4, size=size, rate=2e-3, warmup=50, ema=0.99, seed=seed, validate_every=max(1, steps // 4)
    )


def _reconstructed(scenes: Path, curves: Path, val: Path, out: Path, shards: int, seed: int):
    """Training rows and validation batches of reconstructed photos; made first, once."""
    from hdrrecon.pipeline.build import build_pipeline
    from hdrrecon.train.data.curves import CurveSampler, load_measured
    from hdrrecon.train.data.pairs import collate
    from hdrrecon.train.data.reconstructed import load_shards, make_shard, photo_of
    from hdrrecon.train.data.scenes import load_scenes

    sampler, pipeline, views = CurveSampler(load_measured(curves)), build_pipeline("full").eval(), load_scenes(scenes)
    files = [out / "pairs" / f"{i:03d}.npz" for i in range(shards)]
    for i, file in enumerate(files):
        make_shard(file, views, sampler, pipeline, _VIEW_PX, [seed, i])
        print(f"reconstructed {file}", flush=True)
    held_out = out / "pairs" / "held_out.npz"
    make_shard(held_out, load_scenes(val), sampler, pipeline, _VIEW_PX, [seed + 1, 0])
    return load_shards(files), [collate([photo_of(row)]) for row in load_shards([held_out])[:_SHOTS]]


def _train_on_rows(task, rows: list, shots: list, out: Path, steps: int, size: int, seed: int) -> None:
    from hdrrecon.train.data.reconstructed import ReconstructedStream
    from hdrrecon.train.loop import train

    best = train(task, _recipe(steps, size, seed), partial(ReconstructedStream, rows), shots, out)
    print(f"best weights: {best}; log: {out / 'log.csv'}")
