"""A small web app on one's own machine: a photo in, sliders, every format out. Needs the extra: hdrrecon[app].

`build_app` lays out the page; the functions before it do the work and know nothing of gradio.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hdrrecon.api import Reconstructor
from hdrrecon.io import READABLE, write
from hdrrecon.io.exr_extras import response_attribute
from hdrrecon.io.optional import need
from hdrrecon.io.pq import PEAK_NITS, WHITE_NITS
from hdrrecon.options import RESPONSES
from hdrrecon.pipeline.result import Reconstruction
from hdrrecon.view import exposure_strip, false_color, tonemap, write_viewer

FORMATS = {
    "exr": "OpenEXR, with confidence",
    "hdr": "Radiance",
    "tif": "float TIFF",
    "npy": "numpy",
    "jpg": "Ultra HDR",
    "png": "PQ PNG",
    "avif": "PQ AVIF",
    "heic": "PQ HEIC",
    "jxl": "PQ JPEG XL",
    "html": "page to look around in",
}
HIGHLIGHTS = (
    ("least error", "median"),
    ("right amount of light, to light scenes", "energy"),
)
UPLOAD_MB = 500
_SWEEP_S, _KEEP_S = 600, 3600  # how often what is older than that is deleted while the app runs
_KEPT_RESULTS = 3  # further sets of files that stay to be downloaded
LOOKS = ("clip", "reinhard", "filmic", "false colour", "strip")
INTRODUCTION = """# hdrrecon
One ordinary photo in, high-dynamic-range light out. Everything stays on this machine.
1. Choose a photo or an example. 2. Press **Reconstruct**. 3. Drag the line: left the photo alone, right its light."""
START_STOPS = -3  # restored light is as white as before at the photo's own exposure
_PREVIEW_PX = 1600


@dataclass(frozen=True)
class Work:
    """A photo and what became of it."""

    photo: Path
    result: Reconstruction

    @property
    def light(self) -> np.ndarray:
        return self.result.radiance[..., :3]


def look_at(light: np.ndarray, look: str, exposure_stops: float) -> np.ndarray:
    """(h, w, 3) uint8 of light (H, W, 3), large ones at every n-th pixel; `look` is one of `LOOKS`."""
    step = -(-max(light.shape[:2]) // _PREVIEW_PX)
    light = light[::step, ::step]
    if look == "false colour":
        return false_color(light)
    if look == "strip":
        return exposure_strip(light, [exposure_stops + stop for stop in (0, -2, -4, -6)])
    return tonemap(light, look, exposure_stops)


def before_and_after(work: Work, look: str, exposure_stops: float) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures as `look_at` makes them: the linearised photo, in which clipped light is grey, and its light."""
    return look_at(work.result.linear[..., :3], look, exposure_stops), look_at(work.light, look, exposure_stops)


def example_photos() -> list[str]:
    """Photos of the checkout to try; none in an installed wheel."""
    folder = Path(__file__).resolve().parents[1] / "examples" / "photos"
    return [str(path) for name in ("lamps", "sunset", "palace") if (path := folder / f"{name}.jpg").is_file()]


def save(
    work: Work, formats: list[str], folder: Path, *, headroom_stops: float | None = None, peak_nits: float | None = None
) -> tuple[list[str], list[str]]:
    """Write every format; returns paths, and sentences about those that could not be written.

    Args:
        headroom_stops: of Ultra HDR; peak_nits: of PQ files; see `hdrrecon.write`.
    """
    envmap = "latlong" if work.result.panorama else None
    exr = {
        "confidence": work.result.confidence,
        "attributes": response_attribute(work.result.response),
        "envmap": envmap,
    }
    # Photos of phones have gain maps; here nothing is overwritten, so a better one may take their place.
    jpg = {"base": work.photo, "headroom_stops": headroom_stops, "replace_gain_map": True}
    options = dict(exr=exr, jpg=jpg, **dict.fromkeys(("png", "avif", "heic", "jxl"), {"peak_nits": peak_nits}))
    paths, problems = [], []
    for name in formats:
        path = folder / f"{work.photo.stem}.{name}"
        try:
            if name == "html":
                write_viewer(
                    path, work.light, photo=work.photo, confidence=work.result.confidence, response=work.result.response
                )
            else:
                write(path, work.result.radiance, **options.get(name, {}))
            paths.append(str(path))
        except (ValueError, OSError, ImportError) as error:
            problems.append(f"{name}: {error}")
    return paths, problems


_written: list[Path] = []


def _delete_later(place: Path) -> None:
    """Delete a folder of results when a few more have been written, and all of them at the end."""
    if not _written:
        atexit.register(lambda: [shutil.rmtree(one, ignore_errors=True) for one in _written])
    _written.append(place)
    while len(_written) > _KEPT_RESULTS + 1:
        shutil.rmtree(_written.pop(0), ignore_errors=True)


