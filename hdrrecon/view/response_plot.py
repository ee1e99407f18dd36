"""A picture of a response: the curve, how unsure it is, and sRGB for comparison. Drawn with OpenCV, no plotting
library.

Code value runs to the right, linear light (1 = the level at which the photo clips) upwards, in the left panel
as it is and in the right one in stops below clipping, where the shadows can be seen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hdrrecon.camera.response import CODES, ResponseCurve

PAPER, INK, FAINT, GRID = (255, 255, 255), (40, 40, 40), (110, 110, 110), (225, 225, 225)
CURVE, BAND, REFERENCE = (31, 95, 180), (198, 217, 240), (200, 90, 30)
CHANNELS = ((190, 40, 40), (30, 130, 60), (40, 70, 190))
FINER = 3  # drawn three times as large, then averaged: OpenCV's own antialiasing leaves polygons jagged
DARKEST_STOPS = -10.0


def plot_response(
    curve: ResponseCurve, reference: ResponseCurve | None = None, width_px: int = 1100, title: str = ""
) -> np.ndarray:
    """Draw a response with its band of uncertainty.

    Args:
        curve: one or three curves; `facts["spread"]` (1024,), the uncertainty of an estimate, gives the band.
        reference: a second curve, drawn dashed; sRGB if None.
        width_px: of the picture, 400 or more; its height is 0.5 of it.
        title: one line above.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    import cv2

    if width_px < 400:
        raise ValueError(f"a plot needs a width of 400 pixels or more, got {width_px}")
    reference = reference or ResponseCurve.srgb()
    height = width_px // 2
    image = np.full((height * FINER, width_px * FINER, 3), PAPER, np.uint8)
    pen = _Pen(image, width_px / 1100 * FINER)
    pen.text(title or f"response: {curve.name}", (48, 34), 0.62, INK)

    def stops(light):
        return np.maximum(np.log2(np.maximum(light, 2.0**DARKEST_STOPS)), DARKEST_STOPS)

    _panel(
        pen, (64, 60, 520, 480), curve, reference, lambda light: light, (0, 1), [0, 0.25, 0.5, 0.75, 1], "linear light"
    )
    _panel(
        pen,
        (610, 60, 1066, 480),
        curve,
        reference,
        stops,
        (DARKEST_STOPS, 0),
        [-10, -8, -6, -4, -2, 0],
        "stops below clipping",
    )
    _legend(pen, (84, 84), curve, reference)
    return cv2.resize(image, (width_px, height), interpolation=cv2.INTER_AREA)


def save_plot(path: Path, curve: ResponseCurve, title: str = "") -> None:
    """Write `plot_response` as PNG, whole or not at all."""
    import cv2

    from hdrrecon.io.atomic import atomic_write

    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"plots are written as PNG, got {path.name}; name it {path.stem}.png")
    data = cv2.imencode(".png", plot_response(curve, title=title)[..., ::-1])[1]
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())


