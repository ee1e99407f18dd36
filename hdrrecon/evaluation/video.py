"""`hdrrecon evaluate --video`: steadiness and error of films made from HDR scenes, with known motion and true light.

Clips, 320 pixels a side: "still" (nothing moves but noise), "pan" (one pixel a frame), "exposure" (a pan while it falls
and rises by half a stop), "rise" (nothing moves while exposure rises by two stops, into clipping; its error is that of
pixels that clip at the end and did not at the beginning: their light was measured) and "cut" (two scenes). Noise, a
camera's curve, 8 bits; 5 percent clip, at the end of "rise" more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.color import luminance
from hdrrecon.evaluation.markdown import markdown_table
from hdrrecon.metrics.colorvideovdp import colorvideovdp_video_jod
from hdrrecon.metrics.pu21 import display_nits
from hdrrecon.metrics.temporal import clipped_errors, frames_to_settle, steadiness

SIDE_PX = 320
CLIPS = ("still", "pan", "exposure", "rise", "cut")
DRIFT_STOPS, RISE_STOPS = 0.5, 2.0
CLIP_PERCENT = 5.0
_READ_NOISE = _SHOT_NOISE = 0.004
_SEEN_CODE = 240  # brightest channel of a pixel that was measured
_WINDOW = 25  # frames, of ExpandNet's smoothing
_PERCENTILES = np.arange(0, 101, 2)
FPS = 25.0

Method = Callable[[Sequence[np.ndarray]], Iterable[np.ndarray]]


@dataclass(frozen=True)
class Clip:
    """uint8 `frames` (H, W, 3), their true light in each one's exposure, and light through the true curve."""

    frames: list[np.ndarray]
    truth: list[np.ndarray]
    linear: list[np.ndarray]
    shift_px: int
    exposure: list[float]


def camera_curve() -> ResponseCurve:
    """sRGB with more contrast in the middle: not in any family that stage 1 was trained on."""
    code = np.linspace(0, 1, 1024)
    bent = np.clip(code + 0.05 * np.sin(2 * np.pi * (code - 0.5)), 0, 1)  # what sRGB's code becomes
    srgb = ResponseCurve.srgb()
    return ResponseCurve.from_samples(srgb.linearize(code), bent, "sRGB with contrast")


def make_clip(scene: np.ndarray, name: str, count: int, seed: int = 0) -> Clip:
    """Film a scene (H, W, 3) of linear light.

    Raises:
        ValueError: a scene that is too small, or another name.
    """
    if name not in CLIPS[:4]:
        raise ValueError(f"a clip is one of {', '.join(CLIPS[:4])}, got {name!r}")
    moves = name in ("pan", "exposure")
    height, width = scene.shape[:2]
    side = min(SIDE_PX, height, width - (count if moves else 0))
    if side < 64:
        raise ValueError(
            f"a clip of {count} frames needs a scene of 64 x {64 + count} pixels at least, got {height} x {width}"
        )
    rng, curve = np.random.default_rng(seed), camera_curve()
    scale = 1 / np.percentile(scene.max(-1), 100 - CLIP_PERCENT)
    clip = Clip([], [], [], int(moves), [])
    for t in range(count):
        at = t / max(1, count - 1)
        stops = {"exposure": -DRIFT_STOPS * np.sin(np.pi * at) ** 2, "rise": RISE_STOPS * min(1.0, 1.5 * at)}.get(
            name, 0.0
        )
        left, top = (t if moves else 0), (height - side) // 2
        light = scene[top : top + side, left : left + side].astype(np.float64) * scale * 2.0**stops
        noise = rng.normal(size=light.shape) * (_READ_NOISE + _SHOT_NOISE * np.sqrt(np.clip(light, 0, 1)))
        frame = np.rint(255 * curve.expose(np.clip(light + noise, 0, 1))).astype(np.uint8)
        clip.frames.append(frame)
        clip.truth.append(light)
        clip.linear.append(curve.linearize(frame / 255.0))
        clip.exposure.append(2.0**stops)
    return clip


def methods(model: str, device: str = "cpu") -> dict[str, Method]:
    """What is compared, by name; the baselines that others use first."""
    from hdrrecon.api import Reconstructor
    from hdrrecon.video import TemporalOptions, reconstruct_frames

    made = Reconstructor(model, device)

    def alone(frames):
        return [made(frame) for frame in frames]

    def steady(frames, **options):
        return list(reconstruct_frames(frames, FPS, reconstructor=made, temporal=TemporalOptions(**options)))

    def live(frames):
        return list(reconstruct_frames(iter(frames), FPS, reconstructor=made, temporal=TemporalOptions(look_ahead=0)))

    return {
        "frame by frame": alone,
        "percentiles smoothed": lambda frames: smoothed_percentiles(alone(frames)),
        "BT.2446-A": lambda frames: [bt2446_a(frame) for frame in frames],
        "steady": steady,
        "steady, forgetful": lambda frames: steady(frames, remember_measured=False),
        "steady, live": live,
    }


