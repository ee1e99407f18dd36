"""Pictures for the report, made where the prediction is at hand and kept beside the result file.

One small JSON file per condition, image and method: JPEGs at three exposures, the error map in stops, the
curve.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import numpy as np

from hdrrecon.color import linear_to_srgb
from hdrrecon.evaluation.case import Case
from hdrrecon.metrics.highlights import stops_map
from hdrrecon.metrics.scores import aligned

EXPOSURES_STOPS = (-3, 0, 3)
ERROR_RANGE_STOPS = 4.0
SIDE_PX = 256
TRUTH = "truth"
CURVE_POINTS = 33
# Blue = too dark, white = right, red = too bright; dark at both ends, so that size shows without hue too.
_COLOURS = np.array([[5, 30, 100], [60, 130, 220], [245, 245, 245], [230, 110, 60], [110, 10, 20]], np.float64)


def panel_path(folder: str | Path, condition: str, image: str, method: str) -> Path:
    """Where a panel is kept. The hash keeps names apart that differ only in characters a file name cannot have."""
    name = "__".join((condition, image, method))
    return (
        Path(folder)
        / f"{re.sub(r'[^A-Za-z0-9_.-]', '-', name)[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.json"
    )


def save_panel(folder: str | Path, case: Case, method: str, prediction) -> None:
    """Write the panels of a prediction, and of its case (input, truth) if they are not there yet."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    of_case = panel_path(folder, case.condition, case.image, TRUTH)
    if not of_case.exists():
        _write(
            of_case,
            {
                "input": _jpeg(_small(case.photo / 255.0)),
                "exposures": _exposures(case.truth),
                "curve": _curve(case.response),
            },
        )
    light, _, _ = aligned(prediction.radiance, case.truth, case.photo, case.clip_from)
    _write(
        panel_path(folder, case.condition, case.image, method),
        {
            "exposures": _exposures(light),
            "error": _jpeg(error_colours(_small(stops_map(light, case.truth)[..., None])[..., 0]) / 255),
            "curve": _curve(prediction.response),
        },
    )


def error_colours(stops: np.ndarray) -> np.ndarray:
    """(...,) error in stops to (..., 3) colours in [0, 255]; the ends of the scale are +-4 stops."""
    position = (np.clip(stops / ERROR_RANGE_STOPS, -1, 1) + 1) / 2 * (len(_COLOURS) - 1)
    return np.stack([np.interp(position, np.arange(len(_COLOURS)), _COLOURS[:, c]) for c in range(3)], -1)


def _exposures(light) -> list[str]:
    small = _small(np.asarray(light, np.float64))
    return [_jpeg(linear_to_srgb(np.clip(small * 2.0**stops, 0, 1))) for stops in EXPOSURES_STOPS]


def _curve(response) -> list[list[float]] | None:
    """Light at uniform code values, one list per channel."""
    if response is None:
        return None
    at = np.linspace(0, response.inverse.shape[1] - 1, CURVE_POINTS).round().astype(int)
    return np.round(response.inverse[:, at], 4).tolist()


def _small(image: np.ndarray) -> np.ndarray:
    """(H, W, C) averaged down until no side is longer than 256 px."""
    import cv2

    factor = SIDE_PX / max(image.shape[:2])
    if factor >= 1:
        return image
    height, width = (max(1, round(side * factor)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, -1)


def _jpeg(code: np.ndarray) -> str:
    """Code values (H, W, 3) in [0, 1] as a data URL."""
    import cv2

    bgr = np.rint(np.clip(code, 0, 1) * 255).astype(np.uint8)[..., ::-1]
    data = cv2.imencode(".jpg", np.ascontiguousarray(bgr), [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _write(path: Path, panel: dict) -> None:
    # Two processes may write the panel of one case; a rename keeps readers from half a file.
    temporary = path.with_suffix(f".{hashlib.sha256(json.dumps(panel).encode()).hexdigest()[:8]}.part")
    temporary.write_text(json.dumps(panel))
    temporary.replace(path)
