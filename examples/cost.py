"""Seconds and peak memory of the default model on photos of several sizes: the README's figures.

    python examples/cost.py [megapixels ...]

Each size runs in a process of its own, for peak memory can only be read once. The photo is examples/photos/window.jpg,
enlarged; a twentieth of it is clipped.
"""
import resource
import subprocess
import sys
import time
from pathlib import Path

PHOTO = Path(__file__).parent / "photos" / "window.jpg"


def measure(megapixels: float) -> str:
    import numpy as np
    from PIL import Image

    import hdrrecon

    image = Image.open(PHOTO)
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    photo = np.asarray(image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC))
    rebuild = hdrrecon.Reconstructor()
    rebuild(photo[:64, :64])
    began = time.perf_counter()
    rebuild(photo)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return f"{megapixels:6.2f} MP  {seconds:6.2f} s  {peak:5.2f} GB peak"


def main(*megapixels: str) -> None:
    for size in megapixels or ("0.25", "1", "4", "12"):
        subprocess.run([sys.executable, __file__, "--one", size], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(measure(float(sys.argv[2])))
    else:
        main(*sys.argv[1:])
