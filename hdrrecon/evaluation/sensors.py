"""What special cameras buy over `reconstruct()`, as tables: `python -m hdrrecon.evaluation.sensors guide --data DIR`.

Every camera looks at the same views; the ordinary photo beside it is the evaluation protocol's ("hdrrecon-eval v1,
clip_95")
for guides and brackets, and a linear sensor with the same full well for the modulo sensor and the optics.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hdrrecon.evaluation.markdown import markdown_table
from hdrrecon.io.photo import SCENE_SUFFIXES

if TYPE_CHECKING:
    from hdrrecon.pipeline.prepared import PreparedPhoto

Rows = dict[str, dict[str, float]]
"""Name of a row -> name of a column -> mean over views."""


def views(folder: Path, limit: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """Name and light (H, W, 3) of the HDR files of a folder; `limit` of them, spread evenly; 0 = all."""
    from hdrrecon import io

    files = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in SCENE_SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no .exr, .hdr or .npy files in {folder}; give a folder of HDR views")
    count = min(limit or len(files), len(files))
    for i in range(count):
        path = files[i * len(files) // count]
        yield path.stem, np.clip(np.nan_to_num(io.read(path)[..., :3]), 0, 65504).astype(np.float32)


class Means:
    """Figures of many views, by row and column; NaN is left out."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, row: str, **figures: float) -> None:
        for name, value in figures.items():
            if value == value:
                self.values[row][name].append(float(value))

    def rows(self) -> Rows:
        return {row: {name: float(np.mean(v)) for name, v in figures.items()} for row, figures in self.values.items()}


def markdown(rows: Rows, digits: int = 2) -> str:
    """A table, one line per row."""
    columns = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    cells = (
        [row, *(f"{figures[c]:.{digits}f}" if c in figures else "" for c in columns)] for row, figures in rows.items()
    )
    return markdown_table(["", *columns], cells)


def highlight_figures(light: np.ndarray, truth: np.ndarray, photo: np.ndarray) -> dict[str, float]:
    """Error of clipped pixels in stops, |error of their light energy| in stops, and PU21-PSNR; aligned as
    `metrics.score`."""
    from hdrrecon.metrics import highlights
    from hdrrecon.metrics.pu21 import display_nits, pu21_psnr
    from hdrrecon.metrics.scores import aligned

    shown, _, _ = aligned(light, truth, photo)
    stops, clipped = highlights.stops_map(shown, truth), truth.max(2) >= 1
    return {
        "clipped, stops": highlights.log_rmse(stops, clipped),
        "energy, stops": abs(highlights.light_energy(shown, truth, clipped)),
        "PU21-PSNR, dB": pu21_psnr(display_nits(shown), display_nits(truth)),
    }


def guide_table(folder: Path, limit: int = 0) -> Rows:
    """Guides of a quarter of the size, of several cameras, and the wrong ones."""
    from hdrrecon.api import Reconstructor
    from hdrrecon.evaluation.conditions import CONDITIONS, take_photo
    from hdrrecon.pipeline.inputs import ingest
    from hdrrecon.sensors.guide_cameras import EventCamera, SmallCamera, SpikeCamera, take_guide
    from hdrrecon.sensors.guide_fit import moved_by

    reconstructor, means, before = Reconstructor(), Means(), None
    for number, (name, scene) in enumerate(views(folder, limit)):
        case = take_photo(CONDITIONS["clip_95"], scene, name)
        truth, random = nchw(case.truth), torch.Generator().manual_seed(number)
        moved = moved_by(truth, torch.tensor([1.6, -1.1]))
        guides = {
            "no guide": None,
            "area means, exact": take_guide(truth, SmallCamera(darker_stops=16, read_noise=0, shot_noise=0), random),
            "dark second frame": take_guide(truth, SmallCamera(), random),
            "the same, 1.6 and 1.1 pixels off": take_guide(moved, SmallCamera(), random),
            "the same, of 30 times the brightness": 30 * take_guide(truth, SmallCamera(), random),
            "clipped two stops above the photo": take_guide(truth, SmallCamera(darker_stops=2), random),
            "spikes": take_guide(truth, SpikeCamera(), random),
            "events": take_guide(truth, EventCamera(), random),
            "of another scene": before,
        }
        before = take_guide(truth, SmallCamera(), random)
        photo = reconstructor.prepare(ingest(case.photo))[0]
        for label, guide in guides.items():
            if guide is None and label != "no guide":
                continue
            for kind, learned in (("classical", False), ("learned", True)):
                light = guided_light(photo, guide, learned)
                figures = highlight_figures(light, case.truth, case.photo)
                means.add(label, **(figures if guide is None else {f"{k}, {kind}": v for k, v in figures.items()}))
    return means.rows()


