"""Time slices: one line of a film, frame below frame. Steady light makes smooth stripes, flicker makes them ragged.

Light that clipped shows in the darker panels, as in `view.strip`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hdrrecon.view.strip import captioned, stacked
from hdrrecon.view.tonemap import drawable, quantized

LEAST_ROWS, LEAST_COLUMNS = 96, 240  # of a panel, for its caption too; each frame then takes several rows
CLIPPED = 0.95  # light, 1.0 = the clip level


def time_slice(lights: Iterable[np.ndarray], row: int) -> np.ndarray:
    """Row `row` of each frame (H, W, 3), as (frames, W, 3).

    Raises:
        ValueError: no frames.
        IndexError: no such row.
    """
    rows = [np.asarray(light)[row] for light in lights]
    if not rows:
        raise ValueError("a time slice needs at least one frame")
    return np.stack(rows)


def brightest_row(light: np.ndarray) -> int:
    """The row of an (H, W, 3) image with the most light at or above the clip level: where there is something to see."""
    return int((np.asarray(light).max(-1) >= CLIPPED).sum(1).argmax())


def time_slice_strip(
    clips: Mapping[str, Sequence[np.ndarray]],
    row: int | None = None,
    stops: Sequence[float] = (0, -2),
    columns: slice = slice(None),
) -> np.ndarray:
    """The same line of one film as several methods made it, side by side at several exposures; time runs down.

    Args:
        clips: name to frames (H, W, 3) of linear light, 1.0 = the clip level; for instance before and after.
        row: of the line; None: `brightest_row` of the middle frame of the first.
        stops: exposures, one column of panels each.
        columns: part of the line to show.

    Returns:
        (h, w, 3) uint8 sRGB.

    Raises:
        ValueError: no clips, or no stops.
    """
    if not clips or not len(stops):
        raise ValueError(f"a strip needs clips and exposures, got {list(clips)} and {list(stops)}")
    if row is None:
        first = next(iter(clips.values()))
        row = brightest_row(first[len(first) // 2])
    lines = []
    for name, lights in clips.items():
        line = drawable(time_slice(lights, row)[:, columns])
        line = line.repeat(-(-LEAST_ROWS // len(line)), axis=0)
        line = line.repeat(-(-LEAST_COLUMNS // line.shape[1]), axis=1)
        texts = [f"{stop:+g} EV  {name}" if stop else f"0 EV  {name}" for stop in stops]
        lines.append(
            stacked([captioned(quantized(line * 2.0**stop), text) for stop, text in zip(stops, texts)], axis=1)
        )
    return stacked(lines, axis=0)
