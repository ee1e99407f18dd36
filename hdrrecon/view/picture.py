"""Writing what a view shows: uint8 sRGB pictures as .png or .jpg."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hdrrecon.io.atomic import atomic_write
from hdrrecon.io.mark import SOFTWARE

PICTURES = (".png", ".jpg", ".jpeg")


def write_picture(path: str | Path, picture: np.ndarray) -> Path:
    """Write a picture; the extension chooses PNG or JPEG (quality 95). The file appears when it is complete.

    Args:
        path: where to; an existing file is replaced.
        picture: (H, W, 3) uint8 sRGB, as `tonemap`, `exposure_strip` and `false_color` return.

    Returns:
        The path.

    Raises:
        ValueError: another extension or another array.
        OSError: the place cannot be written to; names it.
    """
    path, picture = Path(path), np.asarray(picture)
    if path.suffix.lower() not in PICTURES:
        raise ValueError(
            f"cannot write a picture to {path}: wanted {', '.join(PICTURES)}; for light use hdrrecon.write"
        )
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(
            f"a picture is (H, W, 3) uint8, got {picture.dtype} {picture.shape}; bring light there with view.tonemap"
        )
    from PIL import Image, PngImagePlugin

    marked = PngImagePlugin.PngInfo()
    marked.add_text("Software", SOFTWARE)
    png = path.suffix.lower() == ".png"
    with atomic_write(path) as temporary:
        Image.fromarray(picture).save(temporary, **({"pnginfo": marked} if png else {"quality": 95, "subsampling": 0}))
    return path