def evaluate_video(
    scenes: Iterable[np.ndarray], chosen: dict[str, Method], count: int = 24, cvvdp: bool = False
) -> Iterator[dict]:
    """Rows of figures: "clip", "method", and either those of `metrics.Steadiness` or "settle". Means over scenes.

    `cvvdp`: also "cvvdp_jod", by ColorVideoVDP, which must be installed.
    """
    scenes = list(scenes)
    for name in CLIPS[:4]:
        clips = [make_clip(scene, name, count) for scene in scenes]
        for label, method in chosen.items():
            found = []
            for clip in clips:
                lights = list(method(clip.frames))
                score = steadiness(lights, clip.frames, clip.truth, clip.linear, clip.shift_px, clip.exposure).as_dict()
                if name == "rise":
                    seen = clip.frames[0].max(-1) <= _SEEN_CODE
                    errors = clipped_errors(lights, clip.frames, clip.truth, seen)
                    score["error"] = float(np.nanmean(errors[2 * count // 3 :]))
                if cvvdp:
                    shown = (np.stack([display_nits(x) for x in film]) for film in (lights, clip.truth))
                    score["cvvdp_jod"] = colorvideovdp_video_jod(*shown, FPS)
                found.append(score)
            yield {"clip": name, "method": label} | {
                key: float(np.nanmean([f[key] for f in found])) for key in found[0]
            }
    if len(scenes) < 2:
        return
    half = max(4, count // 2)
    pans = [make_clip(scene, "pan", half) for scene in scenes]
    for label, method in chosen.items():
        settled = []
        for one, two in zip(pans, pans[1:] + pans[:1]):
            lights = list(method(one.frames + two.frames))[half:]
            settled.append(frames_to_settle(clipped_errors(lights, two.frames, two.truth)))
        yield {"clip": "cut", "method": label, "settle": max(settled)}


COLUMNS = ("clipped", "clipped_floor", "measured", "floor", "border", "jump", "error", "tpu_psnr")


def to_markdown(rows: Iterable[dict]) -> str:
    """The rows as a table; stops, but for the last two columns: dB, and the most frames until a cut has settled."""
    rows = list(rows)
    extra = [key for key in ("cvvdp_jod",) if any(key in row for row in rows)]
    head = ["clip", "method", *COLUMNS, *extra, "settle"]
    cells = (
        [row["clip"], row["method"], *(_cell(key, row[key]) if key in row else "" for key in head[2:])] for row in rows
    )
    return markdown_table(head, cells, words=2)


def _cell(key: str, value: float) -> str:
    return {"settle": "{:.0f}", "tpu_psnr": "{:.1f}", "jump": "{:.4f}"}.get(key, "{:.3f}").format(value)


def smoothed_percentiles(lights: Sequence[np.ndarray], window: int = _WINDOW) -> list[np.ndarray]:
    """Smooth the curves that luminance percentiles make over a clip, and map each frame from its own to the smoothed
    ones.

    Takes out global flicker only, and smears cuts. Source: the video script of Marnerides et al., "ExpandNet",
    EUROGRAPHICS 2018.
    """
    curves = np.stack([np.log2(np.maximum(np.percentile(luminance(x), _PERCENTILES), 1e-6)) for x in lights])
    weights = np.blackman(window + 2)[1:-1]
    weights /= weights.sum()
    padded = np.pad(
        curves, [(window // 2, window // 2), (0, 0)], mode="symmetric" if len(lights) <= window // 2 else "reflect"
    )
    smooth = np.stack([np.convolve(column, weights, "valid") for column in padded.T], 1)
    out = []
    for light, own, target in zip(lights, curves, smooth):
        log = np.log2(np.maximum(luminance(light), 1e-6))
        change = np.interp(log, np.maximum.accumulate(own), target - own)
        out.append((light * 2.0 ** change[..., None]).astype(np.float32))
    return out


def bt2446_a(frame: np.ndarray) -> np.ndarray:
    """SDR to HDR by a fixed expansion of luma, uint8 (H, W, 3) to light; 1.0 = the level of a fifth of its peak of 1000
    cd/m2.

    Source: ITU-R BT.2446-1, method A, inverse, section 4.4. On luminance, with the ratio of the channels kept.
    """
    light = (frame / 255.0) ** 2.4
    luma = 255 * luminance(light) ** (1 / 2.4)
    low = (1.8712e-5 * luma - 2.7334e-3) * luma + 1.3141
    high = (2.8305e-6 * luma - 7.4622e-4) * luma + 1.2528
    expanded = np.maximum(luma, 1e-6) ** np.where(luma <= 70, low, high) / 1000
    ratio = expanded**2.4 / np.maximum((luma / 255) ** 2.4, 1e-9)
    return (5 * light * ratio[..., None]).astype(np.float32)
