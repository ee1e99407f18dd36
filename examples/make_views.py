"""How the photos with a known truth in examples/photos were made: views of CC0 panoramas through our own camera.

    python examples/make_views.py /usr/share/blender/datafiles/studiolights/world examples/photos

The panoramas are by Greg Zaal (HDRI Haven, CC0), as Debian's package blender-data installs them. All are among the
training scenes: what these pictures show the library doing well it may do worse on a new scene, and where it fails here
it fails anywhere.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import hdrrecon
from hdrrecon.camera.simulate import Camera, simulate
from hdrrecon.train.data.scenes import perspective


@dataclass(frozen=True)
class View:
    """Where the camera stands and looks (degrees), and how much of its picture clips."""

    panorama: str
    yaw: float
    pitch: float
    fov: float
    clip_percent: float
    compression: str = "dwaa"


VIEWS = {
    "window": View("interior", yaw=0, pitch=5, fov=85, clip_percent=8, compression="zip"),
    "sunrise": View("sunrise", yaw=25, pitch=8, fov=85, clip_percent=6),
    "courtyard": View("courtyard", yaw=5, pitch=5, fov=75, clip_percent=25),
}


def photograph(view: View, panorama: np.ndarray, size: tuple[int, int] = (320, 480)) -> tuple[np.ndarray, np.ndarray]:
    """The photo, (H, W, 3) uint8, and the light it was taken from, (H, W, 3) float32, 1.0 = clip level."""
    light = np.nan_to_num(np.maximum(panorama[..., :3], 0), posinf=65504.0)
    seen = perspective(light, size, fov=view.fov, yaw=view.yaw, pitch=view.pitch)
    camera = Camera(hdrrecon.ResponseCurve.camera(), clip_percent=view.clip_percent)
    shot = simulate(torch.from_numpy(seen.transpose(2, 0, 1).copy())[None], camera)
    code = (shot.code[0] * 255).round().byte().permute(1, 2, 0).numpy()
    return code, shot.truth[0].permute(1, 2, 0).numpy()


def main(panoramas: str, folder: str) -> None:
    for name, view in VIEWS.items():
        code, truth = photograph(view, hdrrecon.read(Path(panoramas) / f"{view.panorama}.exr"))
        Image.fromarray(code).save(Path(folder) / f"{name}.jpg", quality=95)
        hdrrecon.write(Path(folder) / f"{name}_truth.exr", np.minimum(truth, 65504), compression=view.compression)


if __name__ == "__main__":
    main(*sys.argv[1:])
