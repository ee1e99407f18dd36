"""What an HDRI is for: one simple scene, lit by an ordinary panorama, by its reconstruction, and by the true HDRI.

    pip install hdrrecon mitsuba
    python examples/lighting_proof.py hdris/ -o proof --cache proof/cache

Each true HDRI (2:1, linear) is photographed by a virtual camera: exposed so that 5 % of its pixels clip, the mean
curve of modern cameras (one that the estimate knows well), 8-bit JPEG. Mitsuba then renders a post and a ball over a
floor, in the light of

    LDR        the JPEG as every program would take it: through the sRGB curve
    median     hdrrecon.reconstruct as it comes: the least error pixel by pixel
    no sun     hdrrecon.reconstruct(highlights="energy", sun="off"): the energy of the restoring network alone
    energy     hdrrecon.reconstruct(highlights="energy"), which is meant for lighting: with the light budget's sun
    true       the HDRI itself

and the script prints, for each, the mean absolute error of the linear picture against the true one in percent of
its mean brightness (as rendered, and with the exposure matched first, as an artist would), and the shadow contrast:
the open floor (its median) against its darkest 1 %. With -o, it writes all pictures side by side, on one sheet.
Renderings are kept in --cache under the contents of their panorama, so that new weights render anew only what they
change.

At 256 samples the noise of a rendering adds at most 2 % to an error.

Expected, ten panoramas of Poly Haven at 1K, weights of November 2026 (20 s per panorama on two cores):

                                       MAE %                  MAE %, exposure matched                 shadow contrast
                               LDR  median  no sun  energy     LDR  median  no sun  energy     LDR  median  no sun  energy    true
    anniversary_lounge       24.81    8.08    9.85    9.85   12.92    5.47    5.75    5.75    1.40    1.27    1.24    1.24    1.39
    blue_photo_studio        44.14   49.54   42.47   42.47   15.31   12.53   10.98   10.98    1.28    1.31    1.32    1.32    1.22
    canary_wharf             13.97    2.74    2.73    2.73    7.29    2.78    2.77    2.77    1.34    1.32    1.32    1.32    1.33
    crystal_falls            76.11   76.64   76.44   76.44   10.66   17.34   17.21   17.21    2.58    2.49    2.49    2.49   11.24
    immenstadter_horn        34.35   31.95   32.17   26.01   12.05   11.08   11.06   10.99    1.25    1.29    1.28    1.31    1.87
    pedestrian_overpass      21.31   25.34   24.78   24.32   21.01   20.13   19.79    9.64    1.12    1.13    1.13    1.54    1.26
    peppermint_powerplant    72.37   28.55    2.96    2.96    7.26    2.98    2.61    2.61    1.37    1.52    1.60    1.60    1.52
    potsdamer_platz           8.53    1.19    1.19    1.19    3.51    1.15    1.16    1.16    1.25    1.25    1.25    1.25    1.26
    snowy_field              58.19   64.53   64.51   62.64   39.99   38.07   38.09   15.33    1.18    1.19    1.19    5.62    3.45
    sunset_fairway           14.26    4.27    4.13    4.13    6.81    4.59    4.64    4.64    1.13    1.13    1.13    1.13    1.14
    mean                     36.80   29.28   26.12   25.27   13.68   11.61   11.41    8.11    1.35    1.35    1.36    1.64    1.84

Large clipped skies, windows and lamps come back well. A clipped sun casts its shadow where the light budget finds it
(pedestrian_overpass, snowy_field), a hazy one hardly (immenstadter_horn), and where it does not (crystal_falls) it stays weak.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
from pathlib import Path

import numpy as np

import hdrrecon
from hdrrecon import view
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.camera.simulate import Camera, simulate
from hdrrecon.color import luminance, srgb_to_linear
from hdrrecon.view.strip import captioned, stacked

NAMES = ("LDR", "median", "no sun", "energy", "true")


def photograph(hdri: np.ndarray, clip_percent: float) -> tuple[np.ndarray, np.ndarray]:
    """The panorama as a JPEG's code values, uint8, and the light it was taken from, 1.0 = clip level."""
    import torch

    light = torch.from_numpy(np.ascontiguousarray(hdri.transpose(2, 0, 1)))[None].clamp(min=0)
    shot = simulate(light, Camera(ResponseCurve.camera(), clip_percent=clip_percent, jpeg_quality=95))

    def to_image(tensor):
        return tensor[0].permute(1, 2, 0).numpy()

    return np.rint(255 * to_image(shot.code)).astype(np.uint8), to_image(shot.truth)


