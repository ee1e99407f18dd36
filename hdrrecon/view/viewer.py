"""One self-contained HTML page to look at HDR light: `write_viewer`. Nothing is fetched; it works from a disk.

Exposure, before and after, false colour in stops, confidence, values under the pointer, the camera's response,
looking around in 2:1 panoramas, and true HDR where screen and browser can (WebGPU's extended tone mapping).
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np

from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.color import srgb_to_linear
from hdrrecon.io.atomic import atomic_write
from hdrrecon.io.orientation import orientation_of
from hdrrecon.view.falsecolor import colors_of
from hdrrecon.view.packing import HALF_MAX, pack, packed_size

MAX_MB = 20.0
_SHELL_BYTES = 60_000  # the page around light and photo
_LONGEST_PX = 16_384  # few devices draw more, and those of 4096 are served by the page itself
_CURVE_SAMPLES = 256


def write_viewer(
    path: str | Path,
    light: np.ndarray,
    *,
    photo: str | Path | np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    response: ResponseCurve | None = None,
    white_nits: float | None = None,
    title: str | None = None,
    max_mb: float = MAX_MB,
) -> Path:
    """Write a page that shows light.

    Args:
        path: where to, .html; an existing file is replaced.
        light: (H, W, 3) scene-linear floats, 1.0 = the level at which the photo clipped. Kept as half floats:
            the page shows the numbers of a half-float EXR exactly.
        photo: what the light was made of, for before and after: a path of a photo, or (h, w, 3) uint8.
        confidence: (H, W) in [0, 1], kept to 1/255.
        response: the camera's curve, to draw it and to linearise the photo (sRGB if not given).
        white_nits: cd/m2 of 1.0; the values are then also given in cd/m2.
        title: of the page; the file's name if not given.
        max_mb: size the page may have, in 10^6 bytes. Larger light is first rounded to 0.2 %, then shrunk; the page
            says so.

    Returns:
        The path.

    Raises:
        ValueError: another extension, another shape, or a photo of another shape than the light.
        OSError: the place cannot be written to; names it.

    Example:
        >>> result = hdrrecon.reconstruct("photo.jpg", details=True)
        >>> write_viewer("photo.html", result.radiance, photo="photo.jpg", confidence=result.confidence,
        ...              response=result.response)
        PosixPath('photo.html')
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"cannot write a page to {path}: wanted the extension .html")
    light, confidence = _checked(light, confidence)
    if not max_mb >= 0.5:
        raise ValueError(f"max_mb is {max_mb:g}; a page needs at least 0.5")
    picture = "" if photo is None else _photo_uri(photo, light.shape[:2], 0.25e6 * max_mb)
    panorama = light.shape[1] == 2 * light.shape[0]  # asked here: shrinking rounds the sides
    light, confidence, shift, notes = _within(light, confidence, max_mb * 1e6 - _SHELL_BYTES - len(picture))
    packed = pack(light, confidence, shift=shift)
    if packed.clamped:
        notes.append(f"{packed.clamped} values are beyond the half floats of this page and shown as 65504.")
    facts = {
        "width": light.shape[1],
        "height": light.shape[0],
        "shift": packed.shift,
        "confidence": confidence is not None,
        "notes": notes,
        "panorama": panorama,
        "white_nits": white_nits if white_nits is not None and 0 < white_nits < math.inf else None,
        "bright": _bright(light),
        "start_stops": start_stops(light),
        "legend": colors_of(np.linspace(-10, 10, 201)).tolist(),
        "srgb": _samples(ResponseCurve.srgb())[0],
        "response": response and {"name": response.name, "inverse": _samples(response)},
    }
    page = _page(title or path.stem, facts, packed.text, picture)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def start_stops(light: np.ndarray) -> int:
    """Exposure at which a page opens: dark enough that all but the brightest thousandth is below white, at most 6
    stops.

    Restored light shows at once then; at the photo's own exposure it would be as white as before.
    """
    brightest = np.nanquantile(np.nan_to_num(light.max(-1), posinf=0.0), 0.999)
    return -int(np.clip(np.ceil(np.log2(max(float(brightest), 1.0))), 0, 6))


