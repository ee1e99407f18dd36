"""Scenes for training: HDR files of a folder, and random perspective views of them.

A view is (3, H, W) linear light. Latlong panoramas (2:1) are looked into through a virtual lens
(gnomonic projection), or, now and then, halved as they are, because people reconstruct panoramas too; perspective files
are cropped.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdrrecon.io.photo import SCENE_SUFFIXES

SELDOM = ("puresky", "SkyHDRI", "studio")  # in the names of sky domes and light rigs: drawn half as often
HALVES_SHARE = 0.12  # of the views of panoramas
CUT_OFF_SHARE = 0.02  # of a scene's pixels hardly below its brightest ones: then the scene itself is clipped


@dataclass(frozen=True)
class Scene:
    """One HDR file: `light` (H, W, 3) half float, and how often to draw it."""

    name: str
    light: np.ndarray
    weight: float = 1.0

    @property
    def panorama(self) -> bool:
        return self.light.shape[1] == 2 * self.light.shape[0]


def load_scenes(folder: Path) -> list[Scene]:
    """All HDR files of `folder`, sorted by name.

    Sky domes and studio light rigs are drawn half as often: they are many, and few photos look like them. Night scenes,
        where
    a `scenes.csv` in the folder or beside it names them (columns name, night), are drawn three times as often: they are
    few, and their lamps are what clips in many photos. Scenes that are clipped themselves are drawn a fifth as often:
    they teach that light is grey.

    Raises:
        FileNotFoundError: if there is none.
    """
    from hdrrecon import io

    nights = _nights(Path(folder))

    files = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in SCENE_SUFFIXES)
    if not files:
        raise FileNotFoundError(
            f"no HDR files ({', '.join(SCENE_SUFFIXES)}) in {folder}; give a folder of .exr or .hdr scenes"
        )
    scenes = []
    for path in files:
        light = np.nan_to_num(np.maximum(io.read(path)[..., :3], 0), posinf=65504.0)
        weight = 0.5 if any(word in path.stem for word in SELDOM) else 3.0 if path.stem in nights else 1.0
        scenes.append(Scene(path.stem, light.astype(np.float16), weight * (0.2 if cut_off(light) else 1.0)))
    return scenes


def cut_off(light: np.ndarray) -> bool:
    """Whether a scene (H, W, 3) ends in a plateau: its light was not captured to the top."""
    brightest = light.max(-1)
    return bool((brightest >= 0.9 * np.percentile(brightest, 99.9)).mean() > CUT_OFF_SHARE)


def _nights(folder: Path) -> set[str]:
    for table in (folder / "scenes.csv", folder.parent / "scenes.csv"):
        if table.is_file():
            with open(table, newline="") as file:
                return {row["name"] for row in csv.DictReader(file) if row.get("night") == "1" and "name" in row}
    return set()


def random_scene(scenes: list[Scene], rng: np.random.Generator) -> Scene:
    """One of the scenes, drawn by weight."""
    odds = np.array([s.weight for s in scenes])
    return scenes[rng.choice(len(scenes), p=odds / odds.sum())]


def perspective(panorama: np.ndarray, size: tuple[int, int], fov: float, yaw: float, pitch: float, roll: float = 0.0):
    """A perspective view of a latlong panorama.

    Args:
        panorama: (H, W, 3) linear light.
        size: (height, width) of the view in pixels.
        fov: horizontal field of view in degrees; yaw, pitch, roll in degrees (pitch up is positive).

    Returns:
        (height, width, 3) float32.
    """
    import cv2

    height, width = size
    x, y = np.meshgrid(
        np.arange(width, dtype=np.float32) + 0.5 - width / 2, np.arange(height, dtype=np.float32) + 0.5 - height / 2
    )
    focal = np.float32(width / 2 / np.tan(np.radians(fov) / 2))
    cr, sr, cp, sp = (np.float32(f(np.radians(a))) for a in (roll, pitch) for f in (np.cos, np.sin))
    x, y = cr * x - sr * y, sr * x + cr * y
    up, forward = cp * -y + sp * focal, cp * focal - sp * -y
    longitude = np.arctan2(x, forward) + np.float32(np.radians(yaw))
    latitude = np.arctan2(up, np.hypot(x, forward))
    h, w = panorama.shape[:2]
    column = (longitude / (2 * np.pi) + 0.5) % 1.0 * w - 0.5
    row = (0.5 - latitude / np.pi) * h - 0.5
    return cv2.remap(
        panorama.astype(np.float32),
        column.astype(np.float32),
        row.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )


def random_view(scene: Scene, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square view, (3, size, size) float32, with light somewhere in it."""
    if scene.panorama and rng.random() < HALVES_SHARE:
        view = _half(scene.light, size, rng)
    elif scene.panorama:
        pitch = float(np.clip(rng.normal(0, 22), -60, 60))
        view = perspective(
            scene.light, (size, size), rng.uniform(45, 100), rng.uniform(0, 360), pitch, rng.normal(0, 4)
        )
    else:
        view = _crop(scene.light, size, rng)
    if rng.random() < 0.5:
        view = view[:, ::-1]
    return np.ascontiguousarray(view.transpose(2, 0, 1), dtype=np.float32)


def random_piece(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """A large rectangle of the file itself, (3, h, w) float32, as sharp as the file is: for what needs edges, not
    geometry."""
    h, w = scene.light.shape[:2]
    top, bottom = (h // 6, h - h // 6) if scene.panorama else (0, h)  # poles are stretched
    tall, wide = (int(n * rng.uniform(0.6, 1.0)) for n in (bottom - top, min(w, 640)))
    piece = scene.light[top:bottom][random_window((bottom - top, w), (tall, wide), rng)]
    return np.ascontiguousarray(piece.transpose(2, 0, 1), dtype=np.float32)


def random_window(size: tuple[int, int], window: tuple[int, int], rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of a random place of a `window` (h, w) in a picture of `size` (H, W), no smaller."""
    top, left = (int(rng.integers(whole - part + 1)) for whole, part in zip(size, window))
    return slice(top, top + window[0]), slice(left, left + window[1])


def _half(panorama: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random half of a panorama, from pole to pole, as bent as it is stored."""
    import cv2

    height, width = panorama.shape[:2]
    half = np.roll(panorama, int(rng.integers(width)), 1)[:, :height].astype(np.float32)
    return cv2.resize(half, (size, size), interpolation=cv2.INTER_AREA if size < height else cv2.INTER_LINEAR)


def _crop(light: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    import cv2

    h, w = light.shape[:2]
    side = int(rng.uniform(0.5, 1.0) * min(h, w))
    patch = light[random_window((h, w), (side, side), rng)].astype(np.float32)
    return cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)