class _Pen:
    """Draws in the units of a picture 1100 wide, whatever its size."""

    def __init__(self, image: np.ndarray, scale: float):
        self.image, self.scale = image, scale

    def points(self, points) -> np.ndarray:
        return np.rint(np.asarray(points, np.float64) * self.scale * 16).astype(np.int32)  # 4 bits of subpixel position

    def line(self, points, colour, width: float, dashed: bool = False) -> None:
        import cv2

        parts = [np.asarray(points, np.float64)]
        if dashed:
            walked = np.r_[0, np.cumsum(np.hypot(*np.diff(parts[0], axis=0).T))]
            ends = np.arange(0, walked[-1], 14.0)

            def at(s):
                return np.stack([np.interp(s, walked, parts[0][:, i]) for i in (0, 1)], -1)

            parts = [at(np.linspace(s, min(s + 8, walked[-1]), 6)) for s in ends]
        for part in parts:
            cv2.polylines(
                self.image, [self.points(part)], False, colour, max(1, round(width * self.scale)), cv2.LINE_AA, 4
            )

    def area(self, points, colour) -> None:
        import cv2

        cv2.fillPoly(self.image, [self.points(points)], colour, cv2.LINE_AA, 4)

    def text(self, words: str, at, size: float, colour, align: str = "left", upright: bool = False) -> None:
        import cv2

        face, thick = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(1.1 * self.scale))
        words = words.encode("ascii", "replace").decode()  # the face has no other letters
        (w, h), _ = cv2.getTextSize(words, face, size * self.scale, thick)
        x, y = (np.asarray(at) * self.scale).round().astype(int)
        x -= {"left": 0, "middle": w // 2, "right": w}[align]
        if not upright:
            cv2.putText(self.image, words, (int(x), int(y)), face, size * self.scale, colour, thick, cv2.LINE_AA)
            return
        strip = np.full((2 * h, w, 3), PAPER, np.uint8)
        cv2.putText(strip, words, (0, h + h // 2), face, size * self.scale, colour, thick, cv2.LINE_AA)
        strip = np.rot90(strip)
        x, top = int(round(at[0] * self.scale)), int(y) - w // 2
        self.image[top : top + w, x : x + 2 * h] = strip[: self.image.shape[0] - top]


def _panel(pen: _Pen, box, curve, reference, scale, limits, ticks, label) -> None:
    left, top, right, bottom = box

    def place(code, value):
        return np.stack(
            [
                left + (right - left) * np.asarray(code),
                bottom - (bottom - top) * (np.asarray(value) - limits[0]) / (limits[1] - limits[0]),
            ],
            -1,
        )

    for code in (0, 64, 128, 192, 255):
        pen.line(place([code / 255] * 2, limits), GRID, 1)
        pen.text(str(code), (left + (right - left) * code / 255, bottom + 22), 0.45, FAINT, "middle")
    for tick in ticks:
        pen.line(place([0, 1], [tick] * 2), GRID, 1)
        pen.text(f"{tick:g}", (left - 8, place(0, tick)[1] + 5), 0.45, FAINT, "right")
    spread = curve.facts.get("spread")
    if spread is not None:
        middle = curve.inverse.mean(0)
        low, high = (scale(np.clip(middle + sign * np.asarray(spread), 0, 1)) for sign in (-1, 1))
        pen.area(np.concatenate([place(CODES, low), place(CODES, high)[::-1]]), BAND)
    pen.line(place(CODES, scale(reference.inverse.mean(0))), REFERENCE, 1.6, dashed=True)
    for row, colour in zip(curve.inverse, CHANNELS if len(curve.inverse) == 3 else (CURVE,)):
        pen.line(place(CODES, scale(row)), colour, 2.4)
    pen.line(np.concatenate([place([0, 1, 1, 0, 0], [*limits[:1] * 2, *limits[1:] * 2, limits[0]])]), FAINT, 1)
    pen.text("code value", ((left + right) / 2, bottom + 48), 0.5, INK, "middle")
    pen.text(label, (left - 60, (top + bottom) / 2), 0.5, INK, upright=True)


def _legend(pen: _Pen, at, curve, reference) -> None:
    x, y = at
    entries = [(curve.name, CHANNELS[0] if len(curve.inverse) == 3 else CURVE, "line")]
    if "spread" in curve.facts:
        entries.append(("one standard deviation", BAND, "area"))
    entries.append((reference.name, REFERENCE, "dashed"))
    for words, colour, kind in entries:
        if kind == "area":
            pen.area([(x, y - 6), (x + 30, y - 6), (x + 30, y + 6), (x, y + 6)], colour)
        else:
            pen.line([(x, y), (x + 30, y)], colour, 2.4 if kind == "line" else 1.6, kind == "dashed")
        pen.text(words, (x + 40, y + 5), 0.45, INK)
        y += 22
