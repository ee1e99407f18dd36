"""State that is carried through a shot: each prepared frame goes in, and comes out with a correction that keeps its
light steady.

The correction is one map of stops on a small grid, as stage 3 makes; nothing of full size is filtered or kept.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch

from hdrrecon.pipeline.prepared import PreparedPhoto
from hdrrecon.pipeline.resample import Enlarged, replicated
from hdrrecon.video.memory import LightState, MemoryConfig, SmallFrame, carried, correction, nothing, observed
from hdrrecon.video.motion import Motion, between
from hdrrecon.video.small_frame import small_frame

MOTION_PX = 256  # longest side at which motion is looked for


@dataclass(frozen=True)
class TemporalOptions:
    """How light is kept steady.

    Args:
        look_ahead: frames that are seen before one is given out; 0 for live use. Look-ahead takes the lag out.
        block: frames that are smoothed backwards together: larger is quicker, and held longer.
        remember_measured: let light that was measured unclipped moments ago inform what clips now.
        memory: how fast is believed and forgotten.
    """

    look_ahead: int = 8
    block: int = 8
    remember_measured: bool = True
    memory: MemoryConfig = field(default_factory=MemoryConfig)

    def __post_init__(self):
        if self.look_ahead < 0 or self.block < 1:
            raise ValueError(f"wanted look_ahead >= 0 and block >= 1, got {self.look_ahead} and {self.block}")


@dataclass
class _Held:
    """A frame that waits: `back` is its motion to the one before, `forward` that one's motion to it."""

    photo: PreparedPhoto
    small: SmallFrame
    back: Motion | None
    forward: Motion | None
    before: LightState | None  # the memory carried to it
    after: LightState  # with what it says itself


class LightMemory:
    """The state of one film. `push` prepared frames of one size; `flush` at the end of a shot, which also forgets.

    Args:
        fps: frames a second, above 0.
        options: see `TemporalOptions`.

    Example:
        >>> memory = LightMemory(25)
        >>> ready = memory.push(prepared)  # doctest: +SKIP
        >>> ready += memory.flush()  # doctest: +SKIP
    """

    def __init__(self, fps: float, options: TemporalOptions = TemporalOptions()):
        if not fps > 0:
            raise ValueError(f"fps is frames a second, above 0, got {fps}")
        self.fps, self.options = fps, options
        self._held: deque[_Held] = deque()
        self._last: _Held | None = None

    def reset(self) -> None:
        """Forget everything, frames that wait too."""
        self._held.clear()
        self._last = None

    def push(self, photo: PreparedPhoto) -> list[PreparedPhoto]:
        """The next frame of the shot -> frames that are ready, in order."""
        small, last, config = small_frame(photo), self._last, self.options.memory
        back = forward = before = None
        if last is not None:
            back, forward = _motion(small, last.small)
            before = carried(last.after, back, small, self.fps, config)
        after = observed(before or nothing(small.over.shape[:2]), small, config)
        self._last = _Held(photo, small, back, forward, before, after)
        self._held.append(self._last)
        block = self.options.block if self.options.look_ahead else 1
        if len(self._held) < block + self.options.look_ahead:
            return []
        return self._given(block)

    def flush(self) -> list[PreparedPhoto]:
        """The shot is over -> the frames that still waited. The next frame meets an empty memory."""
        ready = self._given(len(self._held))
        self.reset()
        return ready

    def _given(self, count: int) -> list[PreparedPhoto]:
        """The first `count` frames held, corrected."""
        held = list(self._held)
        for _ in range(count):
            self._held.popleft()
        if not any(one.small.asked.any() for one in held[:count]):
            return [one.photo for one in held[:count]]
        future: LightState | None = None  # carried back to the frame at hand
        out: list[PreparedPhoto] = []
        for index in reversed(range(len(held))):
            one = held[index]
            if index < count:
                out.append(self._corrected(one, future))
            if one.forward is not None and index:
                seen = observed(future or nothing(one.small.over.shape[:2]), one.small, self.options.memory)
                future = carried(seen, one.forward, held[index - 1].small, self.fps, self.options.memory)
        return out[::-1]

    def _corrected(self, one: _Held, future: LightState | None) -> PreparedPhoto:
        if not one.small.asked.any():
            return one.photo
        stops = correction(
            one.small, one.after, one.before, future, self.options.memory, self.options.remember_measured
        )
        return with_correction(one.photo, stops)


def _motion(one: SmallFrame, other: SmallFrame) -> tuple[Motion, Motion]:
    """Motion between two small frames on their own grid, looked for at `MOTION_PX`."""
    height, width = one.over.shape[:2]
    scale = min(1.0, MOTION_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    maps = [
        x if scale == 1 else cv2.resize(x, size, interpolation=cv2.INTER_AREA)
        for x in (one.linear, other.linear, one.over, other.over)
    ]
    pair = between(*maps)
    if scale == 1:
        return pair
    zoom = np.array([width / size[0], height / size[1]], np.float32)

    def enlarge(image: np.ndarray) -> np.ndarray:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)

    there, back = (Motion(enlarge(m.flow) * zoom, enlarge(m.trust), m.exposure) for m in pair)
    return there, back


def with_correction(photo: PreparedPhoto, stops: np.ndarray) -> PreparedPhoto:
    """The photo with (h, w, 3) stops more, on a grid of any size, wherever its masks say that light was lost."""
    height, width = stops.shape[:2]
    total = torch.from_numpy(stops).to(photo.codes.device)
    if photo.correction is not None:
        full = photo.codes.size
        y, x = (
            ((torch.arange(n, device=total.device) + 0.5) * (whole / n) - 0.5)
            for n, whole in zip((height, width), full)
        )
        own = photo.correction.at(y.repeat_interleave(width), x.repeat(height))
        total = total + own.view(height, width, 3)
    return replace(photo, correction=Enlarged(total.permute(2, 0, 1)[None], photo.codes.size, replicated))
