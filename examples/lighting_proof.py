"""What an HDRI is for: one simple scene, lit by an ordinary panorama, by its reconstruction, and by the true HDRI.

    pip install hdrrecon mitsuba
    python examples/lighting_proof.py studio.exr sunny_field.exr -o proof

Each true HDRI (2:1, linear) is photographed by a virtual camera: exposed so that 5 % of its pixels clip, the mean
curve of modern cameras (one that the estimate knows well), 8-bit JPEG. Mitsuba then renders a post and a ball over a
floor, in the light of

    LDR        the JPEG as every program would take it: through the sRGB curve
    linear     the JPEG through the estimated camera response, nothing restored
    ours       hdrrecon.reconstruct
    true       the HDRI itself

and the script prints, for each, the mean absolute error of the linear picture against the true one in percent of
its mean brightness (as rendered, and with the exposure matched first, as an artist would), and the shadow contrast:
the open floor (its median) against its darkest 1 %. With -o, it writes the four pictures side by side.

Expected, ten panoramas of Poly Haven at 1K, weights of November 2026 (3 s per panorama on two cores):

                                       MAE %             MAE %, exposure matched            shadow contrast
                                  LDR   linear     ours      LDR   linear     ours      LDR   linear     ours     true
    anniversary_lounge          24.93    34.89    10.44    13.91     9.16     7.10     1.42     1.39     1.29     1.41
    blue_photo_studio           44.11    56.06    52.95    16.27    16.94    16.68     1.31     1.33     1.31     1.29
    canary_wharf                14.00     2.18     1.11     7.48     1.23     0.87     1.35     1.34     1.34     1.34
    crystal_falls               76.13    78.16    76.75    11.22    15.61    16.42     2.58     2.49     2.53    10.83
    immenstadter_horn           34.40    44.03    28.49    12.03     9.96     6.83     1.27     1.28     1.33     1.86
    pedestrian_overpass         21.82    29.14    25.27    21.71    22.20    20.86     1.17     1.16     1.17     1.31
    peppermint_powerplant       72.38    71.91    15.93     7.51     7.22    11.01     1.42     1.41     1.62     1.53
    potsdamer_platz              8.55     1.44     0.51     3.73     0.83     0.48     1.26     1.27     1.27     1.27
    snowy_field                 58.24    66.40    65.51    39.81    37.34    37.09     1.28     1.27     1.27     3.73
    sunset_fairway              14.42     7.44     9.36     7.16     7.17     6.65     1.17     1.17     1.17     1.17
    mean                        36.90    39.16    28.63    14.08    12.77    12.40     1.38     1.38     1.39     1.88

Large clipped skies and windows come back well. A clipped sun or studio lamp comes back far too weak, and its shadow
with it (snowy_field, crystal_falls, blue_photo_studio): the limit to know before lighting with a reconstruction.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import hdrrecon
from hdrrecon import view
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.camera.simulate import Camera, simulate
from hdrrecon.color import luminance, srgb_to_linear

NAMES = ("LDR", "linear", "ours", "true")


def photograph(hdri: np.ndarray, clip_percent: float) -> tuple[np.ndarray, np.ndarray]:
    """The panorama as a JPEG's code values, uint8, and the light it was taken from, 1.0 = clip level."""
    import torch

    light = torch.from_numpy(np.ascontiguousarray(hdri.transpose(2, 0, 1)))[None].clamp(min=0)
    shot = simulate(light, Camera(ResponseCurve.camera(), clip_percent=clip_percent, jpeg_quality=95))
    to_image = lambda tensor: tensor[0].permute(1, 2, 0).numpy()
    return np.rint(255 * to_image(shot.code)).astype(np.uint8), to_image(shot.truth)


