"""A photo kept flat: a shift along rows or along columns is a number of pixels, so both are walked in the same way.

Pixels whose neighbour would lie in the next row are left out by who counts (`Shifted.drop_wrapped`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MOST_REACH = 8  # pixels between neighbours, at most


class FlatPhoto:
    """A photo kept flat, to be walked in blocks of rows.

    Args:
        code: (3, H, W) of any dtype.
        px_at_once: pixels of a block, about.

    Attributes:
        pixels: (3, H * W and a little more), so that a shift along rows may reach beyond the end.
        most: numbers in a block, at most.
    """

    def __init__(self, code: np.ndarray, px_at_once: int):
        self.height, self.width = code.shape[1:]
        self.count = self.height * self.width
        self.pixels = np.zeros((3, self.count + 2 * MOST_REACH), code.dtype)
        self.pixels[:, : self.count].reshape(code.shape)[:] = code
        self.rows = max(px_at_once // self.width, 1)
        self.most = 3 * self.rows * self.width

    def blocks(self, reach: int) -> Iterator[Shifted]:
        """All pixels with a neighbour `reach` on, along rows and then along columns; none where the photo is too
        small."""
        for sideways, tall in ((True, self.height if self.width > reach else 0), (False, self.height - reach)):
            for top in range(0, tall, self.rows):
                count = min(self.rows, tall - top) * self.width
                yield Shifted(self, top * self.width, count, 1 if sideways else self.width, reach if sideways else 0)


@dataclass(frozen=True)
class Shifted:
    """A block of rows, and its neighbours along rows or columns.

    Attributes:
        start, count: of its pixels, in the flat photo.
        shift: from a pixel to its neighbour.
        wrapped: so many pixels at the end of each row have none.
    """

    photo: FlatPhoto
    start: int
    count: int
    shift: int
    wrapped: int

    def at(self, steps: int) -> np.ndarray:
        """The pixels `steps` neighbours on, (3, count)."""
        first = self.start + steps * self.shift
        return self.photo.pixels[:, first : first + self.count]

    def room(self, buffer: np.ndarray) -> np.ndarray:
        """The beginning of a flat buffer of `FlatPhoto.most` numbers, (3, count)."""
        return buffer[: 3 * self.count].reshape(3, -1)

    def drop_wrapped(self, marks: np.ndarray, value: int) -> None:
        """Set `marks` (3, count) to `value` where a pixel has no neighbour."""
        if self.wrapped:
            marks.reshape(3, -1, self.photo.width)[..., self.photo.width - self.wrapped :] = value
