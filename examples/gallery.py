"""The pictures of docs/gallery.md and docs/limits.md: real photos beside older methods, and failures beside the truth.

    python examples/gallery.py                       (all of them, into docs/pictures; half a minute)
    python examples/gallery.py sunset limit_sun      (some)

Each gallery picture shows a photo and where its light is measured or inferred, then, at -3 and -6 stops: the photo
through the sRGB curve; a classic operator (Kovaleski and Oliveira 2014, the best of `hdrrecon.pipeline.classic` on
clipped pixels); and `hdrrecon.reconstruct`. What a camera clipped is flat grey in the first. Each limits picture
carries its own figures. Nothing is random: the same weights make the same pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

import hdrrecon
from hdrrecon import view
from hdrrecon.api import Reconstruction
from hdrrecon.color import linear_to_srgb, luminance, srgb_to_linear
from hdrrecon.pipeline import classic
from hdrrecon.view.strip import captioned, shrunk, stacked
from hdrrecon.zoo import DEFAULT_MODEL

HERE = Path(__file__).parent
PHOTOS = HERE / "photos"
PANEL_PX = 330
INFERRED = np.float32([1.0, 0.2, 0.85])  # the viewer's colour for what was not measured
TOO_DARK, TOO_BRIGHT, RIGHT = (60, 110, 255), (255, 80, 40), (225, 225, 225)

Rebuild = Callable[..., Reconstruction]


def before_and_after(name: str, rebuild: Rebuild) -> np.ndarray:
    """A photo, and its light at -3 and -6 stops by three methods."""
    plain, result = _plain(PHOTOS / f"{name}.jpg"), rebuild(PHOTOS / f"{name}.jpg")
    methods = {
        "plain sRGB": plain,
        "classic operator": classic.kovaleski_oliveira_2014(plain),
        "hdrrecon": result.radiance,
    }
    inferred = (1 - result.confidence[..., None]) * (result.masks["over"].max(axis=-1, keepdims=True) > 0)
    marked = srgb_to_linear(linear_to_srgb(plain) * (1 - 0.8 * inferred) + 0.8 * inferred * INFERRED)
    rows = [
        [_panel(plain, 0, "the photo"), *(_panel(light, -3, method) for method, light in methods.items())],
        [
            _panel(marked, 0, "pink: inferred, not measured"),
            *(_panel(light, -6, method) for method, light in methods.items()),
        ],
    ]
    return stacked([stacked(row, axis=1) for row in rows], axis=0)


def at_a_glance(rebuild: Rebuild) -> np.ndarray:
    """The README's picture: two photos, and what is left of them three stops darker, without and with hdrrecon."""
    rows = []
    for name in ("lamps", "sunset"):
        path, labels = PHOTOS / f"{name}.jpg", ("the photo", "darkened: the photo alone", "darkened: with hdrrecon")
        plain, light = _plain(path), rebuild(path).radiance
        panels = [_panel(plain, 0, labels[0]), _panel(plain, -3, labels[1]), _panel(light, -3, labels[2])]
        rows.append(stacked(panels, axis=1))
    return stacked(rows, axis=0)


def sun(rebuild: Rebuild) -> np.ndarray:
    """A clipped sun: its light, as it comes and as it is meant for lighting, against the truth."""
    names = {"hdrrecon": {}, 'highlights="energy"': {"highlights": "energy"}}
    results = {name: rebuild(PHOTOS / "sunrise.jpg", **options) for name, options in names.items()}
    return _beside_truth(_truth("sunrise"), results, (0, -4, -8, -12))


def colour(rebuild: Rebuild) -> np.ndarray:
    """A clipped blue sky: its colour against the truth."""
    return _beside_truth(_truth("courtyard"), {"hdrrecon": rebuild(PHOTOS / "courtyard.jpg")}, (0, -2, -4))


def texture(rebuild: Rebuild) -> np.ndarray:
    """Rock and snow, exposed three stops longer than they were: what is left of their texture."""
    truth = 8 * _plain(PHOTOS / "mountains.jpg")
    code = np.rint(255 * linear_to_srgb(np.minimum(truth, 1))).astype(np.uint8)
    crop = np.s_[150:410, 280:670]
    return _beside_truth(truth, {"hdrrecon": rebuild(code, response="srgb")}, (0, -3), crop)


def paper(rebuild: Rebuild) -> np.ndarray:
    """A white page with text, which is no lamp."""
    import cv2

    page = np.full((240, 360, 3), 255, np.uint8)
    for row in range(7):
        cv2.putText(
            page,
            "white paper is not a lamp",
            (24, 40 + 28 * row),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.7,
            (30, 30, 30),
            1,
            cv2.LINE_AA,
        )
    light = rebuild(page).radiance
    stops = np.log2(np.median(light))
    return stacked(
        [
            _panel(srgb_to_linear(page / np.float32(255)), 0, "the page, code 255"),
            _panel(light, -2, f"hdrrecon; the paper is {stops:+.1f} stops above white"),
        ],
        axis=1,
    )


