"""Statistics of many simulated photos, and of ordinary ones, counted once and kept: what `train.tasks.response` learns
from.

Counting takes an hour, fitting half a minute; so the statistics are kept in the run's folder, in chunks, and a run that
was cut off goes on where it stopped.

A chunk's photos are of views of panoramas, of pieces of them at full sharpness, and of **ordinary photos**: brought to
light by a random camera's curve, reduced there by 1.5 to 4 (which takes the traces of their own camera from their
edges) and photographed again. Where all films show panoramas and all photos of people and streets are cameras', content
betrays the family. All families are counted equally often, of all kinds of scenes and handled as often; how likely each
is in the world is said when the network is fitted, so that another opinion costs five minutes and not an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from hdrrecon.camera.basis import FAMILIES, load_basis
from hdrrecon.camera.masks import CLIP_CODE
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.camera.simulate import simulate
from hdrrecon.io.atomic import atomic_write
from hdrrecon.networks.linearize.response_statistics import response_statistics
from hdrrecon.train.data.curves import CurveSampler
from hdrrecon.train.data.pairs import random_camera, recoloured
from hdrrecon.train.data.postprocess import as_bytes, as_float, handled, recoded
from hdrrecon.train.data.scenes import Scene, random_piece, random_scene, random_view, random_window

CHUNK = 1000
SIDES_PX = (224, 256, 288)
SHOTS_PER_VIEW = 5
PHOTOS_SHARE, PIECES_SHARE = 0.35, 0.25  # of the scenes; without photos, their share are views
HANDLED_SHARE = 0.4  # of the photos, worked on after they were taken
VIEW, PIECE, PHOTO, ODD = range(4)  # kinds of scenes


@dataclass(frozen=True)
class Counted:
    """Statistics (N, SIZE), true inverse responses (N, 1024), indices of the families (N,); the kind of each scene (N,)
    and whether the photo was handled (N,), where known."""

    statistics: Tensor
    inverse: Tensor
    family: Tensor
    scene: Tensor | None = None
    handled: Tensor | None = None


def count_chunk(
    scenes: list[Scene], photos: list[np.ndarray], curves: CurveSampler, seed: int, path: Path, count: int = CHUNK
) -> None:
    """Photograph `count` times and save what was counted; does nothing where `path` exists."""
    if path.exists():
        return
    rng = np.random.default_rng((99, seed))
    rows: list[tuple] = []
    while len(rows) < count:
        light, clipping, kind = random_light(scenes, photos, curves, rng)
        if light.max() <= 1e-4:
            continue
        for _ in range(SHOTS_PER_VIEW):
            code, inverse, family, worked_on = taken(light, clipping, curves, rng)
            rows.append((response_statistics(code)[0].half(), inverse, family, kind, worked_on))
    _save(path, rows[:count])


def random_light(scenes: list[Scene], photos: list[np.ndarray], curves: CurveSampler, rng: np.random.Generator):
    """Linear light (3, h, w) to photograph, the level above which it is not known (infinite for HDR scenes), and the
    kind of scene."""
    kind = rng.random()
    if photos and kind < PHOTOS_SHARE:
        return photo_as_light(photos[rng.integers(len(photos))], curves, rng), 0.85, PHOTO
    scene = random_scene(scenes, rng)
    if kind < 1 - PIECES_SHARE:
        return random_view(scene, int(rng.choice(SIDES_PX)), rng), np.inf, VIEW
    return random_piece(scene, rng), np.inf, PIECE


def photo_as_light(photo: np.ndarray, curves: CurveSampler, rng: np.random.Generator) -> np.ndarray:
    """An ordinary photo (H, W, 3) uint8 as a scene: (3, h, w) linear light by a random camera's inverse curve, reduced
    in light."""
    inverse = (
        curves.sample("camera", rng).inverse[:, np.rint(np.arange(256) / 255 * 1023).astype(int)].astype(np.float32)
    )
    image = random_rectangle(photo, rng, 0.7)
    light = np.stack([inverse[c % len(inverse)][image[..., c]] for c in range(3)], -1)
    scale = 1 / rng.uniform(1.5, 4)
    while min(light.shape[:2]) * scale < 110 and scale < 1:
        scale *= 1.2
    light = cv2.resize(light, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray((light[:, ::-1] if rng.random() < 0.5 else light).transpose(2, 0, 1))


def taken(
    light: np.ndarray, clipping: float, curves: CurveSampler, rng: np.random.Generator
) -> tuple[Tensor, np.ndarray, int, bool]:
    """A random camera's photo (1, 3, h, w) of this light, its inverse response (1024,), mean of the channels, its
    family, and whether it was handled."""
    index = int(rng.integers(len(FAMILIES)))
    response = curves.sample(FAMILIES[index], rng)
    scene = recoloured(light, rng)
    if rng.random() < 0.3:  # a lens
        scene = cv2.GaussianBlur(scene.transpose(1, 2, 0), (0, 0), float(rng.uniform(0.4, 1))).transpose(2, 0, 1)
    camera = random_camera(response, rng)
    if clipping < np.inf:  # what was clipped in the photo that is photographed has to clip again
        level = np.percentile(scene.max(0), 100 - camera.clip_percent)
        camera = replace(camera, clip_percent=None, exposure=float(1 / max(min(level, clipping * scene.max()), 1e-6)))
    hdr = torch.from_numpy(np.ascontiguousarray(scene))[None]
    code = simulate(hdr, camera, torch.Generator().manual_seed(int(rng.integers(2**62)))).code
    worked_on = rng.random() < HANDLED_SHARE
    if worked_on:
        code = _as_code(handled(np.ascontiguousarray(code[0].permute(1, 2, 0).numpy()), rng))
    return code, response.inverse.mean(0).astype(np.float32), index, worked_on


def exposed_anew(photo: np.ndarray, gain: float) -> np.ndarray:
    """A photo (H, W, 3) uint8 as the mean camera would have taken it with `gain` times the light: float codes in [0,
    1]; what was clipped stays clipped. People show their well-exposed photos, but any exposure is an input."""
    curve = ResponseCurve.camera()
    codes = np.arange(256) / 255
    table = curve.expose(np.minimum(curve.linearize(codes) * gain, 1))
    table[CLIP_CODE:] = np.maximum(table[CLIP_CODE:], codes[CLIP_CODE:])
    return table.astype(np.float32)[photo]


def count_photos(photos: list[np.ndarray], seed: int, path: Path, count: int = 2000) -> None:
    """Count ordinary photos as they are, whose response nobody knows; does nothing where `path` exists.

    They teach what simulation cannot: how pictures look that really went through a camera. The best guess for them is
        the
    family of cameras and its mean curve, and that is the answer they are given.
    """
    if path.exists():
        return
    rng = np.random.default_rng((98, seed))
    mean, family = load_basis().camera_mean.astype(np.float32), FAMILIES.index("camera")
    rows = []
    for _ in range(count):
        image = random_rectangle(photos[rng.integers(len(photos))], rng, 0.4)
        scale = min(1, rng.uniform(260, 800) / max(image.shape[:2]))
        image = exposed_anew(image, 2 ** rng.uniform(-0.7, 2.5)) if rng.random() < 0.25 else as_float(image)
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            image = handled(image, rng)
        else:
            image = as_bytes(image)
            image = as_float(recoded(image, int(rng.integers(80, 99))) if rng.random() < 0.5 else image)
        rows.append((response_statistics(_as_code(image))[0].half(), mean, family, PHOTO, True))
    _save(path, rows)


def count_odd(curves: CurveSampler, seed: int, path: Path, count: int = 400) -> None:
    """Count pictures that tell nothing: one colour, grey, black, white, two levels, noise, hardly any light or hardly
    any that is not clipped; does nothing where `path` exists. Each is given the response of a random camera, so that
    the answer to learn is that anything is possible."""
    if path.exists():
        return
    rng = np.random.default_rng((97, seed))
    rows = []
    for i in range(count):
        index = int(rng.integers(len(FAMILIES)))
        code = as_float(as_bytes(odd_picture(i, rng)))
        inverse = curves.sample(FAMILIES[index], rng).inverse.mean(0).astype(np.float32)
        rows.append((response_statistics(_as_code(code))[0].half(), inverse, index, ODD, False))
    _save(path, rows)


def odd_picture(kind: int, rng: np.random.Generator) -> np.ndarray:
    """A picture (H, W, 3) float32 without a clue to its camera; `kind` modulo 6 is the sort."""
    tall, wide = rng.integers(40, 400, size=2)
    plane = np.ones((tall, wide, 3), np.float32)
    noise = rng.random((tall, wide, 3), dtype=np.float32)
    sorts = (
        lambda: plane * np.float32(rng.random(3)),
        lambda: plane * np.float32(rng.integers(2)),
        lambda: plane * np.float32(rng.random()),
        lambda: np.where(noise[..., :1] < rng.random(), np.float32(rng.random()), np.float32(rng.random())) * plane,
        lambda: noise * np.float32(rng.uniform(0, 0.1)),
        lambda: np.where(noise[..., :1] < rng.uniform(0.6, 1), plane, noise),
    )
    return sorts[kind % len(sorts)]()


def random_rectangle(image: np.ndarray, rng: np.random.Generator, smallest: float) -> np.ndarray:
    """A random rectangle whose sides are `smallest` to 1 of the image's."""
    tall, wide = (max(1, int(n * rng.uniform(smallest, 1))) for n in image.shape[:2])
    return image[random_window(image.shape[:2], (tall, wide), rng)]


def _as_code(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def _save(path: Path, rows: list[tuple]) -> None:
    statistics, inverse, *facts = zip(*rows)
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez(
            file,
            statistics=torch.stack(statistics).numpy(),
            inverse=np.stack(inverse),
            **dict(zip(("family", "scene", "handled"), map(np.array, facts))),
        )


def load_chunks(paths: list[Path]) -> Counted:
    """All chunks as one."""
    chunks = [np.load(p) for p in paths]

    def part(name):
        return torch.from_numpy(np.concatenate([c[name] for c in chunks]))

    return Counted(
        part("statistics").float(), part("inverse").float(), *(part(k).long() for k in ("family", "scene", "handled"))
    )


def count_shots(shots: list[dict[str, Tensor]]) -> Counted:
    """Statistics of validation shots (train.data.validation)."""
    return Counted(
        torch.cat([response_statistics(s["code"]) for s in shots]),
        torch.stack([s["inverse"][0].mean(0) for s in shots]),
        torch.cat([s["family"] for s in shots]),
    )
