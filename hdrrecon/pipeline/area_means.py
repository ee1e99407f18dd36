"""Area means on a CPU: rows are summed first, for that is adding long rows, and what is left is summed along columns.

Means are over whole pixels, as `adaptive_avg_pool2d` takes them: mean i of h is over the rows from floor(i H / h) up to
ceil((i + 1) H / h), so that windows beside each other may share a row. Every sum adds its rows from the first to the
last,
wherever a photo was cut: the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

PX_AT_ONCE = 1 << 17  # pixels held at full size
_MOST_INTEGRATED_PX = 1 << 22  # sums of so many bytes fit into 32 bits


def windows(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """First pixel, and the one after the last, of each of `count` windows over `size` pixels."""
    at = np.arange(count)
    return at * size // count, -(-(at + 1) * size // count)


def area_means(
    rows: Callable[[slice], np.ndarray | None],
    size: tuple[int, int],
    to: tuple[int, int],
    channels: int,
    *,
    planar: bool = False,
    most_px: int = PX_AT_ONCE,
) -> np.ndarray:
    """Means of maps that are made row by row.

    Args:
        rows: some rows of the photo -> (n, W, channels) float32, or None where all of it is 0.
        size: (H, W) of the photo; `to`: (h, w), neither larger.
        planar: rows are (n, channels, W).
        most_px: pixels asked for at once.

    Returns:
        (h, w, channels) float32, or, `planar`, (h, channels, w).
    """
    (start, stop), (left, right) = windows(size[0], to[0]), windows(size[1], to[1])
    most = max(1, most_px // size[1])
    columns = _Columns(size[1], left, right, channels, planar)
    out = np.zeros((to[0], channels * to[1]), np.float32)
    for first, after in _groups(start, stop, most):
        sums, seen = columns.room(after - first), False
        sums[:] = 0
        for at in range(start[first], stop[after - 1], most):
            part = rows(slice(at, min(at + most, stop[after - 1])))
            if part is not None:
                seen = True
                flat = sums[:, : size[1] * channels].reshape(-1, *part.shape[1:])
                _add_rows(flat, part, start[first:after] - at, stop[first:after] - at)
        if seen:
            columns.add(sums, out[first:after])
    out /= np.float32((stop - start)[:, None] * columns.widths)
    return out.reshape(to[0], channels, to[1]) if planar else out.reshape(*to, channels)


def byte_means(stored: np.ndarray, to: tuple[int, int], scale: int = 1) -> np.ndarray:
    """Means of (H, W, C) uint8, divided by `scale`: (h, w, C) float32, rounded once, for sums are integers (of
    integrals)."""
    import cv2

    height, width, channels = stored.shape
    (start, stop), (left, right) = windows(height, to[0]), windows(width, to[1])
    first_of, after_of = (_beside(at, channels) for at in (left, right))
    area = np.repeat(right - left, channels) * float(scale)
    out = np.empty((to[0], to[1] * channels), np.float32)
    for first, after in _groups(start, stop, max(1, PX_AT_ONCE // width)):
        part = np.ascontiguousarray(stored[start[first] : stop[after - 1]])
        table = cv2.integral(part).reshape(len(part) + 1, -1)
        tall = table.take(stop[first:after] - start[first], 0) - table.take(start[first:after] - start[first], 0)
        sums = tall.take(after_of, 1, mode="clip") - tall.take(first_of, 1, mode="clip")
        pixels = area * (stop - start)[first:after, None]
        if pixels.max() / min(scale, 255) * 255 < 1 << 24:  # what float32 holds exactly
            np.divide(sums, pixels, out=out[first:after], dtype=np.float32, casting="same_kind")
        else:
            out[first:after] = sums / pixels
    return out.reshape(*to, channels)


def pooled_bytes(
    stored: Callable[[slice], np.ndarray],
    size: tuple[int, int],
    table: np.ndarray | None,
    to: tuple[int, int],
    channels: int = 3,
) -> np.ndarray:
    """Means of the entries of a table at bytes, along rows and then along columns.

    Args:
        stored: some rows of the photo -> (n, W, C) uint8.
        size: (H, W) of the photo; `to`: (h, w), neither larger.
        table: (256, C) float32; None: byte / 255.

    Returns:
        (h, w, C) float32.

    Rounded as `adaptive_avg_pool2d` of each row, and `mean` over rows, round them. Counts of what lies on the border of
    a bin hang on the last bit, and the weights of stage 1 were fitted to these.
    """
    import cv2

    height, width = size
    (start, stop), (left, right) = windows(height, to[0]), windows(width, to[1])
    out = np.empty((to[0], to[1], channels), np.float32)
    for first, after in _groups(start, stop, max(1, PX_AT_ONCE // width)):
        # Turned around, so that columns are long rows: picking and adding those is quick.
        turned = cv2.transpose(stored(slice(start[first], stop[after - 1])))
        if table is None:
            wide = np.divide(turned, np.float32(255), dtype=np.float32)
        else:
            wide = cv2.LUT(turned, table.reshape(1, 256, channels))
        narrow = cv2.transpose(_row_means(wide.reshape(width, -1), left, right).reshape(to[1], -1, channels))
        means = _row_means(
            narrow.reshape(-1, to[1] * channels), start[first:after] - start[first], stop[first:after] - start[first]
        )
        out[first:after] = means.reshape(-1, to[1], channels)
    return out


def _row_means(rows: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Means of the rows `start` to `stop` of (n, C), each summed from its first row on: (len(start), C)."""
    tall = (stop - start)[:, None]
    total = rows.take(start, 0)
    for step in range(1, int(tall.max())):
        more = rows.take(np.minimum(start + step, len(rows) - 1), 0)
        if step >= tall.min():  # some have no row here
            more *= (tall > step).astype(np.float32)
        total += more
    total /= tall.astype(np.float32)
    return total


