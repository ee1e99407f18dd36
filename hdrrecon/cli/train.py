"""`hdrrecon train STAGE`: fit the response basis, train a stage. Heavy imports wait until a command runs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hdrrecon.cli import train_sensors
from hdrrecon.cli.training import (
    Curves,
    Out,
    Run,
    Scenes,
    Seed,
    Validation,
    errors_as_sentences,
    resident_stream,
    train_stage,
    training,
)

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Train the stages on a folder of HDR files.")


@app.command()
@errors_as_sentences
def response(
    scenes: Scenes,
    curves: Curves,
    val: Validation,
    out: Out = Path("runs/response"),
    photos: Annotated[
        Path | None, typer.Option(help="Folder of ordinary photos (.jpg, .png), to know real ones by.")
    ] = None,
    chunks: Annotated[int, typer.Option(help="Chunks of 1000 simulated photos; about a minute each on one core.")] = 44,
    steps: Annotated[int, typer.Option(help="Batches of the fit.")] = 4500,
    seed: Seed = 0,
):
    """Stage 1, the default: the inverse camera response from statistics of a photo."""
    from hdrrecon.train.data.curves import CurveSampler, WideCurves, load_measured
    from hdrrecon.train.data.photos import load_photos
    from hdrrecon.train.data.response_statistics import count_chunk, count_odd, count_photos, count_shots, load_chunks
    from hdrrecon.train.data.scenes import load_scenes
    from hdrrecon.train.data.validation import validation_shots
    from hdrrecon.train.tasks.response import FitRecipe, fit

    measured, every = load_measured(curves), load_scenes(scenes)
    # How far the answers are off is learnt from scenes that they were not.
    views, apart = [s for i, s in enumerate(every) if i % 8 != 7] or every, every[7::8] or every
    ordinary, sampler = load_photos(photos) if photos else [], WideCurves(measured)
    files = [out / "counts" / f"{i:03d}.npz" for i in range(chunks)]
    for i, file in enumerate(files):
        count_chunk(views, ordinary, sampler, seed * 1000 + i, file)
        print(f"counted {file}", flush=True)
    files.append(out / "counts" / "odd.npz")
    count_odd(sampler, seed, files[-1])
    real = None
    if ordinary:
        count_photos(ordinary, seed, out / "counts" / "photos.npz")
        real = load_chunks([out / "counts" / "photos.npz"])
    count_chunk(apart, ordinary, CurveSampler(measured), seed * 1000 + 900, out / "counts" / "apart.npz")
    shots = count_shots(validation_shots(load_scenes(val), CurveSampler(measured), 180))
    held_out = load_chunks([out / "counts" / "apart.npz"])
    weights = fit(load_chunks(files), real, shots, out, recipe=FitRecipe(steps=steps, seed=seed), held_out=held_out)
    print(f"weights: {weights}; log: {out / 'log.csv'}")


@app.command()
@training(out=Path("runs/linearize"), steps=8000)
def linearize(run: Run):
    """Linearization-Net of Liu et al.: the published way to the response, for comparison."""
    from hdrrecon.train.tasks.linearize import LinearizeTask

    train_stage(LinearizeTask(), run, run.first_weights())


@app.command("light-budget")
@errors_as_sentences
def light_budget(
    scenes: Scenes,
    curves: Curves,
    out: Out = Path("runs/light-budget"),
    photos: Annotated[int, typer.Option(help="Of each panorama; a few seconds each.", min=2)] = 6,
    steps: Annotated[int, typer.Option(help="Batches of each fit.")] = 400,
    seed: Seed = 0,
    held_out: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of panoramas whose figures are printed too; nothing is fitted to them."),
    ] = None,
):
    """The missing light of panoramas: is there a sun, and how strong. Folder `scenes` holds HDR panoramas of 1024 x
    512."""
    from hdrrecon.train.data.panoramas import make_cases
    from hdrrecon.train.tasks.light_budget import BudgetRecipe, fit, load_cases

    recipe = BudgetRecipe(steps=steps, seed=seed)
    train = load_cases(make_cases(scenes, curves, out / "cases", photos, seed), sky_only=recipe.sky_only)
    others = [
        file for folder in held_out or [] for file in make_cases(folder, curves, out / "held_out", 2, seed, split="val")
    ]
    weights = fit(train, out, recipe, load_cases(others, train.names) if others else None)
    print(f"weights: {weights}; figures: {out / 'figures.txt'}")


@app.command("crf-net")
@training(without=("start",), out=Path("runs/crf"), steps=2400)
def crf_net(
    run: Run,
    classify_steps: Annotated[int, typer.Option(help="Batches of the first phase: which training curve was it?")] = 900,
):
    """CRF-net of Li & Peers: the published way through patches, for comparison."""
    from safetensors.torch import load_file

    from hdrrecon.train.data.curves import CurveSampler, load_measured
    from hdrrecon.train.data.pairs import ShotStream
    from hdrrecon.train.data.scenes import load_scenes
    from hdrrecon.train.data.validation import validation_shots
    from hdrrecon.train.loop import train
    from hdrrecon.train.tasks.crf_net import ClassCurves, ClassifyCurveTask, RegressCurveTask, regression_start

    views, held_out, measured = load_scenes(run.scenes), load_scenes(run.val), load_measured(run.curves)
    classes, sampler = ClassCurves(measured), CurveSampler(measured)
    classified = train(
        ClassifyCurveTask(classes.table),
        replace(run.recipe, steps=classify_steps),
        partial(ShotStream, views, classes),
        validation_shots(held_out, classes),
        run.out / "classify",
    )
    best = train(
        RegressCurveTask(),
        replace(run.recipe, seed=run.recipe.seed + 1),
        partial(ShotStream, views, sampler),
        validation_shots(held_out, sampler),
        run.out / "regress",
        regression_start(load_file(classified)),
    )
    print(f"best weights: {best}")


Small = Annotated[
    bool, typer.Option("--small", help="The network of the model `fast`: a sixth of the size, the same classifier.")
]
Plain = Annotated[bool, typer.Option("--plain", help="Masks off: ordinary convolutions, for comparison.")]
Fixed = Annotated[
    bool, typer.Option("--fixed-masks", help="Mask update off: masks at the first layer alone, for comparison.")
]
Looks = Annotated[
    bool, typer.Option("--perceptual/--no-perceptual", help="The perceptual and style terms (extra `train`).")
]


WorkingSize = Annotated[
    int, typer.Option(help="Longest side, in pixels, at which the network sees a photo; 0: its own.", min=0)
]
Resident = Annotated[
    bool, typer.Option("--resident", help="Make the photos in batches on the device that trains (train.data.resident).")
]


@app.command()
@training(without=("curves", "val", "start"), out=Path("runs/inpaint"), steps=900, rate=1.5e-3, size=192)
def inpaint(
    run: Run,
    photos: Annotated[Path, typer.Option(help="Folder of ordinary photos (.jpg, .png).")],
    small: Small = False,
    plain: Plain = False,
    fixed_masks: Fixed = False,
    perceptual: Looks = True,
):
    """Stage 2, first step: painting holes in ordinary photos. Every tenth photo is kept for validation."""
    from hdrrecon.train.data.holes import InpaintingLoss, InpaintingWeights, PhotoStream
    from hdrrecon.train.data.photos import load_photos
    from hdrrecon.train.data.scenes import load_scenes
    from hdrrecon.train.loop import train
    from hdrrecon.train.tasks.inpaint import InpaintTask, held_out_photos, painting_start

    weights = InpaintingWeights() if perceptual else InpaintingWeights(perceptual=0, style=0)
    task = InpaintTask(InpaintingLoss(weights=weights), _masked_config(small, plain, fixed_masks))
    images, views = load_photos(photos), load_scenes(run.scenes)
    taught = [image for i, image in enumerate(images) if i % 10]

    def stream(side, number):
        return PhotoStream(taught, side, number, views)

    best = train(task, run.recipe, stream, held_out_photos(images[::10]), run.out, painting_start(task))
    print(f"best weights: {best}")


@app.command()
@training(out=Path("runs/restore"), steps=4000, size=224)
def restore(
    run: Run,
    small: Small = False,
    plain: Plain = False,
    fixed_masks: Fixed = False,
    linearizer: Annotated[
        Path | None, typer.Option(help="Stage-1 weights whose mistakes stage 2 should learn to live with.")
    ] = None,
    resident: Resident = False,
    working_px: WorkingSize = 0,
):
    """Stage 2, second step: the light of clipped regions. --start takes the weights of `train inpaint`, or its own."""
    from hdrrecon import zoo
    from hdrrecon.train.data.texture_selection import worth
    from hdrrecon.train.tasks.inpaint import painting_start, restoring_start
    from hdrrecon.train.tasks.restore import RestoreTask, seeing

    task = RestoreTask(
        _masked_config(small, plain, fixed_masks),
        zoo.load_file(linearizer) if linearizer else None,
    )
    if working_px:
        task = seeing(task, working_px)
    given = run.first_weights()
    first = restoring_start(given, task) if given else painting_start(task)
    train_stage(task, run, first, worth, counted=linearizer is not None, resident=task if resident else None)


@app.command()
@training(
    without=("val", "precision", "workers", "minutes", "validate_every_s"),
    out=Path("runs/head"),
    steps=900,
    batch=24,
    rate=3e-3,
    size=224,
)
def head(
    run: Run,
    linearizer: Annotated[
        Path | None, typer.Option(help="Stage-1 weights whose mistakes stage 2 should learn to live with.")
    ] = None,
    photos: Annotated[int, typer.Option(help="Photos that are looked at, once.")] = 1200,
    pixels: Annotated[int, typer.Option(help="Lost pixels that are kept of each.")] = 2048,
    width: Annotated[int, typer.Option(help="Of the head's hidden layers; no less than they are.")] = 48,
    keep: Annotated[float, typer.Option(help="How strongly the luminance stays what it is; 0: not at all.")] = 1.0,
):
    """Stage 2, the per-pixel head of --start alone: minutes on one core."""
    from hdrrecon import zoo
    from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig
    from hdrrecon.train.data.curves import CurveSampler, load_measured
    from hdrrecon.train.data.scenes import load_scenes
    from hdrrecon.train.head import lost_pixels, train_head
    from hdrrecon.train.tasks.restore import RestoreTask, widened

    if run.start is None or run.curves is None:
        raise ValueError("a head is trained on weights of stage 2: give them with --start")
    old = zoo.load_file(run.start)
    hints = MaskedFeaturesConfig().colour_hints
    net = MaskedFeatures(replace(old.config, head=max(width, old.config.head), colour_hints=hints))
    net.load_state_dict(widened(old.state_dict(), net))
    task = RestoreTask(net.config, zoo.load_file(linearizer) if linearizer else None)
    recipe = replace(run.recipe, warmup=50, ema=0.995, validate_every=100)
    net = net.to(recipe.device).eval()
    street = resident_stream(task, load_scenes(run.scenes), CurveSampler(load_measured(run.curves)), run)
    seen = lost_pixels(net, task, street(recipe.size, recipe.seed).batches(8), photos, pixels)
    print(f"best weights: {train_head(net, task, seen, recipe, run.out, keep)}; log: {run.out / 'log.csv'}")


def _masked_config(small: bool, plain: bool, fixed_masks: bool):
    from hdrrecon.networks.restore.masked_features import SMALL, MaskedFeaturesConfig

    return replace(SMALL if small else MaskedFeaturesConfig(), masked=not plain, update=not fixed_masks)


Guidance = Annotated[str, typer.Option(help="sft (soft masks modulate features), masked-features or none.")]
Kernel = Annotated[int, typer.Option(help="Side of the spatial kernels: 3, 5 or 7.")]
Levels = Annotated[int, typer.Option(help="Levels that are filtered: 1, 2 or 3.")]
Kernels = Annotated[str, typer.Option(help="decoupled, or coupled: full kernels between the channels, on one level.")]
Mixing = Annotated[str, typer.Option(help="A channel matrix per pixel or per image.")]
Knee = Annotated[
    float,
    typer.Option(help="Light below which kernels work on a linear scale, above on a logarithmic one; 1 = clip level."),
]
Linearizer = Annotated[Path | None, typer.Option(help="Weights of stage 1.")]


@app.command()
@training(out=Path("runs/dkpn"), steps=8000)
def dkpn(
    run: Run,
    linearizer: Linearizer = None,
    guidance: Guidance = "sft",
    kernel: Kernel = 5,
    levels: Levels = 3,
    kernels: Kernels = "decoupled",
    mixing: Mixing = "pixel",
    knee: Knee = 0.1,
    resident: Resident = False,
):
    """DKPN standing alone: kernel prediction on a preliminary result of its own."""
    from hdrrecon import zoo
    from hdrrecon.networks.refine.kernel_prediction import DKPNConfig
    from hdrrecon.train.tasks.refine import RefineTask

    config = DKPNConfig(
        guidance=guidance, kernel=kernel, levels=levels, kernels=kernels, mixing=mixing, knee=knee, alone=True
    )
    task = RefineTask(config, zoo.load_file(linearizer) if linearizer else None)
    street = task.stages_before if resident else None
    train_stage(task, run, run.first_weights(), counted=linearizer is not None, resident=street)


@app.command()
@training(out=Path("runs/refine"), steps=6000)
def refine(
    run: Run,
    linearizer: Annotated[Path, typer.Option(help="Weights of stage 1, which stays as it is.")],
    restorer: Annotated[Path, typer.Option(help="Weights of stage 2, which stays as it is.")],
    guidance: Guidance = "sft",
    kernel: Kernel = 5,
    levels: Levels = 3,
    kernels: Kernels = "decoupled",
    mixing: Mixing = "pixel",
    knee: Knee = 0.1,
    resident: Resident = False,
    working_px: WorkingSize = 0,
):
    """Stage 3: DKPN on what stages 1 and 2 made."""
    from hdrrecon import zoo
    from hdrrecon.networks.refine.kernel_prediction import DKPNConfig
    from hdrrecon.train.tasks.refine import RefineTask
    from hdrrecon.train.tasks.restore import seeing

    config = DKPNConfig(guidance=guidance, kernel=kernel, levels=levels, kernels=kernels, mixing=mixing, knee=knee)
    task = RefineTask(config, zoo.load_file(linearizer), zoo.load_file(restorer))
    if working_px:
        task = seeing(task, working_px)
    train_stage(task, run, run.first_weights(), counted=True, resident=task.stages_before if resident else None)


@app.command()
@training(without=("start",), out=Path("runs/joint"), steps=2000, rate=1e-4)
def joint(
    run: Run,
    linearizer: Annotated[Path, typer.Option(help="Weights of stage 1 to begin with.")],
    restorer: Annotated[Path, typer.Option(help="Weights of stage 2 to begin with.")],
    refiner: Annotated[Path, typer.Option(help="Weights of stage 3 to begin with.")],
    keep_linearizer: Annotated[
        bool, typer.Option("--keep-linearizer", help="Stage 1 stays as it is; 2 and 3 learn to live with its mistakes.")
    ] = False,
    resident: Resident = False,
):
    """All three stages end to end, each with its own loss kept; OUT/stages gets a weights file of each."""
    from hdrrecon import zoo
    from hdrrecon.train.data.texture_selection import worth
    from hdrrecon.train.tasks.joint import JointTask, split_stages
    from hdrrecon.train.tasks.restore import RestoreTask

    if resident and not keep_linearizer:
        raise ValueError("--resident does not count the pixels that stage 1 learns from: give --keep-linearizer, too")
    stages = [zoo.load_file(path) for path in (linearizer, restorer, refiner)]
    task = JointTask(*stages, RestoreTask(linearizer=stages[0] if keep_linearizer else None))
    train_stage(task, run, None, worth, counted=True, resident=task.restoring if resident else None)
    print("stages: " + ", ".join(map(str, split_stages(run.out / "best.safetensors", run.out / "stages"))))


@app.command()
@errors_as_sentences
def rawcodec(
    scenes: Scenes,
    curves: Curves,
    out: Out = Path("runs/rawcodec"),
    exposures: Annotated[int, typer.Option(help="Simulated pairs of raw and JPEG to make first.")] = 320,
    minutes: Annotated[float, typer.Option(help="For the entropy model; half as many more for the synthesis.")] = 60,
    width: Annotated[int, typer.Option(help="Channels of the synthesis network; 0 leaves it out.")] = 16,
    blocks: Annotated[int, typer.Option(help="Residual blocks of the synthesis network.")] = 2,
    learn_transform: Annotated[bool, typer.Option("--learn-transform", help="Train the block transform, too.")] = False,
    seed: Seed = 0,
):
    """The raw codec: what `hdrrecon raw` writes beside a JPEG."""
    from hdrrecon.networks.rawcodec.synthesis import SynthesisConfig
    from hdrrecon.train.data.curves import CurveSampler, load_measured
    from hdrrecon.train.data.scenes import load_scenes
    from hdrrecon.train.rawcodec.entropy import EntropyRecipe
    from hdrrecon.train.rawcodec.synthesis import SynthesisRecipe
    from hdrrecon.train.tasks.rawcodec import train_rawcodec

    entropy = EntropyRecipe(minutes=minutes, transform_rate=2e-4 if learn_transform else 0.0, seed=seed)
    synthesis = (
        SynthesisRecipe(minutes=minutes / 2, config=SynthesisConfig(width, blocks), seed=seed) if width else None
    )
    sampler = CurveSampler(load_measured(curves))
    print(train_rawcodec(load_scenes(scenes), sampler, out, exposures, entropy, synthesis, seed))


@app.command()
@errors_as_sentences
def basis(
    curves: Curves, out: Annotated[Path, typer.Option("-o", "--out")] = Path("weights/response_basis.safetensors")
):
    """Fit the bases of response curves that everything else builds on (seconds)."""
    import numpy as np
    from safetensors.numpy import save_file

    from hdrrecon.io.atomic import atomic_write
    from hdrrecon.train.data.curves import fit_response_basis, load_measured

    arrays = fit_response_basis(load_measured(curves), np.random.default_rng(0))
    with atomic_write(out) as temporary:
        save_file(arrays, temporary)
    print(f"wrote {out}: " + ", ".join(f"{k} {v.shape}" for k, v in arrays.items()))


app.command()(errors_as_sentences(train_sensors.guide))
app.command()(train_sensors.modulo)
app.command()(errors_as_sentences(train_sensors.bracket))
app.command()(train_sensors.optics)