def run_app(model: str | None = None, device: str = "auto", port: int = 7860) -> None:
    """Serve the page on http://127.0.0.1 until Ctrl-C. Photos and results lie in a folder that is deleted at the end.

    Only pages of this machine are answered (`app_guard`); uploads end at `UPLOAD_MB`.

    Raises:
        As `build_app`; OSError: the port is taken.
    """
    need("gradio", "app", "the web app")
    before = os.environ.get("GRADIO_TEMP_DIR")
    with tempfile.TemporaryDirectory(prefix="hdrrecon-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            build_app(model, device, folder=Path(folder)).launch(**launch_options(port))
        finally:
            os.environ.pop("GRADIO_TEMP_DIR")
            if before is not None:
                os.environ["GRADIO_TEMP_DIR"] = before


def launch_options(port: int) -> dict[str, Any]:
    """How gradio serves the page: to this machine alone, with a limit for uploads."""
    from starlette.middleware import Middleware

    from hdrrecon.app_guard import LocalOnly

    return {
        "server_name": "127.0.0.1",
        "server_port": port,
        "share": False,
        "max_file_size": f"{UPLOAD_MB}mb",
        "app_kwargs": {"middleware": [Middleware(LocalOnly)]},
    }


def build_app(model: str | None = None, device: str = "auto", folder: Path | None = None):
    """The page as a `gradio.Blocks`; call `.launch()` on it.

    Args:
        model: one of `hdrrecon.list_models()`; the default model if not given.
        device: see `reconstruct`.
        folder: for results; a temporary one if not given. Those of the reconstruction before are deleted.

    Raises:
        ModuleNotFoundError: gradio is not installed; says what to type.
        UsageError: no such model.
    """
    gr = need("gradio", "app", "the web app")
    from hdrrecon.zoo import DEFAULT_MODEL

    reconstructor = Reconstructor(model or DEFAULT_MODEL, device)

    def reconstruct(path, response, highlights):
        if path is None:
            raise gr.Error("Choose a photo first.")
        try:
            work = Work(Path(path), reconstructor(path, response=response, highlights=highlights, details=True))
        except (ValueError, OSError) as error:
            raise gr.Error(str(error)) from error
        clipped = 100 * float((work.result.masks["over"].max(axis=-1) > 0.5).mean())
        brightest = work.light.max()
        return work, f"{clipped:.1f} % of the photo is clipped; brightest light: {brightest:.3g} times the clip level."

    def pick(event):
        return example_photos()[event.index]

    pick.__annotations__["event"] = gr.SelectData  # gradio goes by the class, not by its name

    def show(work, look, stops):
        return None if work is None else before_and_after(work, look, stops)

    def download(work, formats, headroom_stops, peak_nits):
        if work is None:
            raise gr.Error("Reconstruct a photo first.")
        place = Path(tempfile.mkdtemp(dir=folder))
        _delete_later(place)
        paths, problems = save(work, formats, place, headroom_stops=headroom_stops or None, peak_nits=peak_nits)
        for problem in problems:
            gr.Warning(problem)
        return gr.update(value=paths, visible=bool(paths))

    with gr.Blocks(title="hdrrecon", analytics_enabled=False, delete_cache=(_SWEEP_S, _KEEP_S)) as app:
        gr.Markdown(INTRODUCTION)
        work = gr.State()
        with gr.Row():
            with gr.Column(scale=1):
                # A file, not an image: gradio would recode it, and lose depth, profile and EXIF.
                photo = gr.File(label="Photo", type="filepath", file_types=sorted(READABLE), height=140)
                examples = gr.Gallery(
                    example_photos(),
                    label="Or one of these",
                    columns=3,
                    height=150,
                    allow_preview=False,
                    visible=bool(example_photos()),
                )
                response = gr.Radio(RESPONSES, value="estimate", label="Camera response")
                highlights = gr.Radio(HIGHLIGHTS, value="median", label="Highlights")
                start = gr.Button("Reconstruct", variant="primary")
                facts = gr.Markdown()
            with gr.Column(scale=2):
                picture = gr.ImageSlider(
                    label="The photo alone | its light", type="numpy", format="png", interactive=False
                )
                look = gr.Radio(LOOKS, value="clip", label="Show")
                stops = gr.Slider(-10, 6, value=START_STOPS, step=0.25, label="Exposure in stops")
                choices = [(f".{name}: {what}", name) for name, what in FORMATS.items()]
                formats = gr.CheckboxGroup(choices, value=["exr", "html"], label="Formats")
                headroom = gr.Slider(
                    0, 8, value=0, step=0.25, label="Ultra HDR: stops above white to keep below; 0: all up to 8"
                )
                peak = gr.Slider(
                    WHITE_NITS, 4000, value=PEAK_NITS, step=1, label="PQ: cd/m² to keep below; white is 203"
                )
                files = gr.Button("Write files")
                made = gr.File(label="Files", file_count="multiple", interactive=False, visible=False)
        shown = {"fn": show, "inputs": [work, look, stops], "outputs": picture, "show_progress": "hidden"}
        made_of = {"fn": reconstruct, "inputs": [photo, response, highlights], "outputs": [work, facts]}
        examples.select(pick, None, photo).then(**made_of).then(**shown)
        start.click(**made_of).then(**shown)
        look.change(**shown)
        stops.change(**shown, trigger_mode="always_last")  # not `release`: numbers can be typed, too
        files.click(download, [work, formats, headroom, peak], made)
    return app
