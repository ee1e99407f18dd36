"""Rate and distortion of ways to keep a raw beside its JPEG: conditions, scores, Bjontegaard differences, table and
plot.

Five simulated conditions as in RAW.md; whole-file bytes; PSNR of linear raw, of the stabilised raw, and error in stops
where the JPEG clips and the sensor does not.

Source of the differences: G. Bjontegaard, VCEG-M33 (2001), with monotone cubic interpolation.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hdrrecon.evaluation.markdown import markdown_table
from hdrrecon.evaluation.raw_baselines import METHODS, WITHOUT_RATE
from hdrrecon.io.atomic import atomic_write

RATES = (0.005, 0.02, 0.1, 0.4)
MATRIX = np.array([[1.66, -0.52, -0.14], [-0.22, 1.42, -0.20], [0.02, -0.45, 1.43]])
GAINS = np.array([2.1, 1.0, 1.6])
_FULL_WELL, _READ = 8000, 2  # electrons


@dataclass(frozen=True)
class Condition:
    """How a photo is taken: JPEG quality, local tone mapping, headroom of the sensor above the JPEG's white, chroma."""

    quality: int
    local: bool
    headroom: float
    subsampling: int


CONDITIONS = {
    "q90": Condition(90, False, 2.0, 2),
    "q90-local": Condition(90, True, 2.0, 2),
    "q75": Condition(75, False, 2.0, 2),
    "q100": Condition(100, False, 1.0, 0),
    "q95-local": Condition(95, True, 3.0, 0),
}


@dataclass(frozen=True)
class Row:
    """One method on one photo at one wanted rate."""

    method: str
    condition: str
    image: str
    wanted: float
    bpp: float
    psnr: float
    psnr_stable: float
    clipped_stops: float