def modulo_table(folder: Path, limit: int = 0, masks: Path | None = None) -> Rows:
    """Right folds and PSNR of unwrapping, at shares of the pixels that fold; `reconstruct()` on the same exposure
    clipped. `masks`: weights of `hdrrecon train modulo --masks`, for a row of the published loop."""
    from hdrrecon import zoo
    from hdrrecon.api import Reconstructor
    from hdrrecon.camera.response import ResponseCurve
    from hdrrecon.metrics import highlights
    from hdrrecon.sensors.modulo import FOLDS, folds_of, photograph, rolled_over_by
    from hdrrecon.sensors.unwrapping import poisson
    from hdrrecon.train.tasks.modulo import exposed

    reconstructor, means = Reconstructor(), Means()
    loop = None if masks is None else zoo.load_file(masks).eval()
    for _, scene in views(folder, limit):
        for percent in (5, 20, 35):
            wrapped, folds = photograph(exposed(nchw(scene), percent))
            truth, clipped = hwc(wrapped + folds), hwc(folds).max(2) > 0
            code = ResponseCurve.srgb().expose(truth.clip(0, 1))
            ordinary = reconstructor(np.rint(255 * code).astype(np.uint8), response="srgb")
            solutions = {
                "an ordinary sensor and reconstruct()": None,
                "no unwrapping": torch.zeros_like(folds),
                "Poisson, its own offset": folds_of(wrapped, "poisson"),
                "Poisson, the best offset": best_offset(wrapped, folds, poisson),
                "UnwrapNet": folds_of(wrapped, "network"),
            }
            if loop is not None:
                with torch.inference_mode():
                    solutions["binary masks, round by round"] = rolled_over_by(loop, wrapped)
            for name, found in solutions.items():
                light = ordinary if found is None else hwc(wrapped + found)
                stops = highlights.stops_map(light, truth)
                figures = {f"{percent} %: stops": highlights.log_rmse(stops, clipped)}
                if found is not None:
                    figures[f"{percent} %: right folds"] = float((found == folds).float().mean())
                error = float(np.square((light.clip(0, FOLDS) - truth) / FOLDS).mean())
                figures[f"{percent} %: PSNR, dB"] = -10 * np.log10(max(error, 1e-9))
                means.add(name, **figures)
    return means.rows()


def optics_table(folder: Path, limit: int = 0) -> Rows:
    """Plates before the lens, and what streaks add to `reconstruct()`; 5 % of the pixels clip without any optics."""
    from hdrrecon.sensors.optics import photograph, started
    from hdrrecon.sensors.streaks import CLIPPED, RefineConfig, recovered
    from hdrrecon.sensors.wave_optics import plate_height, psf_of_height
    from hdrrecon.train.tasks.modulo import exposed
    from hdrrecon.train.tasks.optics import VALIDATED_PERCENT, figures_of

    psfs = {kind: psf_of_height(plate_height(kind)) for kind in ("none", "star", "rank1")}
    means = Means()
    for number, (_, scene) in enumerate(views(folder, limit)):
        light = exposed(nchw(scene), VALIDATED_PERCENT)
        truth = hwc(light)
        for kind, psf in psfs.items():
            seen = torch.as_tensor(photograph(light, psf, generator=torch.Generator().manual_seed(number)))
            first = started(seen)
            answers = {f"{kind}: reconstruct()": torch.where(seen >= CLIPPED, first.clamp(min=1), seen)}
            if kind == "none":
                answers["none: deblurred"] = recovered(seen, first, psf, RefineConfig(), streaks=False)
            else:
                answers[f"{kind}: streaks, deblurred"] = recovered(seen, first, psf, None)
                answers[f"{kind}: streaks, refined"] = recovered(seen, first, psf)
            for name, answer in answers.items():
                figures = figures_of(hwc(answer), truth)
                means.add(
                    name,
                    **{
                        "clipped, stops": figures["clipped"],
                        "energy, stops": figures["energy"],
                        "unclipped PU21-PSNR, dB": figures["unclipped"],
                    },
                )
    return means.rows()