def fit_integrals(size: tuple[int, int], to: tuple[int, int]) -> bool:
    """Whether `byte_means` can shrink a photo of `size` to `to`."""
    return (size[0] // to[0] + 2) * size[1] <= _MOST_INTEGRATED_PX


def _groups(start: np.ndarray, stop: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Windows that need at most `most` rows together, or one that needs more: the first, and the one after the last."""
    first = 0
    while first < len(start):
        after = max(first + 1, int(np.searchsorted(stop, start[first] + most, side="right")))
        yield first, after
        first = after


def _add_rows(sums: np.ndarray, part: np.ndarray, start: np.ndarray, stop: np.ndarray) -> None:
    """Add the rows `start` to `stop` of a part, each clipped to it, to each of `sums`."""
    for total, first, after in zip(sums, start.clip(min=0), stop.clip(max=len(part))):
        for row in part[first:after]:
            total += row


def _beside(at: np.ndarray, channels: int) -> np.ndarray:
    """Where the channels of the columns `at` lie in a row of (W, C)."""
    return (at[:, None] * channels + np.arange(channels)).ravel()


class _Columns:
    """Sums over columns of flat rows, with buffers that are kept: new memory costs more than the sums.

    Attributes:
        widths: columns that each number of the answer is a sum of.
    """

    def __init__(self, width: int, left: np.ndarray, right: np.ndarray, channels: int, planar: bool = False):
        def flat(at):
            return (np.arange(channels)[:, None] * width + at).ravel() if planar else _beside(at, channels)

        self.widths = np.tile(right - left, channels) if planar else np.repeat(right - left, channels)
        self.length = width * channels + 1  # a zero at the end, for windows that are narrower than the widest
        self.picks = []
        for step in range(int((right - left).max())):
            at = flat(np.minimum(left + step, width - 1))
            self.picks.append(np.where(self.widths > step, at, self.length - 1))
        self._wide = self._more = np.zeros((0, 0), np.float32)

    def room(self, rows: int) -> np.ndarray:
        """A buffer (rows, `length`): of the rows to sum; what comes after their end is 0."""
        if len(self._wide) < rows:
            self._wide = np.zeros((rows, self.length), np.float32)
        return self._wide[:rows]

    def add(self, rows: np.ndarray, out: np.ndarray) -> None:
        """The sums of each window, from its first column on, into `out` (n, len(widths))."""
        if len(self._more) < len(rows):
            self._more = np.empty((len(rows), len(self.widths)), np.float32)
        more = self._more[: len(rows)]
        np.take(rows, self.picks[0], 1, out=out, mode="clip")
        for pick in self.picks[1:]:
            out += np.take(rows, pick, 1, out=more, mode="clip")
