"""Reconstruct one photo and look at it: a strip of exposures beside the photo and the truth.

    python examples/reconstruct_photo.py [photo.jpg] [folder]

Writes FOLDER/NAME.exr (half float, ZIP) and FOLDER/NAME.png: the photo linearised as sRGB and the reconstruction, each
at 0, -2 and -4 stops, and the truth below where NAME_truth.exr lies beside the photo. Expected on the shipped
examples/photos/window.jpg: about an eighth of the pixels are restored, the window up to a stop above the clip level,
and everything below code 240 stays as measured.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import hdrrecon
from hdrrecon.view import exposure_strip, write_picture

HERE = Path(__file__).parent


def main(photo=HERE / "photos" / "window.jpg", folder=None) -> Path:
    folder = Path(folder or tempfile.mkdtemp())
    out = hdrrecon.reconstruct(photo, details=True)
    plain = hdrrecon.reconstruct(photo, model="linearize", response="srgb")
    name = Path(photo).stem
    hdrrecon.write(folder / f"{name}.exr", out.radiance, confidence=out.confidence)
    strip = exposure_strip(plain, compare=out.radiance, names=("photo, linearised as sRGB", "hdrrecon"), panel_px=420)
    truth = Path(photo).with_name(f"{name}_truth.exr")
    if truth.exists():
        strip = np.vstack([strip, exposure_strip(hdrrecon.read(truth), panel_px=420)])
    picture = write_picture(folder / f"{name}.png", strip)
    restored = np.any(out.radiance > out.linear, axis=-1)
    print(
        f"restored {100 * restored.mean():.2f} % of the pixels, brightest {np.log2(out.radiance.max()):.1f} "
        f"stops above the clip level"
    )
    print("camera families: " + ", ".join(f"{k} {100 * v:.0f} %" for k, v in out.response.facts["families"].items()))
    return picture


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
