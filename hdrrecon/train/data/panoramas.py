"""Simulated photos of panoramas, and what each taught about the light that clipped: the training data of `LightBudget`.

Of each photo only some hundred numbers are kept: the statistics the network will see, and what light of the photo, of
stage 2's answer, of a sun and of the truth does to a white ball, to level ground and to a surface facing the sun. Light
adds up, so any gain and any sun can be judged from these, without the pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hdrrecon.camera.masks import CLIP_CODE
from hdrrecon.color import luminance
from hdrrecon.latlong import directions, pixel_solid_angle
from hdrrecon.metrics.panorama_light import (
    Illuminance,
    illuminance,
    sphere_normals,
    strongest_direction,
    well_exposed_gain,
)
from hdrrecon.networks.restore.panorama_statistics import SeenPanorama, find_source, statistics
from hdrrecon.zoo import DEFAULT_MODEL

if TYPE_CHECKING:
    from hdrrecon.camera.simulate import Camera
    from hdrrecon.train.data.curves import CurveSampler

HEIGHT = 512  # of the panoramas that are learnt from
CLIP_PERCENT = (0.5, 12.0)  # of the pixels, at least and at most, in a simulated photo
USUAL_CLIP_PERCENT = (2.0, 6.0)  # in the first photos of each scene
CLIPPED = CLIP_CODE  # code from which on a pixel, all its channels, counts as clipped
BRIGHTEST = 65000.0  # in the unit of the scenes: where half floats end
_SUN_DEG = 3.0  # a sun and its glare in the sensor lie within
_COMPACT_SR = 0.03  # a light source that gives most within so much is a lamp, a larger one a window
_SUN_SHARE, _HARD_SHARE = 0.12, 0.4  # of the level ground's light, from which on a sun casts a shadow, and a hard one
_MOON_BLUE = 0.5  # stops of blue over red in the sky of a night, from which on its light is the moon's
_LEAST_SUN = 0.2  # illuminance of a sun, in light of 1.0 = clip level; below, its shadow was measured anyway


@dataclass(frozen=True)
class Panorama:
    """One HDR scene: `light` (512, 1024, 3); `place` outdoor, indoor or studio; `night`."""

    name: str
    light: np.ndarray
    place: str = "outdoor"
    night: bool = False


def load_panoramas(folder: Path) -> Iterator[Panorama]:
    """The 1024 x 512 panoramas of a folder; `scenes.csv` beside or above it says where each was taken, and in which the
    sun
    itself was clipped: those would teach that suns are weak, and are left out."""
    import csv

    from hdrrecon import io

    rows: dict[str, dict[str, str]] = {}
    for table in (folder / "scenes.csv", folder.parent / "scenes.csv"):
        if table.is_file():
            with open(table, newline="", encoding="utf-8") as handle:
                rows |= {row["name"]: row for row in csv.DictReader(handle)}
    for path in sorted(folder.glob("*.exr")):
        light = np.nan_to_num(io.read(path)[..., :3], posinf=BRIGHTEST).clip(0, BRIGHTEST)
        row = rows.get(path.stem, {})
        if light.shape[:2] == (HEIGHT, 2 * HEIGHT) and row.get("sun") != "clipped":
            yield Panorama(path.stem, light.astype(np.float32), row.get("place", "outdoor"), row.get("night") == "1")


def make_cases(
    folder: Path,
    curves: Path,
    out: Path,
    photos: int = 8,
    seed: int = 0,
    model: str = DEFAULT_MODEL,
    split: str = "train",
) -> list[Path]:
    """Photograph every panorama of a folder `photos` times, and write `out/SPLIT__SCENE__NUMBER.npz`; what is there is
    kept.

    The first two photos of each are through the mean camera, with 2 and 6 % clipped; the others through random cameras,
    exposures and JPEG qualities, turned about the vertical axis. Stage 2 is that of `model`.

    Returns:
        The files, of those photos that have well-exposed pixels.
    """
    import torch

    from hdrrecon import Reconstructor
    from hdrrecon.camera.simulate import simulate
    from hdrrecon.io.atomic import atomic_write
    from hdrrecon.train.data.curves import CurveSampler, load_measured

    sampler, reconstruct = CurveSampler(load_measured(curves)), Reconstructor(model, "cpu")
    object.__setattr__(reconstruct.pipeline, "budget", None)  # what it is about to learn
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(photos):
        for scene in load_panoramas(folder):
            file = out / f"{split}__{scene.name}__{number}.npz"
            if not file.exists():
                camera, light = _camera_and_light(
                    scene, number, sampler, np.random.default_rng([seed, number, *scene.name.encode()])
                )
                tensor = torch.from_numpy(np.ascontiguousarray(light.transpose(2, 0, 1)))[None]
                shot = simulate(tensor, camera)
                code, truth = (part[0].permute(1, 2, 0).numpy() for part in (shot.code, shot.truth))
                code = np.rint(255 * code).astype(np.uint8)
                result = reconstruct(code, highlights="energy", panorama=True, details=True)
                case = measured_case(code, truth, result.linear, result.radiance, scene)
                if case is None:
                    continue
                with atomic_write(file) as temporary, open(temporary, "wb") as handle:
                    np.savez(handle, **case)  # type: ignore[arg-type]
            files.append(file)
        print(f"photo {number + 1} of {photos} of every panorama is taken", flush=True)
    return files


def _camera_and_light(
    scene: Panorama, number: int, sampler: CurveSampler, rng: np.random.Generator
) -> tuple[Camera, np.ndarray]:
    """Of the `number`th photo of a scene."""
    from hdrrecon.camera.response import ResponseCurve
    from hdrrecon.camera.simulate import Camera

    if number < len(USUAL_CLIP_PERCENT):
        return Camera(ResponseCurve.camera(), clip_percent=USUAL_CLIP_PERCENT[number], jpeg_quality=95), scene.light
    clip = float(np.exp(rng.uniform(*np.log(CLIP_PERCENT))))
    camera = Camera(sampler.sample("camera", rng), clip_percent=clip, jpeg_quality=int(rng.integers(80, 99)))
    return camera, np.roll(scene.light, int(rng.integers(scene.light.shape[1])), 1)


def measured_case(
    code: np.ndarray, truth: np.ndarray, linear: np.ndarray, energy: np.ndarray, scene: Panorama
) -> dict[str, np.ndarray] | None:
    """What one simulated photo teaches; None where it has no well-exposed pixel to compare with the truth.

    Args:
        code: (H, 2 H, 3) uint8 photo; `truth`: its light; `linear`, `energy`: the photo linearised, and as stage 2
            restores it.

    Returns:
        `statistics` (D,) and their `names`; `ball` (4, 162), `level`, `facing`, `shaded` (4,): of the photo, of stage
        2's surplus, of a sun of illuminance 1 in the place found, and of the truth; `kind`: the index in `KINDS`;
        `sun_error_deg` between the place found and the true strongest direction, and `radius_deg` of the region it was
        found in.
    """
    seen = SeenPanorama(
        linear.astype(np.float32),
        np.maximum(energy, linear).astype(np.float32),
        (code.min(-1) >= CLIPPED).astype(np.float32),
    )
    source = find_source(seen.clipped)
    values = statistics(seen, source)
    photo, true = (luminance(image.astype(np.float64)) for image in (linear, truth))
    gain = well_exposed_gain(photo, true, code)
    if not 0.05 < gain < 20 or not true.max() > 0:
        return None
    more = np.maximum(luminance(seen.energy.astype(np.float64)) - photo, 0)
    strongest = strongest_direction(true)
    sun = _of_sun(None if source is None else source.direction, strongest, gain)
    parts = [
        illuminance(gain * photo, strongest),
        illuminance(gain * more, strongest),
        sun,
        illuminance(true, strongest),
    ]
    angle = 180.0 if source is None else np.degrees(np.arccos(np.clip(source.direction @ strongest, -1, 1)))
    return {
        "names": np.array(list(values)),
        "statistics": np.array(list(values.values()), np.float32),
        "ball": np.stack([part.ball for part in parts]).astype(np.float32),
        "level": np.array([part.level for part in parts], np.float32),
        "facing": np.array([part.facing for part in parts], np.float32),
        "shaded": np.array([part.shaded for part in parts], np.float32),
        "kind": np.array(_kind(true, gain * photo, strongest, parts[-1].level, scene, values["sky_blue"])),
        "sun_error_deg": np.array(angle, np.float32),
        "radius_deg": np.array(0.0 if source is None else source.radius_deg, np.float32),
    }


def _of_sun(toward: np.ndarray | None, strongest: np.ndarray, strength: float) -> Illuminance:
    """What a sun of illuminance `strength` gives; nothing where there is none."""
    if toward is None:
        return Illuminance(np.zeros(len(sphere_normals())), 0.0, 0.0, 0.0)
    level, facing = max(float(toward[1]), 0.0), max(float(toward @ strongest), 0.0)
    return Illuminance(
        np.maximum(sphere_normals() @ toward, 0), level, facing, level * (facing < np.cos(np.radians(10)))
    )


def _kind(
    true: np.ndarray, photo: np.ndarray, strongest: np.ndarray, level: float, scene: Panorama, sky_blue: float
) -> int:
    """Index in `KINDS`: what the scene is truly lit by. A moon is a sun: in a photo exposed for it nothing tells them
    apart, and its blue sky tells it from a lamp."""
    solid, toward = pixel_solid_angle(len(true)), directions(len(true))
    near = toward @ strongest > np.cos(np.radians(_SUN_DEG))
    lost = np.maximum(true - photo, 0) * solid
    sun = float(lost[near].sum())
    share = sun * max(float(strongest[1]), 0.1) / max(level, 1e-9)
    shines = share >= _SUN_SHARE and sun >= _LEAST_SUN
    if scene.place == "outdoor" and (not scene.night or (shines and sky_blue > _MOON_BLUE)):
        return 2 if not shines else 1 if share < _HARD_SHARE else 0
    order = np.argsort(lost, axis=None)[::-1]
    half = np.searchsorted(np.cumsum(lost.ravel()[order]), 0.5 * lost.sum())
    compact = float((solid * np.ones_like(lost)).ravel()[order[: half + 1]].sum()) < _COMPACT_SR
    return 3 if compact or scene.night else 4
