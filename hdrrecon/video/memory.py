"""Memory in light: what was said, and what was measured, of a clipped region moments ago and moments later.

Two memories travel along the motion, at the working size, in stops above the clip level of the frame they are seen
from:

* **said**: a Kalman filter of what the networks answered. Its gain falls as answers gather, and is one where nothing
  was known or motion is not believed. A network errs the same way in every frame, so this makes light steady, not
  right;
* **measured**: the light of a cell when it was last not clipped. Where it clips now, that is what is behind the
  clipping: exposure rose. Only light above the clip level informs; less contradicts the frame, and is forgotten.

What is measured in the frame itself always wins: a memory only changes what was inferred, through the masks of the
frame.

Arrays are (h, w, C) float32. Sources: Kalman 1960; Fraser & Potter 1969 for the two-sided smoother; the rest is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdrrecon.video.motion import Motion

UNKNOWN = 1e3  # variance of what nobody said anything of, stops squared
CONTRADICTED = -0.15  # stops; masks are full from code 250 of 255, a tenth of a stop below the clip level
CLIPPED_SHARE = 0.02  # a cell of which less is clipped was measured


@dataclass(frozen=True)
class MemoryConfig:
    """How fast the memories believe and forget. The defaults are calibrated in docs/video.md."""

    noise_stops: float = 0.09  # standard deviation of answers from frame to frame, about their own mean
    drift_stops: float = 0.01  # what light itself changes from frame to frame
    doubt_stops: float = 0.3  # how wrong what was carried may be where motion is not believed
    measured_stops: float = 0.1  # standard deviation of remembered measured light
    ageing_stops: float = 0.1  # that it gains within a second, in variance
    most_stops: float = 6.0  # a correction is never larger


@dataclass(frozen=True)
class SmallFrame:
    """One frame on the memory's grid.

    linear: (h, w, 3) mean linear light; over: (h, w, 3) share of each cell that is clipped.
    asked: (h, w) where the networks were asked: something was lost, or is nearby.
    said: (h, w, 3) stops that they would add to a pixel there all of whose channels clip: smooth, and what is carried.
    boost: (h, w, 3) stops that they add to the clipped pixels there as they are.
    spread: (h, w) scale of their doubt in stops.
    """

    linear: np.ndarray
    over: np.ndarray
    asked: np.ndarray
    said: np.ndarray
    boost: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class LightState:
    """What is remembered: `said` (h, w, 3) stops and its `variance` (h, w, 1); `measured` (h, w, 3) stops, its variance
    `age` (h, w, 3), and `share` (h, w, 3) in [0, 1] of it that is known."""

    said: np.ndarray
    variance: np.ndarray
    measured: np.ndarray
    age: np.ndarray
    share: np.ndarray


def nothing(size: tuple[int, int]) -> LightState:
    """The memory at the beginning of a shot."""
    zero = np.zeros((*size, 3), np.float32)
    return LightState(zero, np.full((*size, 1), UNKNOWN, np.float32), zero, zero, zero)


def carried(
    state: LightState, motion: Motion, frame: SmallFrame, fps: float, config: MemoryConfig = MemoryConfig()
) -> LightState:
    """The memory brought to the next frame, before that says anything itself.

    Args:
        motion: from `frame`, the next, to the one `state` is of.
        fps: frames a second, above 0.
    """
    doubt = (1 - motion.trust)[..., None] * config.doubt_stops
    variance = motion.warped(state.variance)[..., None] + config.drift_stops**2 + doubt**2
    said = motion.warped(state.said, cubic=True) + motion.exposure * (frame.over > 0.5)
    share = np.clip(motion.warped(state.share), 0, 1)
    known = np.maximum(share, 1e-3)
    measured = motion.warped(state.measured * state.share) / known + motion.exposure
    age = motion.warped(state.age * state.share) / known + config.ageing_stops**2 / fps
    share = share * np.clip(2 * motion.trust, 0, 1)[..., None]
    share = np.where(
        (frame.over > 0.9) & (measured < CONTRADICTED), 0, share
    )  # it clips now, so it is no darker than that
    return LightState(said, np.minimum(variance, UNKNOWN), measured, age, share)


def observed(state: LightState, frame: SmallFrame, config: MemoryConfig = MemoryConfig()) -> LightState:
    """The carried memory after the frame has spoken."""
    asked = frame.asked[..., None]
    gain = np.where(asked, state.variance / (state.variance + config.noise_stops**2), 0)
    said = state.said + gain * (frame.said - state.said)
    variance = np.where(asked, (1 - gain) * state.variance, UNKNOWN).astype(np.float32)
    now = frame.over < CLIPPED_SHARE
    light = np.log2(np.maximum(frame.linear, 2.0**-12))
    return LightState(
        np.where(asked, said, 0).astype(np.float32),
        variance,
        np.where(now, light, state.measured).astype(np.float32),
        np.where(now, config.measured_stops**2, state.age).astype(np.float32),
        np.where(now, 1, state.share).astype(np.float32),
    )


def correction(
    frame: SmallFrame,
    past: LightState,
    carried_past: LightState | None,
    carried_future: LightState | None,
    config: MemoryConfig = MemoryConfig(),
    remember_measured: bool = True,
) -> np.ndarray:
    """Stops to add to what the networks answered for this frame, (h, w, 3).

    Args:
        past: the memory after this frame; `carried_past`: before it; `carried_future`: the same from the other side,
            None at either end.
        remember_measured: let light that was measured unclipped inform.
    """
    weight, total = 1 / past.variance, past.said / past.variance
    if carried_future is not None:
        weight, total = weight + 1 / carried_future.variance, total + carried_future.said / carried_future.variance
    change = total / weight - frame.said
    if remember_measured:
        doubt = 1 / np.maximum(2 * frame.spread[..., None] ** 2, 0.01)
        weight, total = doubt, (frame.boost + change) * doubt
        for memory in (carried_past, carried_future):
            if memory is not None:
                believed = np.clip((memory.share - 0.6) / 0.3, 0, 1) / np.maximum(memory.age, 1e-4)
                believed = believed * np.clip((frame.over - 0.5) * 2.5, 0, 1) * (memory.measured > CONTRADICTED)
                weight, total = weight + believed, total + believed * np.maximum(memory.measured, 0)
        change = total / weight - frame.boost
    change = np.clip(change, -config.most_stops, config.most_stops)
    return np.where(frame.asked[..., None], change, 0).astype(np.float32)