def scene(panorama: np.ndarray, width: int, samples: int) -> dict:
    """A grey floor, a thin post and a hovering ball, seen from above, in direct light only: little but shadows is
    dark."""
    import mitsuba as mi

    to = mi.ScalarTransform4f

    def grey(value):
        return {"type": "diffuse", "reflectance": {"type": "rgb", "value": value}}

    return {
        "type": "scene",
        "integrator": {
            "type": "aov",
            "aovs": "shape:shape_index",
            "image": {"type": "direct", "emitter_samples": 1, "bsdf_samples": 0},
        },
        "sensor": {
            "type": "perspective",
            "fov": 32,
            "to_world": to().look_at([0, 5.5, 7], [0, 0.4, 0], [0, 1, 0]),
            "film": {"type": "hdrfilm", "width": width, "height": width * 3 // 4, "rfilter": {"type": "box"}},
            "sampler": {"type": "multijitter", "sample_count": samples},
        },
        "a_floor": {"type": "rectangle", "to_world": to().rotate([1, 0, 0], -90).scale(8), "bsdf": grey(0.5)},
        "b_post": {"type": "cube", "to_world": to().translate([-0.8, 1, 0]).scale([0.1, 1, 0.1]), "bsdf": grey(0.6)},
        "c_ball": {"type": "sphere", "center": [0.9, 1.2, 0.3], "radius": 0.5, "bsdf": grey([0.6, 0.3, 0.2])},
        "sky": {"type": "envmap", "bitmap": mi.Bitmap(np.ascontiguousarray(panorama, np.float32))},
    }


def render(panorama: np.ndarray, width: int, samples: int, cache: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The linear picture (H, W, 3), and which of its pixels are floor."""
    import mitsuba as mi

    mi.set_variant("scalar_rgb")  # needs no LLVM
    key = hashlib.sha256(f"{panorama.shape} {width} {samples} {inspect.getsource(scene)}".encode() + panorama.tobytes())
    kept = cache and cache / f"{key.hexdigest()[:24]}.npy"
    if kept and kept.exists():
        picture = np.load(kept)
    else:
        picture = np.array(mi.render(mi.load_dict(scene(panorama, width, samples)), seed=1))
        if kept:
            cache.mkdir(parents=True, exist_ok=True)
            np.save(kept, picture)
    shape = picture[..., -1]
    return picture[..., :3], shape == shape[-1, 0]  # the lower left corner is floor; edges are means of two shapes


def compare(picture: np.ndarray, true: np.ndarray, floor: np.ndarray) -> dict[str, float]:
    """Errors in percent of the true picture's mean, and the shadow contrast."""

    def error(image):
        return 100 * float(np.abs(image - true).mean() / true.mean())

    dark, open_floor = np.percentile(luminance(picture)[floor], (1, 50))
    matched = picture * np.median(true) / np.median(picture)
    return {"mae": error(picture), "mae_matched": error(matched), "contrast": float(open_floor / dark)}


def prove(
    path: Path, rebuild: hdrrecon.Reconstructor, args: argparse.Namespace
) -> tuple[dict[str, dict[str, float]], np.ndarray]:
    """The renderings of one HDRI, compared, and side by side."""
    code, truth = photograph(hdrrecon.read(path)[..., :3], args.clip)
    ways = ({"highlights": "median"}, {"highlights": "energy", "sun": "off"}, {"highlights": "energy"})
    rebuilt = [rebuild(code, response=args.response, panorama=True, **way) for way in ways]
    panoramas = (srgb_to_linear(code / np.float32(255)), *rebuilt, truth)
    pictures = {
        name: render(panorama, args.width, args.samples, args.cache) for name, panorama in zip(NAMES, panoramas)
    }
    true, floor = pictures["true"]
    exposure = 0.6 / np.percentile(true, 95)
    found = {name: compare(picture, true, floor) for name, (picture, _) in pictures.items()}
    row = [
        captioned(view.tonemap(enlarged(picture) * exposure, "clip"), f"{name}  shadow {found[name]['contrast']:.2f}")
        for name, (picture, _) in pictures.items()
    ]
    return found, captioned(stacked(row, axis=1), path.stem)


def enlarged(picture: np.ndarray, times: int = 3) -> np.ndarray:
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="One scene under an LDR panorama, its reconstruction, and the true HDRI."
    )
    parser.add_argument("hdri", type=Path, nargs="+", help="true panoramas, 2:1, linear, or folders of .exr and .hdr")
    parser.add_argument("-o", "--out", type=Path, help="folder for pictures")
    parser.add_argument("--cache", type=Path, help="folder for renderings, so that they need not be made twice")
    parser.add_argument("--model", default="full")
    parser.add_argument("--response", default="estimate", choices=("estimate", "camera", "srgb"))
    parser.add_argument("--clip", type=float, default=5, help="percent of pixels that clip in the photo")
    parser.add_argument("--width", type=int, default=64, help="of a rendering, pixels")
    parser.add_argument("--samples", type=int, default=256, help="per pixel")
    args = parser.parse_args(arguments)
    paths = [
        p
        for given in args.hdri
        for p in (sorted([*given.glob("*.exr"), *given.glob("*.hdr")]) if given.is_dir() else [given])
    ]
    rebuild = hdrrecon.Reconstructor(args.model, "cpu")
    group = 8 * (len(NAMES) - 1)
    head = "".join(f"{name:>8}" for name in NAMES[:-1])
    print(f"{'':22}{'MAE %':^{group}}{'MAE %, exposure matched':^{group}}{'shadow contrast':^{group + 8}}")
    print(f"{'':22}{head}{head}{head}{NAMES[-1]:>8}")
    found, rows = [], []
    for path in paths:
        figures, row = prove(path, rebuild, args)
        print_row(path.stem, figures)
        found.append(figures)
        rows.append(row)
    if args.out:
        view.write_picture(args.out / "lighting_proof.jpg", stacked(rows, axis=0))
    if len(found) > 1:
        print_row(
            "mean",
            {
                name: {key: mean_of(key, [each[name][key] for each in found]) for key in found[0][name]}
                for name in NAMES
            },
        )


def mean_of(key: str, values: list[float]) -> float:
    """Ratios are averaged as such: geometrically."""
    return float(np.exp(np.mean(np.log(values))) if key == "contrast" else np.mean(values))


def print_row(title: str, rows: dict[str, dict[str, float]]) -> None:
    cells = [rows[name][key] for key in ("mae", "mae_matched") for name in NAMES[:-1]] + [
        rows[name]["contrast"] for name in NAMES
    ]
    print(f"{title[:21]:22}" + "".join(f"{cell:8.2f}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
