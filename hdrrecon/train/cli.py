"""`hdrrecon train`: fit the response basis, train a stage."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(no_args_is_help=True, help="Train the stages on a folder of HDR files.")

Scenes = Annotated[Path, typer.Option(help="Folder of HDR scenes (.exr, .hdr, .npy; 2:1 files are panoramas).")]
Curves = Annotated[Path, typer.Option(help="Folder with dorf.npz and real_cameras.npz.")]
Validation = Annotated[Path, typer.Option("--val", help="Folder of HDR scenes never trained on.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="The run's folder; a run that was cut off goes on from it.")]
Steps = Annotated[int, typer.Option(help="Batches in all; the learning rate falls to nothing over them.")]
Batch = Annotated[int, typer.Option(help="Photos per batch.")]
Rate = Annotated[float, typer.Option(help="Peak learning rate.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda ...")]
Precision = Annotated[str, typer.Option(help="bf16 (fast on AVX512-BF16, AMX and CUDA) or fp32.")]
Workers = Annotated[int, typer.Option(help="Processes that make training pairs; 0 makes them in between.")]
Start = Annotated[Optional[Path], typer.Option(help="Weights to begin with, for example weights/highlight-unet.safetensors.")]
Seed = Annotated[int, typer.Option(help="Of the training pairs and the first weights.")]


@app.command()
def response(scenes: Scenes, curves: Curves, val: Validation, out: Out = Path("runs/response"),
             photos: Annotated[Optional[Path], typer.Option(help="Folder of ordinary photos (.jpg, .png), to know real ones by.")] = None,
             chunks: Annotated[int, typer.Option(help="Chunks of 2500 simulated photos; two minutes each on one core.")] = 12,
             steps: Annotated[int, typer.Option(help="Batches of the fit.")] = 1200, seed: Seed = 0):
    """Stage 1, the default: the inverse camera response from statistics of a photo."""
    from hdrrecon.train.curves import CurveSampler, load_measured
    from hdrrecon.train.fit_response import FitRecipe, count_chunk, count_photos, count_shots, fit, load_chunks
    from hdrrecon.train.scenes import load_scenes
    from hdrrecon.train.validation import validation_shots

    sampler, views = CurveSampler(load_measured(curves)), load_scenes(scenes)
    files = [out / "counts" / f"{i:03d}.npz" for i in range(chunks)]
    for i, file in enumerate(files):
        count_chunk(views, sampler, seed * 1000 + i, file)
        print(f"counted {file}", flush=True)
    real = None
    if photos:
        count_photos(photos, seed, out / "counts" / "photos.npz")
        real = load_chunks([out / "counts" / "photos.npz"])
    shots = count_shots(validation_shots(load_scenes(val), sampler, 180))
    weights = fit(load_chunks(files), real, shots, out, recipe=FitRecipe(steps=steps, seed=seed))
    print(f"weights: {weights}; log: {out / 'log.csv'}")


@app.command()
def linearize(scenes: Scenes, curves: Curves, val: Validation, out: Out = Path("runs/linearize"), steps: Steps = 8000,
              batch: Batch = 8, rate: Rate = 1e-3, device: Device = "auto", precision: Precision = "bf16",
              workers: Workers = 0, start: Start = None, seed: Seed = 0):
    """Linearization-Net of Liu et al.: the published way to the response, for comparison."""
    from hdrrecon.train.tasks import LinearizeTask

    _train(LinearizeTask(), scenes, curves, val, out, start, _recipe(steps, batch, rate, device, precision, workers, seed))


@app.command("crf-net")
def crf_net(scenes: Scenes, curves: Curves, val: Validation, out: Out = Path("runs/crf"),
            classify_steps: Annotated[int, typer.Option(help="Batches of the first phase: which training curve was it?")] = 900,
            steps: Annotated[int, typer.Option(help="Batches of the second phase: the curve's weights.")] = 2400,
            batch: Batch = 8, rate: Rate = 1e-3, device: Device = "auto", precision: Precision = "bf16",
            workers: Workers = 0, seed: Seed = 0):
    """CRF-net of Li & Peers: the published way through patches, for comparison."""
    from safetensors.torch import load_file

    from hdrrecon.train.crf_task import ClassCurves, ClassifyCurveTask, RegressCurveTask, regression_start
    from hdrrecon.train.curves import CurveSampler, load_measured
    from hdrrecon.train.loop import train
    from hdrrecon.train.scenes import load_scenes
    from hdrrecon.train.validation import validation_shots

    views, held_out, measured = load_scenes(scenes), load_scenes(val), load_measured(curves)
    classes, sampler = ClassCurves(measured), CurveSampler(measured)
    recipe = lambda count, run: _recipe(count, batch, rate, device, precision, workers, run)
    classified = train(ClassifyCurveTask(classes.table), recipe(classify_steps, seed), views, classes,
                       validation_shots(held_out, classes), out / "classify")
    best = train(RegressCurveTask(), recipe(steps, seed + 1), views, sampler, validation_shots(held_out, sampler),
                 out / "regress", regression_start(load_file(classified)))
    print(f"best weights: {best}")


@app.command()
def restore(scenes: Scenes, curves: Curves, val: Validation, out: Out = Path("runs/restore"), steps: Steps = 8000,
            batch: Batch = 8, rate: Rate = 1e-3, device: Device = "auto", precision: Precision = "bf16",
            workers: Workers = 0, start: Start = None, seed: Seed = 0,
            linearizer: Annotated[Optional[Path], typer.Option(help="Stage-1 weights whose mistakes stage 2 should learn to live with.")] = None):
    """Stage 2: the light of clipped regions."""
    from hdrrecon import zoo
    from hdrrecon.train.tasks import RestoreTask

    task = RestoreTask(linearizer=zoo.load_file(linearizer) if linearizer else None)
    _train(task, scenes, curves, val, out, start, _recipe(steps, batch, rate, device, precision, workers, seed))


@app.command()
def basis(curves: Curves, out: Annotated[Path, typer.Option("-o", "--out")] = Path("weights/response_basis.safetensors")):
    """Fit the bases of response curves that everything else builds on (seconds)."""
    import numpy as np
    from safetensors.numpy import save_file

    from hdrrecon.io.atomic import atomic_write
    from hdrrecon.train.curves import fit_response_basis, load_measured

    arrays = fit_response_basis(load_measured(curves), np.random.default_rng(0))
    with atomic_write(out) as temporary:
        save_file(arrays, temporary)
    print(f"wrote {out}: " + ", ".join(f"{k} {v.shape}" for k, v in arrays.items()))


def _recipe(steps, batch, rate, device, precision, workers, seed):
    from hdrrecon.api import pick_device
    from hdrrecon.train.loop import Recipe

    return Recipe(steps=steps, batch=batch, rate=rate, device=str(pick_device(device)), precision=precision, workers=workers, seed=seed)


def _train(task, scenes, curves, val, out, start, recipe):
    from safetensors.torch import load_file

    from hdrrecon.train.curves import CurveSampler, load_measured
    from hdrrecon.train.loop import train
    from hdrrecon.train.scenes import load_scenes
    from hdrrecon.train.validation import validation_shots

    sampler = CurveSampler(load_measured(curves))
    shots = validation_shots(load_scenes(val), sampler)
    best = train(task, recipe, load_scenes(scenes), sampler, shots, out, load_file(start) if start else None)
    print(f"best weights: {best}; log: {out / 'log.csv'}")


if __name__ == "__main__":
    app()