def _checked(light: np.ndarray, confidence: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    light = np.asarray(light)
    if light.ndim != 3 or light.shape[2] != 3 or 0 in light.shape or light.dtype.kind != "f":
        raise ValueError(
            f"a viewer needs linear light (H, W, 3) as floats, got {light.dtype} {light.shape}; "
            "bring code values there with hdrrecon.color.srgb_to_linear(codes / 255)"
        )
    if confidence is not None and np.shape(confidence) != light.shape[:2]:
        raise ValueError(f"confidence of shape {np.shape(confidence)} beside light of {light.shape[:2]}")
    return light.astype(np.float32), None if confidence is None else np.asarray(confidence, np.float32)


def _within(light, confidence, budget: float):
    """Light, confidence, the bits to leave out, and a note, so that the packed text fits into `budget` bytes."""
    import cv2

    height, width = light.shape[:2]
    scale = min(1.0, _LONGEST_PX / max(height, width))
    if scale == 1:
        size = packed_size(light, confidence)
        if size <= budget:
            return light, confidence, 0, []
        if packed_size(light, confidence, shift=2) <= budget:
            return light, confidence, 2, ["To keep this page small, values are rounded to 0.2 %."]
        scale = (budget / size) ** 0.5
    while True:
        to = (max(1, round(width * scale)), max(1, round(height * scale)))

        def small(plane, to=to):
            return plane if plane is None else cv2.resize(plane, to, interpolation=cv2.INTER_AREA)

        if packed_size(small(light), small(confidence)) <= budget:
            note = f"Shrunk from {width} x {height} to {to[0]} x {to[1]} to keep this page small; values are means."
            return small(light), small(confidence), 0, [f"{note} hdrrecon view --max-mb allows more."]
        scale *= 0.93  # small pictures have more detail per pixel than large ones


def _photo_uri(photo: str | Path | np.ndarray, shape: tuple[int, int], most_bytes: float) -> str:
    """The photo as a data: address: a JPEG's own bytes if they are few, else coded again."""
    from PIL import Image

    if isinstance(photo, np.ndarray):
        codes = photo
        if codes.dtype != np.uint8 or codes.ndim != 3 or codes.shape[2] != 3:
            raise ValueError(f"a photo is a path or (h, w, 3) uint8, got {codes.dtype} {codes.shape}")
    else:
        codes = _photo_codes(Path(photo))
    height, width = codes.shape[:2]
    if abs(width / height * shape[0] / shape[1] - 1) > 0.01:
        raise ValueError(
            f"the photo has {width} x {height} pixels, the light {shape[1]} x {shape[0]}: they do not show the same"
        )
    data = b"" if isinstance(photo, np.ndarray) else _shareable(Path(photo).read_bytes())
    if data[:2] != b"\xff\xd8" or len(data) * 4 / 3 > most_bytes:
        for longest in (2560, 1280, 640, 320):
            image, memory = Image.fromarray(codes), BytesIO()
            image.thumbnail((longest, longest), Image.Resampling.BOX)
            image.save(memory, "jpeg", quality=93, subsampling=0)
            data = memory.getvalue()
            if len(data) * 4 / 3 <= most_bytes:
                break
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _shareable(data: bytes) -> bytes:
    """A JPEG without what its owner may not want to hand on with the page: where it was taken, by whom. b"" of
    others."""
    from hdrrecon.io.jpeg import picture_alone
    from hdrrecon.io.pillow import opened

    if data[:2] != b"\xff\xd8":
        return b""
    image = opened("jpeg", data)
    return picture_alone(data, orientation_of(image.info.get("exif"), image.info.get("xmp")))


def _photo_codes(path: Path) -> np.ndarray:
    """(h, w, 3) uint8 sRGB, upright."""
    from hdrrecon.io import read_photo
    from hdrrecon.view.tonemap import quantized

    photo = read_photo(path)
    if photo.linear:
        return quantized(photo.pixels)
    if np.allclose(photo.to_rec709, np.eye(3)):
        return np.rint(photo.pixels * 255).astype(np.uint8)
    return quantized(srgb_to_linear(photo.pixels) @ photo.to_rec709.T)


def _bright(light: np.ndarray) -> float:
    """What Reinhard's curve shows as white, as in `tonemap`."""
    largest = np.nan_to_num(light.max(axis=2), nan=0.0, posinf=HALF_MAX, neginf=0.0)
    return float(np.percentile(largest, 99.9))


def _samples(curve: ResponseCurve) -> list[list[float]]:
    at = np.linspace(0, 1, _CURVE_SAMPLES)
    return [np.round(np.interp(at, CODES, row), 6).tolist() for row in curve.inverse]


def _page(title: str, facts: dict, light: str, photo: str) -> str:
    folder = files("hdrrecon.view")

    def text(name):
        return (folder / name).read_text(encoding="utf-8")

    # "<" escaped: a name with </script> must not end the script.
    parts = {
        "TITLE": html.escape(title),
        "FACTS": json.dumps(facts).replace("<", "\\u003c"),
        "LIGHT": light,
        "PHOTO": photo,
        "SCRIPT": text("viewer.js") + text("viewer_controls.js"),
    }
    shell = re.split(r"%([A-Z]+)%", text("viewer.html"))  # in one pass: a title may hold %LIGHT%
    return "".join(parts[part] if i % 2 else part for i, part in enumerate(shell))
