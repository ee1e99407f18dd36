"""How the photos of an evaluation are taken: frozen data with a version.

A score is quoted with both names, as in "hdrrecon-eval v1, unknown_camera". `clip_95` is the base; every
other condition changes one thing. To change a condition means to write v2: a test holds the fingerprint.

The base camera is a sigmoid, code = (1 + b) E**a / (b + E**a) with a = 0.9, b = 0.3: the family of Eilertsen
et al. 2017, with numbers that come within 0.016 RMSE of the mean of measured modern cameras (sRGB is off by
0.09). A formula and not the measured mean, because that may be measured anew, and a frozen condition may not
move.

The unknown cameras are DoRF curves (Grossberg & Nayar 2004) with index % 20 == 7, which nothing of hdrrecon
is trained on. They are research data and not shipped.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from hdrrecon.evaluation.case import Case
from hdrrecon.options import UsageError

if TYPE_CHECKING:
    from hdrrecon.camera.response import ResponseCurve

PROTOCOL = "hdrrecon-eval v1"
HELD_OUT = "index % 20 == 7"
SIGMOID = (0.9, 0.3)
BRIGHTEST_LIGHT = 65504.0  # the half-float limit; what a file calls infinite


@dataclass(frozen=True)
class Condition:
    """`clip_percent` of the pixels clip at the top and `black_percent` at black, by their brightest channel.

    `response` is "sigmoid", "srgb" or "held-out dorf". Noise: variance shot_noise * light + read_noise**2,
    in units of the clip level.
    """

    name: str
    says: str
    clip_percent: float = 5.0
    black_percent: float = 0.0
    response: str = "sigmoid"
    shot_noise: float = 0.0
    read_noise: float = 0.0
    jpeg_quality: int | None = None


_BASE = Condition("clip_95", "5 % of the pixels clipped, a typical camera curve, 8 bits")
CONDITIONS = MappingProxyType(
    {
        c.name: c
        for c in (
            _BASE,
            replace(_BASE, name="clip_97", says="3 % clipped", clip_percent=3.0),
            replace(_BASE, name="two_sided", says="5 % clipped and 5 % crushed to black", black_percent=5.0),
            replace(
                _BASE,
                name="unknown_camera",
                says="5 % clipped, a camera curve never trained on",
                response="held-out dorf",
            ),
            replace(_BASE, name="srgb", says="5 % clipped, the exact sRGB curve of renderings", response="srgb"),
            replace(_BASE, name="jpeg_75", says="5 % clipped, JPEG quality 75, 4:2:0", jpeg_quality=75),
            replace(
                _BASE,
                name="noisy",
                says="5 % clipped, sensor noise of a high ISO",
                shot_noise=1e-3,
                read_noise=5e-3,
            ),
        )
    }
)


def fingerprint() -> str:
    """SHA-256 over all that the conditions say: what "v1" stands for."""
    data = json.dumps(
        [PROTOCOL, HELD_OUT, SIGMOID, BRIGHTEST_LIGHT, [asdict(c) for c in CONDITIONS.values()]],
        sort_keys=True,
    )
    return hashlib.sha256(data.encode()).hexdigest()


def choose(names: Sequence[str]) -> list[Condition]:
    """Conditions by name; "all" is every one.

    Raises:
        UsageError: naming the known conditions.
    """
    if "all" in names:
        return list(CONDITIONS.values())
    for name in names:
        if name not in CONDITIONS:
            raise UsageError(f"unknown condition {name!r}: choose from {', '.join(CONDITIONS)} or all")
    return [CONDITIONS[name] for name in dict.fromkeys(names)]


def held_out_curves(path: str | Path | None = None) -> list[ResponseCurve]:
    """The curves of `unknown_camera`, in the order of their index.

    Args:
        path: dorf.npz (`irradiance` (1024,), `brightness` (201, 1024)) or its folder; None looks beside a
            checkout, in ../shared/data/crf.

    Raises:
        FileNotFoundError: saying how to give the file or do without.
        ValueError: if the file holds something else.
    """
    from hdrrecon.camera.response import ResponseCurve

    place = Path(path) if path else Path(__file__).resolve().parents[3] / "shared" / "data" / "crf"
    file = place / "dorf.npz" if place.is_dir() else place
    if not file.is_file():
        raise FileNotFoundError(
            f"unknown_camera needs the DoRF curves, and {'there is no ' + str(file) if path else 'no file was given'}: "
            "they are research data that hdrrecon does not ship. Give --curves dorf.npz (arrays irradiance (1024,) and "
            "brightness (201, 1024), from the DoRF text file of Columbia CAVE), or leave unknown_camera out"
        )
    with np.load(file) as data:
        if not {"irradiance", "brightness"} <= set(data) or len(data["brightness"]) != 201:
            raise ValueError(f"{file} is not the DoRF set: wanted irradiance (1024,) and brightness (201, 1024)")
        chosen = [i for i in range(201) if i % 20 == 7]
        return [ResponseCurve.from_samples(data["irradiance"], data["brightness"][i], f"dorf {i}") for i in chosen]


def take_photo(condition: Condition, scene: np.ndarray, image: str, curves: Sequence[ResponseCurve] = ()) -> Case:
    """Photograph a scene under a condition. The same scene and name give the same photo, noise included.

    Args:
        scene: (H, W, 3) linear Rec.709, any unit.
        image: name; it picks the curve and the noise.
        curves: `held_out_curves`, only needed where the condition uses them.

    Raises:
        ValueError: for a scene with NaN, or too dark to clip anything.
    """
    import torch

    from hdrrecon.camera.simulate import Camera, simulate

    light = clean(scene, image)
    if np.percentile(light.max(2), 100 - condition.clip_percent) <= 0:
        raise ValueError(
            f"{image}: fewer than {condition.clip_percent:g} % of the pixels hold any light; "
            "no exposure can clip that share"
        )
    response = _response(condition, image, curves)
    if condition.black_percent:
        brightest = light.max(2)
        level = np.percentile(brightest, condition.black_percent) / np.percentile(
            brightest, 100 - condition.clip_percent
        )
        response = crushed(response, min(float(level), 0.5))
    camera = Camera(
        response,
        clip_percent=condition.clip_percent,
        shot_noise=condition.shot_noise,
        read_noise=condition.read_noise,
        jpeg_quality=condition.jpeg_quality,
    )
    seed = zlib.crc32(f"{PROTOCOL}/{condition.name}/{image}".encode())
    shot = simulate(
        torch.from_numpy(light.transpose(2, 0, 1).copy())[None], camera, torch.Generator().manual_seed(seed)
    )

    def hwc(tensor):
        return np.ascontiguousarray(tensor[0].permute(1, 2, 0).numpy())

    return Case(image, condition.name, np.rint(hwc(shot.code) * 255).astype(np.uint8), hwc(shot.truth), response)


def crushed(response: ResponseCurve, black: float) -> ResponseCurve:
    """A curve that sends light below `black`, in [0, 1), to code 0 and stretches the rest.

    A curve instead of a subtraction, so that the true response still explains the whole photo.
    """
    inverse = black + (1 - black) * response.inverse
    inverse[:, 0] = 0
    return replace(response, inverse=inverse, name=f"{response.name}, crushed below {black:.3g}")


def clean(scene: np.ndarray, image: str) -> np.ndarray:
    """Light as a file gives it, made physical: negative -> 0, above half-float range (and infinite) -> 65504.

    Raises:
        ValueError: for NaN, which no one can guess.
    """
    if np.isnan(scene).any():
        raise ValueError(
            f"{image}: the truth holds {np.count_nonzero(np.isnan(scene))} NaN values; repair or remove the file"
        )
    return np.clip(np.asarray(scene, np.float32), 0, BRIGHTEST_LIGHT)


def needs_curves(conditions: Sequence[Condition | None]) -> bool:
    """Whether any of the conditions uses `held_out_curves`."""
    return any(c is not None and c.response == "held-out dorf" for c in conditions)


def sigmoid() -> ResponseCurve:
    """The base camera."""
    from hdrrecon.camera.response import CODES, ResponseCurve

    a, b = SIGMOID
    return ResponseCurve((b * CODES / (1 + b - CODES)) ** (1 / a), f"sigmoid {a:g}, {b:g}")


def _response(condition: Condition, image: str, curves: Sequence[ResponseCurve]) -> ResponseCurve:
    from hdrrecon.camera.response import ResponseCurve

    if condition.response == "srgb":
        return ResponseCurve.srgb()
    if condition.response == "sigmoid":
        return sigmoid()
    if not curves:
        raise ValueError(f"{condition.name} needs curves: pass held_out_curves()")
    return curves[zlib.crc32(image.encode()) % len(curves)]
