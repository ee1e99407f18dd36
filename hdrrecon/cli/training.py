"""What all training commands share: their options, the recipe made of them, and errors in one sentence.

A command names only what is its own. `training` puts the shared options in front of its own ones and hands it a `Run`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from hdrrecon.cli.errors import usage_errors

if TYPE_CHECKING:
    from hdrrecon.train.loop import Recipe
    from hdrrecon.train.tasks.restore import RestoreTask

RESPONSES = 3000  # curves that photos made on the device are drawn from (train.data.resident)

Scenes = Annotated[
    Path, typer.Option("--scenes", help="Folder of HDR scenes (.exr, .hdr, .npy; 2:1 files are panoramas).")
]
Curves = Annotated[Path, typer.Option("--curves", help="Folder with dorf.npz and real_cameras.npz.")]
Validation = Annotated[Path, typer.Option("--val", help="Folder of HDR scenes never trained on.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="The run's folder; a run that was cut off goes on from it.")]
Steps = Annotated[int, typer.Option("--steps", help="Batches in all; the learning rate falls to nothing over them.")]
Batch = Annotated[int, typer.Option("--batch", help="Photos per batch.")]
Rate = Annotated[float, typer.Option("--rate", help="Peak learning rate.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda ...")]
Precision = Annotated[str, typer.Option("--precision", help="bfloat16 (fast on AVX512-BF16, AMX and CUDA) or float32.")]
Workers = Annotated[int, typer.Option("--workers", help="Processes that make training pairs; 0: made in between.")]
Start = Annotated[
    Path | None,
    typer.Option("--start", help="Weights to begin with, for example weights/masked-features.safetensors."),
]
Seed = Annotated[int, typer.Option("--seed", help="Of the training pairs and the first weights.")]
Size = Annotated[int, typer.Option("--size", help="Side of the training photos in pixels.")]
Minutes = Annotated[
    float, typer.Option("--minutes", help="End after so many minutes, whatever --steps says; 0: by steps alone.")
]
ValidateEvery = Annotated[
    float, typer.Option("--validate-every-s", help="Seconds between validations; 0: after every 500 batches.")
]


@dataclass(frozen=True)
class Run:
    """What the shared options of a training command say."""

    scenes: Path
    curves: Path | None
    val: Path | None
    out: Path
    start: Path | None
    recipe: Recipe

    def first_weights(self) -> dict[str, Any] | None:
        """The state dict of `--start`."""
        from safetensors.torch import load_file

        return load_file(self.start) if self.start else None


def _shared(
    scenes: Scenes,
    curves: Curves,
    val: Validation,
    out: Out,
    steps: Steps,
    batch: Batch = 8,
    rate: Rate = 1e-3,
    device: Device = "auto",
    precision: Precision = "bfloat16",
    workers: Workers = 0,
    start: Start = None,
    seed: Seed = 0,
    size: Size = 256,
    minutes: Minutes = 0,
    validate_every_s: ValidateEvery = 0,
) -> Run:
    from hdrrecon.pipeline.build import pick_device
    from hdrrecon.train.loop import Recipe

    recipe = Recipe(
        steps=steps,
        batch=batch,
        size=size,
        rate=rate,
        seed=seed,
        precision=precision,  # type: ignore[arg-type]  # checked there
        device=str(pick_device(device)),
        workers=workers,
        minutes=minutes,
        validate_every_s=validate_every_s,
    )
    return Run(scenes, curves, val, out, start, recipe)


def training(without: tuple[str, ...] = (), **defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the command gets a `Run` first, made of the shared options; mistakes become one sentence, exit code
    1.

    Args:
        without: shared options that the command does not have.
        defaults: of shared options, where they differ from those of `_shared`.
    """
    hints = get_type_hints(_shared, include_extras=True)
    shared = [
        parameter.replace(
            annotation=hints[name],
            default=defaults.get(name, parameter.default),
            kind=inspect.Parameter.KEYWORD_ONLY,
        )
        for name, parameter in inspect.signature(_shared).parameters.items()
        if name not in without
    ]
    nothing = dict.fromkeys(set(without) & {"curves", "val"})

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own_hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=own_hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in list(inspect.signature(command).parameters.items())[1:]
        ]
        names = {parameter.name for parameter in shared}

        @wraps(command)
        def wrapped(**given: Any) -> None:
            with usage_errors(code=1):
                run = _shared(**{k: v for k, v in given.items() if k in names}, **nothing)  # type: ignore[arg-type]
                command(run, **{k: v for k, v in given.items() if k not in names})

        wrapped.__signature__ = inspect.Signature([*shared, *own])  # type: ignore[attr-defined]
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in [*shared, *own]}
        del wrapped.__wrapped__  # typer would look through it, at the command's own parameters
        return wrapped

    return decorate


def errors_as_sentences(command: Callable[..., None]) -> Callable[..., None]:
    """A decorator for training commands with options of their own: mistakes become one sentence, exit code 1."""

    @wraps(command)
    def wrapped(*given: Any, **named: Any) -> None:
        with usage_errors(code=1):
            command(*given, **named)

    return wrapped


def train_stage(
    task: Any,
    run: Run,
    first: dict[str, Any] | None,
    worth: Callable | None = None,
    *,
    counted: bool = False,
    resident: RestoreTask | None = None,
) -> None:
    """Train a task on whole-camera simulation of the run's scenes.

    Args:
        first: state dict to begin with.
        worth: probability of keeping a sample (`train.data.texture_selection`).
        counted: workers also count what stage 1 reads.
        resident: the task whose photos are made in batches on the device that trains, itself or one within `task`;
            None makes them one by one.
    """
    from hdrrecon.train.data.curves import CurveSampler, load_measured
    from hdrrecon.train.data.pairs import ShotStream
    from hdrrecon.train.data.scenes import load_scenes
    from hdrrecon.train.data.validation import validation_shots
    from hdrrecon.train.loop import train

    assert run.curves is not None and run.val is not None
    scenes, sampler = load_scenes(run.scenes), CurveSampler(load_measured(run.curves))
    shots = validation_shots(load_scenes(run.val), sampler)
    if resident is not None:
        stream = resident_stream(resident, scenes, sampler, run)
    else:
        # Where workers make the photos they count them too; without workers the task counts, and only what it uses.
        stream = partial(ShotStream, scenes, sampler, worth=worth, counted=counted and run.recipe.workers > 0)
    best = train(task, run.recipe, stream, shots, run.out, first)
    print(f"best weights: {best}; log: {run.out / 'log.csv'}")


def resident_stream(task: RestoreTask, scenes: list, sampler: Any, run: Run) -> Callable:
    """`Street`s of a size and a seed, and the task told what its stage 1 gets wrong."""
    from hdrrecon.train.data.resident import ResidentResponses, ResidentScenes, Street, StreetConfig
    from hdrrecon.train.data.response_errors import ResponseErrors, errors_of

    device, views = run.recipe.device, ResidentScenes(scenes, run.recipe.device)
    if task.linearizer is not None:
        kept = run.out / "response_errors.safetensors"
        if not kept.exists():
            run.out.mkdir(parents=True, exist_ok=True)
            errors_of(task.linearizer, views, sampler, run.recipe.seed).save(kept)
        task.errors = ResponseErrors.load(kept).to(device)

    def stream(size: int, seed: int) -> Street:
        return Street(views, ResidentResponses(sampler, RESPONSES, seed, device), StreetConfig(size=size), seed)

    return stream