def expose(light: np.ndarray, condition: Condition, seed: int = 1) -> tuple[np.ndarray, bytes]:
    """(raw (H, W, 3) float32, JPEG) of a view (H, W, 3) of linear Rec.709 light."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    light = np.asarray(light, np.float64) * 0.95 / np.percentile(light.max(-1), 96)
    raw = np.minimum(np.maximum(light @ np.linalg.inv(MATRIX).T, 0) / GAINS / condition.headroom, 1)
    noise = np.sqrt(raw / _FULL_WELL + (_READ / _FULL_WELL) ** 2)
    raw = np.round(np.clip(raw + rng.normal(size=raw.shape) * noise, 0, 1) * 16383) / 16383
    out = np.minimum(raw * condition.headroom * GAINS, 10) @ MATRIX.T
    if condition.local:
        log = np.log2(np.maximum(out @ (0.2126, 0.7152, 0.0722), 1e-4))
        out = out * 2 ** (-0.35 * (gaussian_filter(log, 20) - np.log2(0.18)))[..., None]
    out = np.clip(out, 0, 1)
    code = np.where(out <= 0.0031308, 12.92 * out, 1.055 * np.power(np.maximum(out, 1e-9), 1 / 2.4) - 0.055)
    code = code + 0.06 * np.sin(2 * np.pi * (code - 0.5)) * (code > 0)
    file = io.BytesIO()
    pixels = Image.fromarray(np.round(255 * np.clip(code, 0, 1)).astype(np.uint8))
    pixels.save(file, "JPEG", quality=condition.quality, subsampling=condition.subsampling)
    return raw.astype(np.float32), file.getvalue()


def evaluate_raw(
    views: Iterable[tuple[str, np.ndarray]],
    methods: Iterable[str] = ("map", "dct", "rawcodec"),
    conditions: Iterable[str] = tuple(CONDITIONS),
    rates: Iterable[float] = RATES,
    progress=lambda row: None,
) -> list[Row]:
    """Score methods of `raw_baselines.METHODS` on views (name, light).

    Raises:
        KeyError: naming the methods or conditions there are.
    """
    methods, conditions, rates = list(methods), list(conditions), list(rates)
    for kind, names, known in (("method", methods, METHODS), ("condition", conditions, CONDITIONS)):
        for name in names:
            if name not in known:
                raise KeyError(f"no {kind} {name!r}; there are: {', '.join(known)}")
    rows = []
    for image, light in views:
        for condition in conditions:
            raw, jpeg = expose(light, CONDITIONS[condition])
            for method in methods:
                for rate in rates[:1] if method in WITHOUT_RATE else rates:
                    size, out = METHODS[method](raw, jpeg, rate)
                    row = Row(method, condition, image, rate, *_scores(raw, jpeg, size, out))
                    rows.append(row)
                    progress(row)
    return rows


def _scores(raw: np.ndarray, jpeg: bytes, size: int, out: np.ndarray) -> tuple[float, float, float, float]:
    from hdrrecon.rawcodec.codec import jpeg_pixels
    from hdrrecon.rawcodec.domain import stabilize

    def psnr(a, b):
        return float(-10 * np.log10(np.mean((a.astype(np.float64) - b) ** 2) + 1e-20))

    kept = (jpeg_pixels(jpeg).max(-1) >= 254) & (raw.max(-1) < 0.98)
    brightness = [np.maximum(v.astype(np.float64) @ (0.25, 0.5, 0.25), 1e-5) for v in (out, raw)]
    stops = float(np.sqrt(np.mean(np.log2(brightness[0] / brightness[1])[kept] ** 2))) if kept.any() else float("nan")
    return 8 * size / raw[..., 0].size, psnr(out, raw), psnr(stabilize(out), stabilize(raw)), stops


def curve(rows: list[Row], method: str, condition: str) -> np.ndarray:
    """(n, 4): means over images of bpp, PSNR, stabilised PSNR, clipped stops, by rising rate."""
    found = [r for r in rows if (r.method, r.condition) == (method, condition)]
    means = []
    for wanted in sorted({r.wanted for r in found}):
        part = [(r.bpp, r.psnr, r.psnr_stable, r.clipped_stops) for r in found if r.wanted == wanted]
        means.append([np.nanmean(v) if np.isfinite(v).any() else np.nan for v in np.array(part).T])
    return np.array(means)


def bd_rate(ours: np.ndarray, reference: np.ndarray) -> float:
    """Bjontegaard difference in rate, in percent: how many bytes more (less, if negative) for the same PSNR.

    Args:
        ours, reference: `curve`s of at least two points whose PSNRs overlap; else NaN.
    """
    from scipy.interpolate import PchipInterpolator

    low = max(ours[:, 1].min(), reference[:, 1].min())
    high = min(ours[:, 1].max(), reference[:, 1].max())
    if low >= high or min(len(ours), len(reference)) < 2:
        return float("nan")
    means = []
    for points in (ours, reference):
        rate, psnr = np.log(points[:, 0]), np.maximum.accumulate(points[:, 1])
        psnr = psnr + np.arange(len(psnr)) * 1e-9
        means.append(PchipInterpolator(psnr, rate).integrate(low, high) / (high - low))
    return float(100 * (np.exp(means[0] - means[1]) - 1))


def table(rows: list[Row], reference: str = "dct") -> str:
    """Markdown: one line per condition, method and rate; BD-rate against `reference` on the last line of each
    method."""
    head, cells = ["condition", "method", "bpp", "PSNR dB", "stabilised dB", "clipped stops", "BD-rate"], []
    for condition in dict.fromkeys(r.condition for r in rows):
        methods = dict.fromkeys(r.method for r in rows if r.condition == condition)
        against = curve(rows, reference, condition) if reference in methods else None
        for method in methods:
            points = curve(rows, method, condition)
            difference = ""
            if against is not None and method != reference and method not in WITHOUT_RATE:
                found = bd_rate(points, against)
                difference = f"{found:+.0f} %" if np.isfinite(found) else "n/a"
            for i, (bpp, psnr, stable, stops) in enumerate(points):
                last = difference if i == len(points) - 1 else ""
                figures = (f"{bpp:.4f}", f"{psnr:.2f}", f"{stable:.2f}", f"{stops:.3f}")
                cells.append([condition, method, *figures, last])
    return markdown_table(head, cells, words=2)


def write_rows(path: Path, rows: list[Row]) -> None:
    """All rows as CSV."""
    with atomic_write(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(r) for r in rows)


def plot(rows: list[Row], width_px: int = 1500) -> np.ndarray:
    """Rate-distortion curves, one panel per condition, (H, W, 3) uint8: bits per pixel (log) to the right, PSNR
    upwards."""
    import cv2

    conditions = list(dict.fromkeys(r.condition for r in rows))
    methods = list(dict.fromkeys(r.method for r in rows))
    colours = [(31, 95, 180), (200, 90, 30), (30, 130, 60), (150, 60, 160), (110, 110, 110), (180, 140, 20),
               (20, 150, 160), (210, 30, 60), (120, 80, 50), (90, 60, 200)]  # fmt: skip
    columns = min(3, len(conditions))
    side = width_px // columns
    image = np.full((-(-len(conditions) // columns) * side, width_px, 3), 255, np.uint8)
    low, high = np.log10(0.003), np.log10(0.6)
    for k, condition in enumerate(conditions):
        top, left = k // columns * side, k % columns * side
        points = {m: curve(rows, m, condition) for m in methods}
        values = np.concatenate([p[:, 1] for p in points.values() if len(p)])
        floor, ceiling = np.floor(values.min() - 1), np.ceil(values.max() + 1)

        def place(bpp, psnr, top=top, left=left, floor=floor, ceiling=ceiling):
            x = left + 60 + (side - 80) * (np.log10(np.clip(bpp, 0.003, 0.6)) - low) / (high - low)
            return int(x), int(top + side - 40 - (side - 80) * (psnr - floor) / (ceiling - floor))

        for psnr in np.arange(np.ceil(floor / 5) * 5, ceiling, 5):
            cv2.line(image, place(0.003, psnr), place(0.6, psnr), (225, 225, 225), 1, cv2.LINE_AA)
            cv2.putText(
                image, f"{psnr:.0f}", (left + 28, place(0.003, psnr)[1] + 4), 0, 0.42, (90, 90, 90), 1, cv2.LINE_AA
            )
        for bpp in (0.005, 0.02, 0.1, 0.4):
            cv2.line(image, place(bpp, floor), place(bpp, ceiling), (235, 235, 235), 1, cv2.LINE_AA)
            at = place(bpp, floor)
            cv2.putText(image, f"{bpp:g}", (at[0] - 14, at[1] + 18), 0, 0.42, (90, 90, 90), 1, cv2.LINE_AA)
        cv2.putText(
            image, f"{condition}: dB over bits per pixel", (left + 60, top + 24), 0, 0.5, (40, 40, 40), 1, cv2.LINE_AA
        )
        for i, (method, found) in enumerate(points.items()):
            if not len(found):
                continue
            colour = colours[i % len(colours)]
            spots = [place(b, p) for b, p in found[:, :2]]
            if method in WITHOUT_RATE:
                spots = [place(0.003, found[0, 1]), place(max(found[0, 0], 0.0045), found[0, 1])]
            for one, two in zip(spots[:-1], spots[1:], strict=True):
                cv2.line(image, one, two, colour, 2, cv2.LINE_AA)
            for spot in spots:
                cv2.circle(image, spot, 3, colour, -1, cv2.LINE_AA)
            cv2.putText(image, method, (left + side - 130, top + side - 60 - 18 * i), 0, 0.45, colour, 1, cv2.LINE_AA)
    return image