def scene(panorama: np.ndarray, width: int, samples: int) -> dict:
    """A grey floor, a thin post and a hovering ball, seen from above, in direct light only: little but shadows is dark."""
    import mitsuba as mi

    to = mi.ScalarTransform4f
    grey = lambda value: dict(type="diffuse", reflectance=dict(type="rgb", value=value))
    return dict(
        type="scene", integrator=dict(
            type="aov", aovs="shape:shape_index", image=dict(type="direct", emitter_samples=1, bsdf_samples=0)),
        sensor=dict(
            type="perspective", fov=32, to_world=to().look_at([0, 5.5, 7], [0, 0.4, 0], [0, 1, 0]),
            film=dict(type="hdrfilm", width=width, height=width * 3 // 4, rfilter=dict(type="box")),
            sampler=dict(type="multijitter", sample_count=samples)),
        a_floor=dict(type="rectangle", to_world=to().rotate([1, 0, 0], -90).scale(8), bsdf=grey(0.5)),
        b_post=dict(type="cube", to_world=to().translate([-0.8, 1, 0]).scale([0.1, 1, 0.1]), bsdf=grey(0.6)),
        c_ball=dict(type="sphere", center=[0.9, 1.2, 0.3], radius=0.5, bsdf=grey([0.6, 0.3, 0.2])),
        sky=dict(type="envmap", bitmap=mi.Bitmap(np.ascontiguousarray(panorama, np.float32))))


def render(panorama: np.ndarray, width: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """The linear picture (H, W, 3), and which of its pixels are floor."""
    import mitsuba as mi

    mi.set_variant("scalar_rgb")  # needs no LLVM
    picture = np.array(mi.render(mi.load_dict(scene(panorama, width, samples)), seed=1))
    shape = picture[..., -1]
    return picture[..., :3], shape == shape[-1, 0]  # the lower left corner is floor; edges are means of two shapes


def compare(picture: np.ndarray, true: np.ndarray, floor: np.ndarray) -> dict[str, float]:
    """Errors in percent of the true picture's mean, and the shadow contrast."""
    error = lambda image: 100 * float(np.abs(image - true).mean() / true.mean())
    dark, open_floor = np.percentile(luminance(picture)[floor], (1, 50))
    matched = picture * np.median(true) / np.median(picture)
    return dict(mae=error(picture), mae_matched=error(matched), contrast=float(open_floor / dark))


def prove(path: Path, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The four renderings of one HDRI, compared; writes their picture if asked to."""
    code, truth = photograph(hdrrecon.read(path)[..., :3], args.clip)
    result = hdrrecon.reconstruct(code, model=args.model, device="cpu", response=args.response, details=True)
    panoramas = dict(zip(NAMES, (srgb_to_linear(code / np.float32(255)), result.linear, result.radiance, truth)))
    pictures = {name: render(panorama, args.width, args.samples) for name, panorama in panoramas.items()}
    true, floor = pictures["true"]
    if args.out:
        exposure = 0.6 / np.percentile(true, 95)
        row = [view.tonemap(picture * exposure, "clip") for picture, _ in pictures.values()]
        view.write_picture(args.out / f"{path.stem}.png", np.concatenate(row, axis=1))
    return {name: compare(picture, true, floor) for name, (picture, _) in pictures.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="One scene under an LDR panorama, its reconstruction, and the true HDRI.")
    parser.add_argument("hdri", type=Path, nargs="+", help="true panoramas, 2:1, linear")
    parser.add_argument("-o", "--out", type=Path, help="folder for pictures")
    parser.add_argument("--model", default="full")
    parser.add_argument("--response", default="estimate", choices=("estimate", "camera", "srgb"))
    parser.add_argument("--clip", type=float, default=5, help="percent of pixels that clip in the photo")
    parser.add_argument("--width", type=int, default=96, help="of a rendering, pixels")
    parser.add_argument("--samples", type=int, default=64, help="per pixel")
    args = parser.parse_args(arguments)
    head = "".join(f"{name:>9}" for name in NAMES[:3])
    print(f"{'':24}{'MAE %':^27}{'MAE %, exposure matched':^27}{'shadow contrast':^36}")
    print(f"{'':24}{head}{head}{head}{NAMES[3]:>9}")
    found = {path: prove(path, args) for path in args.hdri}
    for path, rows in found.items():
        print_row(path.stem, rows)
    if len(found) > 1:
        geometric = lambda key, name: float(np.exp(np.mean([np.log(rows[name][key]) for rows in found.values()])))
        average = lambda key, name: float(np.mean([rows[name][key] for rows in found.values()]))
        print_row("mean", {name: dict(mae=average("mae", name), mae_matched=average("mae_matched", name),
                                      contrast=geometric("contrast", name)) for name in NAMES})


def print_row(title: str, rows: dict[str, dict[str, float]]) -> None:
    cells = [rows[name][key] for key in ("mae", "mae_matched") for name in NAMES[:3]] + [rows[name]["contrast"] for name in NAMES]
    print(f"{title[:23]:24}" + "".join(f"{cell:9.2f}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
