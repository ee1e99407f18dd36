"""Steadiness of light over time, on clips whose motion is known: what flickers, what pumps, and what of it is noise.

Everything is the root mean square of log2 luminance differences between the same scene points in neighbouring frames,
in stops, after the exposure of the frames has been taken out. Images are numpy (H, W, 3), linear light, 1.0 = the level
at which frames clip.

Sources: the warping error of Lai et al., ECCV 2018, taken in stops and split by what was clipped; PU21 of Mantiuk &
Azimi 2021; Boitard et al. 2014 for the kinds of flicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from hdrrecon.color import luminance
from hdrrecon.metrics.pu21 import display_nits, pu21_encode

DARKEST = 1e-4  # light below counts as this
CLIPPED_CODE, MEASURED_CODE = 254, 200  # brightest channel of a clipped pixel at least, of a measured one at most
SHADOW_STOPS = -5.0  # pixels darker than this are mostly noise, and not counted as measured
BORDER_PX = 8  # to either side of the edge of a clipped region
_PU_PEAK = 595.39  # PU21 units at 10000 cd/m2


@dataclass(frozen=True)
class Steadiness:
    """Stops, RMS between neighbouring frames; NaN where there are no such pixels.

    clipped: pixels clipped in both frames; measured: in neither; border: within 8 pixels of the edge of a clipped
        region, not
    clipped in both. floor: as `measured`, of the frames themselves through the true response: their own noise;
    clipped_floor: the same of clipped pixels, the noise of those channels that are measured. jump: the whole picture,
        absolute median over
    measured pixels. error: of clipped pixels against the truth, after one gain for the clip. tpu_psnr: dB, of the
    differences between neighbouring frames in PU21 units against those of the truth.
    """

    clipped: float
    measured: float
    border: float
    floor: float
    clipped_floor: float
    jump: float
    error: float
    tpu_psnr: float

    def as_dict(self) -> dict[str, float]:
        """Name to value."""
        return asdict(self)


def rms(values: np.ndarray) -> float:
    """Root mean square; NaN of nothing."""
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else float("nan")


def steadiness(
    lights: Sequence[np.ndarray],
    frames: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
    linear: Sequence[np.ndarray],
    shift_px: int = 0,
    exposure: Sequence[float] | None = None,
    skip: int = 1,
) -> Steadiness:
    """How steady reconstructed light is.

    Args:
        lights: reconstruction, (H, W, 3) each, at least two.
        frames: uint8 R'G'B' that it was made from.
        truth: true light, each in the exposure of its frame.
        linear: the frames through the true response.
        shift_px: how far the view moves to the right in each frame, in whole pixels.
        exposure: of each frame; None: all alike.
        skip: pairs at the beginning that are not counted.

    Raises:
        ValueError: fewer than two frames, or sequences of different lengths.
    """
    count = len(lights)
    if count < 2 or not len(frames) == len(truth) == len(linear) == count:
        raise ValueError(
            f"steadiness needs as many lights, frames, truths and linear frames, two at least; got {count}, "
            f"{len(frames)}, "
            f"{len(truth)} and {len(linear)}"
        )
    gains = np.ones(count) if exposure is None else np.asarray(exposure, np.float64)
    made, true, seen = ([_log2(x / e) for x, e in zip(xs, gains)] for xs in (lights, truth, linear))
    brightest = [frame.max(-1) for frame in frames]
    offset = _offset(made, true, brightest)
    pairs: dict[str, list[float]] = {
        name: [] for name in ("clipped", "measured", "border", "floor", "clipped_floor", "jump")
    }
    for t in range(1 + skip, count):
        before, now = _matched(brightest[t - 1], brightest[t], shift_px)
        clipped = (before >= CLIPPED_CODE) & (now >= CLIPPED_CODE)
        lit = _matched(true[t - 1], true[t], shift_px)[0] > SHADOW_STOPS
        measured = (before <= MEASURED_CODE) & (now <= MEASURED_CODE) & lit
        change, noise = (np.subtract(*_matched(x[t], x[t - 1], -shift_px)) for x in (made, seen))
        border = _near_edge(now >= CLIPPED_CODE) & ~clipped & lit
        for name, values, where in (
            ("clipped", change, clipped),
            ("measured", change, measured),
            ("border", change, border),
            ("floor", noise, measured),
            ("clipped_floor", noise, clipped),
        ):
            pairs[name].append(rms(values[where]))
        pairs["jump"].append(abs(float(np.median(change[measured]))) if measured.any() else np.nan)
    errors = [rms((m - offset - t)[b >= CLIPPED_CODE]) for m, t, b in zip(made, true, brightest)]
    return Steadiness(
        **{name: _mean(values) for name, values in pairs.items()},
        error=_mean(errors),
        tpu_psnr=temporal_pu21_psnr([x / 2.0**offset for x in lights], truth, shift_px),
    )


def temporal_pu21_psnr(lights: Sequence[np.ndarray], truth: Sequence[np.ndarray], shift_px: int = 0) -> float:
    """PSNR in dB of what changes between neighbouring frames, in PU21 units, against what truly changes.

    Args:
        lights, truth: (H, W, 3) linear light, aligned; shown as `metrics.display_nits` does.
        shift_px: as `steadiness`.
    """
    squares = []
    made, true = ([pu21_encode(display_nits(x)) for x in xs] for xs in (lights, truth))
    for t in range(1, len(made)):
        (a, b), (c, d) = (_matched(x[t - 1], x[t], shift_px) for x in (made, true))
        squares.append(np.mean(((b - a) - (d - c)) ** 2))
    return float(20 * np.log10(_PU_PEAK) - 10 * np.log10(max(float(np.mean(squares)), 1e-12)))


def frames_to_settle(errors: Sequence[float], within: float = 1.1, last: int = 4) -> int:
    """Frames after a cut until the error is within a factor of its mean over the last frames; as many as there are if
    never."""
    goal = within * float(np.mean(errors[-last:]))
    return next((index for index, error in enumerate(errors) if error <= goal), len(errors))


def clipped_errors(
    lights: Sequence[np.ndarray],
    frames: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
    where: np.ndarray | None = None,
) -> list[float]:
    """Of each frame, the error of its clipped pixels in stops, after one gain for all; of those `where` (H, W), if
    given."""
    made, true = ([_log2(x) for x in xs] for xs in (lights, truth))
    brightest = [frame.max(-1) for frame in frames]
    offset = _offset(made, true, brightest)
    chosen = True if where is None else where
    return [rms((m - offset - t)[(b >= CLIPPED_CODE) & chosen]) for m, t, b in zip(made, true, brightest)]


def _offset(made, true, brightest) -> float:
    """Median stops by which measured pixels of a clip are too bright: one gain is nobody's fault."""
    differences = [(m - t)[(b <= MEASURED_CODE) & (t > SHADOW_STOPS)] for m, t, b in zip(made, true, brightest)]
    joined = np.concatenate(differences)
    return float(np.median(joined)) if joined.size else 0.0


def _matched(before: np.ndarray, now: np.ndarray, shift_px: int) -> tuple[np.ndarray, np.ndarray]:
    """The scene points that two frames share; the view moved right by `shift_px` in between (left, if negative)."""
    if shift_px == 0:
        return before, now
    if shift_px > 0:
        return before[:, shift_px:], now[:, :-shift_px]
    return before[:, :shift_px], now[:, -shift_px:]


def _near_edge(mask: np.ndarray) -> np.ndarray:
    import cv2

    kernel = np.ones((2 * BORDER_PX + 1,) * 2, np.uint8)
    mask = mask.astype(np.uint8)
    return (cv2.dilate(mask, kernel) - cv2.erode(mask, kernel)) > 0


def _log2(light: np.ndarray) -> np.ndarray:
    return np.log2(np.maximum(luminance(np.asarray(light, np.float64)), DARKEST))


def _mean(values: Sequence[float]) -> float:
    kept = [v for v in values if np.isfinite(v)]
    return float(np.mean(kept)) if kept else float("nan")
