"""Finding what to evaluate on: a folder of HDR truths, or of real photos with truths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.evaluation.case import Case
from hdrrecon.evaluation.conditions import Condition, clean, take_photo
from hdrrecon.io.photo import SCENE_SUFFIXES

TRUTH_ENDINGS = (*SCENE_SUFFIXES, ".tif", ".tiff")
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
REAL = "real"  # condition name of photos that no virtual camera took
AS_GIVEN = "as_given"  # condition name of truths without a photo, whose clip level is 1 already


@dataclass(frozen=True)
class Source:
    """A truth, and its photo where a real one exists."""

    image: str
    truth: Path
    photo: Path | None = None


def find_truths(folder: str | Path) -> list[Source]:
    """HDR files of a folder, by name.

    Raises:
        FileNotFoundError: if there is no such folder or no HDR file in it.
        ValueError: if two files share a name (a.exr beside a.hdr): their rows could not be told apart.
    """
    return [Source(stem, path) for stem, path in _by_stem(Path(folder), TRUTH_ENDINGS, "HDR truths").items()]


def find_pairs(folder: str | Path) -> tuple[list[Source], list[str]]:
    """Photos NAME.jpg with truths NAME.exr (1.0 = the level at which the photo clips).

    Returns:
        The pairs, and a sentence for each file that has no partner.

    Raises:
        FileNotFoundError: if there is no such folder, or not one pair.
        ValueError: as `find_truths`.
    """
    folder = Path(folder)
    truths = _by_stem(folder, TRUTH_ENDINGS, "HDR truths")
    photos = _by_stem(folder, PHOTO_ENDINGS, "photos")
    lonely = [f"{photos[s].name} has no truth" for s in sorted(set(photos) - set(truths))]
    lonely += [f"{truths[s].name} has no photo" for s in sorted(set(truths) - set(photos))]
    both = sorted(set(truths) & set(photos))
    if not both:
        raise FileNotFoundError(
            f"no pair in {folder}: wanted photos NAME.jpg beside truths NAME.exr; {'; '.join(lonely[:3])}"
        )
    return [Source(s, truths[s], photos[s]) for s in both], lonely


def find_by_stem(folder: Path, stem: str, endings: tuple[str, ...] = TRUTH_ENDINGS) -> Path:
    """The one file of a folder with this name and any of the endings.

    Raises:
        FileNotFoundError: naming what was looked for.
    """
    for ending in endings:
        if (folder / (stem + ending)).is_file():
            return folder / (stem + ending)
    raise FileNotFoundError(f"no prediction {stem}{'|'.join(endings)} in {folder}")


def read_truth(source: Source, max_side: int | None) -> np.ndarray:
    """(H, W, 3) float32 linear light, shrunk by area averaging until no side is longer than `max_side`."""
    light = clean(read_linear(source.truth), source.image)
    longest = max(light.shape[:2])
    if max_side and longest > max_side:
        import cv2

        height, width = (round(side * max_side / longest) for side in light.shape[:2])
        light = cv2.resize(light, (width, height), interpolation=cv2.INTER_AREA)
    return light


def read_linear(path: Path) -> np.ndarray:
    """(H, W, 3) float32 scene-linear light of an HDR file.

    Raises:
        ValueError: for a file of code values, or not of three channels.
    """
    from hdrrecon.io import read

    light = read(path)
    if light.dtype.kind != "f" or light.ndim != 3 or light.shape[2] < 3:
        raise ValueError(
            f"{path.name} holds {light.dtype} of shape {light.shape}; wanted linear light (H, W, 3) as floats"
        )
    return np.asarray(light[..., :3], np.float32)


def open_case(source: Source, condition: Condition | None, scene: np.ndarray, curves=()) -> Case:
    """The case of a source: a photo of `scene` under a condition, or, without one, its real photo.

    A source without a photo (predictions made elsewhere, measured against truths alone) stands for itself:
    1.0 is its clip level, and the photo an ideal sRGB camera takes of it says which pixels are dark, well
    exposed, clipped.

    Raises:
        ValueError: if photo and truth differ in size, or the scene cannot be photographed so.
    """
    if condition is not None:
        return take_photo(condition, scene, source.image, curves)
    if source.photo is None:
        srgb = ResponseCurve.srgb()
        return Case(source.image, AS_GIVEN, np.rint(255 * srgb.expose(scene)).astype(np.uint8), scene, srgb)
    from hdrrecon.io import read

    photo = read(source.photo)[..., :3]
    if photo.dtype == np.uint16:
        photo = np.rint(photo / 257).astype(np.uint8)
    if photo.shape != scene.shape:
        raise ValueError(
            f"{source.photo.name} is {photo.shape[1]} x {photo.shape[0]}, its truth {source.truth.name} "
            f"{scene.shape[1]} x {scene.shape[0]}: the two must show the same pixels"
        )
    return Case(source.image, REAL, np.ascontiguousarray(photo), scene, None, clip_from="photo")


def _by_stem(folder: Path, endings: tuple[str, ...], what: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; give one with {what} ({', '.join(endings)})")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in endings and not path.name.startswith("."):
            if path.stem in found:
                raise ValueError(
                    f"{folder} holds both {found[path.stem].name} and {path.name}; keep one of the {what} per name"
                )
            found[path.stem] = path
    if not found:
        raise FileNotFoundError(f"no {what} ({', '.join(endings)}) in {folder}")
    return found
