"""How examples/photos/window.jpg and window_truth.exr were made: a view of a CC0 panorama through our own camera.

    python examples/make_window.py /usr/share/blender/datafiles/studiolights/world/interior.exr examples/photos

The panorama is "interior" by Greg Zaal (HDRI Haven, CC0), as Debian's package blender-data installs it. It is among the
training scenes: this picture shows what the library does, not how well it does it on scenes it has never seen.
"""
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import hdrrecon
from hdrrecon.camera.simulate import Camera, simulate
from hdrrecon.train.scenes import perspective


def main(panorama: str, folder: str) -> None:
    light = np.nan_to_num(np.maximum(hdrrecon.read(panorama)[..., :3], 0), posinf=65504.0)
    view = perspective(light, (320, 480), fov=85, yaw=0, pitch=5)
    camera = Camera(hdrrecon.ResponseCurve.camera(), clip_percent=8)
    shot = simulate(torch.from_numpy(view.transpose(2, 0, 1).copy())[None], camera)
    code = (shot.code[0] * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(code).save(Path(folder) / "window.jpg", quality=95)
    hdrrecon.write(Path(folder) / "window_truth.exr", shot.truth[0].permute(1, 2, 0).numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
