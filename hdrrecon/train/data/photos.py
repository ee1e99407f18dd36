"""Ordinary photos of a folder: what painting is learnt from, and what tells real photos from simulated ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hdrrecon import io

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")


def load_photos(folder: Path) -> list[np.ndarray]:
    """All photos of `folder` as (H, W, 3) uint8, sorted by name.

    Raises:
        FileNotFoundError: if there is none.
    """
    files = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in PHOTO_SUFFIXES)
    if not files:
        raise FileNotFoundError(
            f"no photos ({', '.join(PHOTO_SUFFIXES)}) in {folder}; give a folder of ordinary photos"
        )
    return [io.read(p)[..., :3] for p in files]