def edited(rebuild: Rebuild) -> np.ndarray:
    """The same light once as a plain photo, once tone mapped locally as phones do: errors of both results."""
    truth = _truth("courtyard")
    photos = {
        "a plain photo": np.asarray(Image.open(PHOTOS / "courtyard.jpg")),
        "an edited photo": locally_tone_mapped(truth),
    }
    parts = []
    for name, code in photos.items():
        error = np.log2(np.maximum(luminance(rebuild(code).radiance), 1e-4) / np.maximum(luminance(truth), 1e-4))
        error -= np.median(error)  # the exposure is free
        wrong = np.abs(error).mean()
        parts += [
            _panel(srgb_to_linear(code / np.float32(255)), 0, name),
            captioned(_error_colors(error), f"error {wrong:.2f} stops on average"),
        ]
    return stacked(parts, axis=1)


def locally_tone_mapped(light: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: large differences of brightness reduced to 40 %, small ones raised by a third (Durand and Dorsey
    2002)."""
    stops = np.log2(luminance(light) + 1e-3)
    base = classic.bilateral(stops, stops, 24, 1.0)
    shown = light * np.exp2(0.4 * base + 1.33 * (stops - base) - stops)[..., None]
    return np.rint(255 * linear_to_srgb(np.clip(shown / np.percentile(shown.max(axis=-1), 98), 0, 1))).astype(np.uint8)


def _beside_truth(
    truth: np.ndarray, results: dict[str, Reconstruction], stops: tuple[float, ...], crop=np.s_[:, :]
) -> np.ndarray:
    """Rows: the truth clipped as the photo was, reconstructions, the truth; figures of the clipped pixels."""
    truth, over = truth[crop], next(iter(results.values())).masks["over"][crop].max(axis=-1) > 0.5

    def energy(seen):
        return float(luminance(seen)[over].sum())

    rows, lights = [], {name: result.radiance[crop] for name, result in results.items()}
    for who, seen in {"clipped": np.minimum(truth, 1), **lights, "truth": truth}.items():
        brightest = np.log2(luminance(seen).max())
        text = (
            f"{who}: {100 * energy(seen) / energy(truth):.0f} % of the clipped light, brightest {brightest:+.1f} stops"
        )
        rows.append(captioned(stacked([_panel(seen, stop, "") for stop in stops], axis=1), text))
    return stacked(rows, axis=0)


def _truth(name: str) -> np.ndarray:
    return hdrrecon.read(PHOTOS / f"{name}_truth.exr")


def _plain(path: Path) -> np.ndarray:
    return srgb_to_linear(np.asarray(Image.open(path).convert("RGB")) / np.float32(255))


def _panel(light: np.ndarray, stop: float, text: str) -> np.ndarray:
    caption = f"{stop:+g} EV  {text}" if stop else text or "0 EV"
    return captioned(view.tonemap(shrunk(light.astype(np.float64), PANEL_PX), "clip", stop), caption)


def _error_colors(stops: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: blue 2 stops too dark, grey right, red 2 stops too bright."""
    small = shrunk(stops, PANEL_PX)
    return np.rint(
        np.stack([np.interp(small, (-2, 0, 2), c) for c in zip(TOO_DARK, RIGHT, TOO_BRIGHT)], axis=-1)
    ).astype(np.uint8)


PICTURES: dict[str, Callable[[Rebuild], np.ndarray]] = {
    "at_a_glance": at_a_glance,
    **{name: partial(before_and_after, name) for name in ("sunset", "lamps", "mountains", "palace")},
    **{f"limit_{draw.__name__}": draw for draw in (sun, colour, texture, paper, edited)},
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="The pictures of the gallery and of the limits.")
    parser.add_argument("names", nargs="*", default=list(PICTURES), metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("-o", "--out", type=Path, default=HERE.parent / "docs" / "pictures")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--highlights", default="median", choices=("median", "energy"))
    args = parser.parse_args(arguments)
    if unknown := sorted(set(args.names) - set(PICTURES)):
        parser.error(f"no picture is called {', '.join(unknown)}; there are {', '.join(PICTURES)}")
    rebuild = partial(hdrrecon.Reconstructor(args.model, "cpu"), details=True, highlights=args.highlights)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names:
        path = args.out / f"{name}.jpg"
        Image.fromarray(PICTURES[name](rebuild)).save(path, quality=85)
        print(path, f"{path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
