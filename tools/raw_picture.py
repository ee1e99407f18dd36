"""Draw docs/pictures/raw_stream.jpg: a photo, and its highlights at -2 stops: the JPEG's, inferred, decoded, and the
raw's.

python tools/raw_picture.py SCENE.exr -o docs/pictures/raw_stream.jpg
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

import hdrrecon
from hdrrecon import rawcodec
from hdrrecon.color import linear_to_srgb, srgb_to_linear
from hdrrecon.evaluation.raw import CONDITIONS, GAINS, MATRIX, expose
from hdrrecon.rawcodec.codec import jpeg_pixels
from hdrrecon.rawcodec.description import Description, jpeg_white

CUT = (220, 320)  # pixels
PANEL = (480, 330)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--bpp", type=float, default=0.02)
    given = parser.parse_args()
    raw, jpeg = expose(hdrrecon.read(given.scene), CONDITIONS["q95-local"])
    pixels = jpeg_pixels(jpeg)
    facts = Description(0, 16383, tuple(GAINS), MATRIX)
    facts = Description(0, 16383, tuple(GAINS), MATRIX, jpeg_white=jpeg_white(raw, pixels, facts))
    stream = rawcodec.encode(raw, jpeg, given.bpp, description=bytes(facts))
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder) / "plain.jpg", Path(folder) / "packed.jpg"
        plain.write_bytes(jpeg), packed.write_bytes(rawcodec.embed(jpeg, stream))
        inferred, decoded = hdrrecon.reconstruct(plain), hdrrecon.reconstruct(packed)
    part = _brightest(pixels, raw)
    lights = {
        "-2 stops: the photo": srgb_to_linear(pixels / 255),
        "-2 stops: reconstruct(), inferred": inferred,
        f"-2 stops: raw stream of {len(stream)} bytes": decoded,
        "-2 stops: the raw itself": facts.balanced(raw) / facts.jpeg_white,
    }
    panels = [_panel("the photo", pixels[part])]
    panels += [
        _panel(name, np.round(255 * linear_to_srgb(np.clip(v[part] / 4, 0, 1))).astype(np.uint8))
        for name, v in lights.items()
    ]
    side = np.full((len(panels[0]), panels[0].shape[1] // 2, 3), 255, np.uint8)
    rows = [np.hstack(panels[:3]), np.hstack([side, *panels[3:], side])]
    cv2.imwrite(str(given.out), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{given.out}: JPEG {len(jpeg)} bytes, stream {len(stream)} bytes")


def _brightest(pixels: np.ndarray, raw: np.ndarray) -> tuple[slice, slice]:
    """Where most of the JPEG clips and the sensor does not."""
    kept = ((pixels.max(-1) >= 250) & (raw.max(-1) < 0.95)).astype(np.float32)
    y, x = np.unravel_index(cv2.boxFilter(kept, -1, (200, 150)).argmax(), kept.shape)
    top, left = (int(np.clip(n - c // 2, 0, s - c)) for n, c, s in zip((y, x), CUT, kept.shape))
    return slice(top, top + CUT[0]), slice(left, left + CUT[1])


def _panel(name: str, image: np.ndarray) -> np.ndarray:
    bar = np.full((30, PANEL[0], 3), 255, np.uint8)
    cv2.putText(bar, name, (6, 21), 0, 0.5, (30, 30, 30), 1, cv2.LINE_AA)
    return np.pad(
        np.vstack([bar, cv2.resize(image, PANEL, interpolation=cv2.INTER_CUBIC)]),
        ((0, 6), (0, 8), (0, 0)),
        constant_values=255,
    )


if __name__ == "__main__":
    main()