def bracket_table(folder: Path, limit: int = 0) -> Rows:
    """RMSE of inverse responses solved from brackets of four noisy JPEGs, two stops apart, of curves never trained
    on."""
    import cv2

    from hdrrecon.camera.bracket import BINS, from_bracket
    from hdrrecon.camera.simulate import Camera, exposure_for_clipping, simulate
    from hdrrecon.evaluation.conditions import held_out_curves

    times, means, curves = 2.0 ** np.array([-4, -2, 0, 2]), Means(), held_out_curves()
    for number, (_, scene) in enumerate(views(folder, limit)):
        light, curve = nchw(scene), curves[number % len(curves)]
        light, random = light * exposure_for_clipping(light, 5.0), torch.Generator().manual_seed(number)
        photos = []
        for seconds in times:
            camera = Camera(curve, None, float(seconds), shot_noise=2e-5, read_noise=1e-3, jpeg_quality=92)
            photos.append(np.rint(255 * hwc(simulate(light, camera, random).code)).astype(np.uint8))
        true = np.interp(np.linspace(0, 1, BINS), np.linspace(0, 1, curve.inverse.shape[1]), curve.inverse[0])
        solver = cv2.createCalibrateDebevec()
        theirs = solver.process([photo[..., ::-1].copy() for photo in photos], times.astype(np.float32))[:, 0].T
        for name, found in (
            ("from_bracket", from_bracket(photos, times.tolist()).log_inverse.exp().numpy()),
            ("OpenCV", theirs),
        ):
            means.add(name, RMSE=curve_error(found, true))
    return means.rows()


def curve_error(found: np.ndarray, true: np.ndarray) -> float:
    """RMSE of inverse curves (3, 256) of any scale against one (256,), over codes 5 to 250: the ends are
    extrapolated."""
    inner = slice(5, 251)
    gains = (found[:, inner] * true[inner]).sum(1) / np.square(found[:, inner]).sum(1)
    return float(np.sqrt(np.square(gains[:, None] * found[:, inner] - true[inner]).mean(1)).mean())


def best_offset(wrapped: Tensor, folds: Tensor, solve: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Tensor:
    """Folds (1, 3, H, W) with the offset per channel that agrees best with the truth: what an oracle would give."""
    image, true = wrapped[0].double().numpy(), folds[0].numpy()
    answers = [solve(image, np.full(3, offset)) for offset in np.arange(-1, 4, 0.25)]
    right = np.array([(answer == true).mean((1, 2)) for answer in answers])
    return torch.from_numpy(np.stack([answers[right[:, c].argmax()][c] for c in range(3)])).float()[None]


def guided_light(photo: PreparedPhoto, guide: Tensor | None, network: bool) -> np.ndarray:
    """Light (H, W, 3) of a prepared photo with a guide (1, C, h, w), or without."""
    from hdrrecon.sensors.guided import GuideWarning, with_guide

    if guide is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GuideWarning)  # that a wrong one is refused is what the table says
            photo = with_guide(photo, guide[0], network=network)
    return photo.light(slice(0, photo.codes.size[0]))[0].numpy()


def nchw(image: np.ndarray) -> Tensor:
    """(H, W, C) array to (1, C, H, W) tensor."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def hwc(image: Tensor) -> np.ndarray:
    """(1, C, H, W) tensor to (H, W, C) array."""
    return np.ascontiguousarray(image[0].permute(1, 2, 0).numpy())


TABLES: dict[str, Callable[[Path, int], Rows]] = {
    "guide": guide_table,
    "modulo": modulo_table,
    "optics": optics_table,
    "bracket": bracket_table,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("camera", choices=[*TABLES, "all"])
    parser.add_argument("--data", type=Path, required=True, help="folder of HDR views")
    parser.add_argument("--limit", type=int, default=0, help="only so many views, spread evenly; 0 = all")
    parser.add_argument("--masks", type=Path, help="of modulo: weights of `hdrrecon train modulo --masks`")
    given = parser.parse_args()
    torch.set_num_threads(1)
    tables = {**TABLES, "modulo": partial(modulo_table, masks=given.masks)}
    for name in tables if given.camera == "all" else [given.camera]:
        digits = 4 if name == "bracket" else 2
        print(f"\n## {name}\n\n{markdown(tables[name](given.data, given.limit), digits)}", flush=True)


if __name__ == "__main__":
    main()
