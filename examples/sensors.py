"""The four special cameras on one picture: what each sees, what is recovered, and by how much it is off.

    python examples/sensors.py guide -o guide.png
    python examples/sensors.py modulo -o modulo.png my_scene.exr
    python examples/sensors.py optics -o optics.png
    python examples/sensors.py bracket -o bracket.png

Without a scene it makes a room of its own: a wall of soft texture, a window, lamps. The picture shows, from left to
right, what the camera saw, what was recovered, and the truth, three stops darker; of the modulo sensor also where folds
are wrong: brighter than grey where there are too many, darker where some are missing. Each takes less than a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import hdrrecon
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.metrics.highlights import log_rmse, stops_map

Panels = list[np.ndarray]
SHOWN_STOPS = -3.0  # light is shown three stops darker, so that highlights show
SRGB = ResponseCurve.srgb()


def room(size: int = 224, peak: float = 12.0) -> np.ndarray:
    """Light (S, S, 3), 1.0 = what an ordinary sensor clips at."""
    y, x = np.mgrid[:size, :size] / size
    wall = (0.3 + 0.2 * np.sin(9 * x + 4 * np.sin(5 * y)) * np.cos(7 * y)) * (0.5 + 0.8 * x)
    light = wall[..., None] * np.array([1.0, 0.95, 0.8])
    window = (abs(x - 0.72) < 0.14) & (abs(y - 0.3) < 0.16)
    light[window] = (2 + 4 * y[window])[:, None] * np.array([0.9, 1.0, 1.1])
    for cy, cx in ((0.7, 0.25), (0.8, 0.6), (0.6, 0.85)):
        disc = np.clip(2 - np.hypot(y - cy, x - cx) * 40, 0, 1)
        light += peak * disc[..., None] * np.array([1.0, 0.9, 0.7])
    return light.astype(np.float32)


def guide(light: np.ndarray) -> Panels:
    """A dark frame of a sixteenth of the pixels tells how bright clipped light is."""
    small = light[: len(light) // 4 * 4, : light.shape[1] // 4 * 4]
    small = small.reshape(len(small) // 4, 4, small.shape[1] // 4, 4, 3).mean((1, 3))
    photo = np.rint(255 * SRGB.expose(light.clip(0, 1))).astype(np.uint8)
    without, guided = (hdrrecon.reconstruct(photo, response="srgb", guide=g) for g in (None, small))
    report("without a guide", without, light)
    report("with a guide", guided, light)
    return [without, guided]


def modulo(light: np.ndarray) -> Panels:
    """Wells that empty themselves: a folded picture, unfolded."""
    from hdrrecon.sensors.modulo import unwrap, wrap

    wrapped = wrap(light)
    for method in ("poisson", "network"):
        found = unwrap(wrapped, method=method)
        right = float((np.rint(found - wrapped) == np.floor(light)).mean())
        print(f"{method}: {right:.3f} of the folds are right")
        report(method, found, light)
    wrong = 0.2 * np.exp2((found - light).clip(-2, 2)) * 2.0**-SHOWN_STOPS
    return [wrapped * 2.0**-SHOWN_STOPS, found, wrong]


def optics(light: np.ndarray) -> Panels:
    """A rank-1 plate carries a little light of lamps to where it can be measured."""
    from hdrrecon.sensors.optics import photograph, recover
    from hdrrecon.sensors.wave_optics import plate_height, psf_of_height

    psf = psf_of_height(plate_height("rank1"))
    tensor = torch.from_numpy(light.transpose(2, 0, 1).copy())
    seen = photograph(tensor, psf, generator=torch.Generator().manual_seed(0)).permute(1, 2, 0).numpy()
    found = recover(seen, psf)
    report("as seen", seen, light)
    report("recovered", found, light)
    return [seen, found]


def bracket(light: np.ndarray) -> Panels:
    """A camera's response and light from three exposures, with gradients."""
    from hdrrecon.camera.bracket import from_bracket

    times = (1 / 16, 1 / 4, 1)
    curve = ResponseCurve.gamma(1.8)
    photos = [np.rint(255 * curve.expose((light * t).clip(0, 1))).astype(np.uint8) for t in times]
    found = from_bracket(photos, times)
    print(f"response: off by {np.sqrt(np.mean((found.response.inverse - curve.inverse) ** 2)):.4f} (RMSE)")
    scale = np.median(light) / np.median(found.light)
    report("merged", found.light * scale, light)
    return [curve.linearize(photos[-1] / 255.0), found.light * scale]


def report(name: str, found: np.ndarray, light: np.ndarray) -> None:
    """Print how far light is off where an ordinary sensor clips."""
    clipped = light.max(2) >= 1
    print(f"{name}: {log_rmse(stops_map(found, light), clipped):.2f} stops off where an ordinary sensor clips")


CAMERAS = {"guide": guide, "modulo": modulo, "optics": optics, "bracket": bracket}


def main(arguments: list[str] | None = None) -> None:
    """Run one camera, print its figures, write its picture."""
    from PIL import Image

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("camera", choices=CAMERAS)
    parser.add_argument("scene", nargs="?", help="HDR picture; scaled so that 5 %% of its pixels clip")
    parser.add_argument("-o", "--out", type=Path, help="picture to write, .png")
    given = parser.parse_args(arguments)
    light = room()
    if given.scene:
        light = np.clip(hdrrecon.read(given.scene)[..., :3], 0, None)
        light = (light / np.percentile(light.max(2), 95)).astype(np.float32)
    panels = [*CAMERAS[given.camera](light), light]
    if given.out:
        shown = [np.rint(255 * SRGB.expose((panel * 2.0**SHOWN_STOPS).clip(0, 1))) for panel in panels]
        Image.fromarray(np.concatenate(shown, 1).astype(np.uint8)).save(given.out)


if __name__ == "__main__":
    main()
