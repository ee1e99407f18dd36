"""Light that stage 2 gave to lost pixels, kept between the two times it is wanted: by stage 3 as means, then pixel by
pixel.

Kept are lost pixels alone, up to a bound. The head is shown all of them in full groups, wherever bands end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hdrrecon.pipeline.area_means import windows
from hdrrecon.pipeline.resample import Enlarged

MOST_PX = 1 << 21  # kept at most: 40 MB


@dataclass(frozen=True)
class RestoredPixels:
    """Lost pixels of a photo.

    Attributes:
        pixels: (n,) their places in the photo, row by row, ascending.
        linear: (n, 3) linearised values; `light`: (n, 3) what stage 2 made of them.
        deep, highlights: of the photo that was restored.
    """

    pixels: Tensor
    linear: Tensor
    light: Tensor
    deep: Enlarged
    highlights: str

    def serves(self, deep: Enlarged | None, highlights: str) -> bool:
        """Whether this is the light of these features and this answer: a photo may have been given others since."""
        return deep is self.deep and highlights == self.highlights

    def within(self, rows: slice, width: int) -> slice:
        """Which of them lie in some rows of a photo of `width` pixels."""
        ends = torch.searchsorted(self.pixels, torch.tensor([rows.start * width, rows.stop * width]))
        return slice(*ends.tolist())

    def mean_gain(self, size: tuple[int, int], to: tuple[int, int]) -> Tensor:
        """What they add to area means of linear light of a photo of `size`, shrunk to `to`: (1, 3, h, w)."""
        gain = (self.light - self.linear).double().numpy()
        y, x = np.divmod(self.pixels.numpy(), size[1])
        total = np.zeros((3, to[0] * to[1]))
        rows, columns = (_containing(at, *pair) for at, pair in ((y, (size[0], to[0])), (x, (size[1], to[1]))))
        for row, in_row in rows:
            for column, in_column in columns:
                at = np.flatnonzero(in_row & in_column)
                index = row[at] * to[1] + column[at]
                for channel in range(3):
                    total[channel] += np.bincount(index, gain[at, channel], to[0] * to[1])
        (start, stop), (left, right) = windows(size[0], to[0]), windows(size[1], to[1])
        means = total.reshape(3, *to) / ((stop - start)[:, None] * (right - left))
        return torch.from_numpy(means).float()[None]


def _containing(at: np.ndarray, size: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The windows that pixels `at` lie in: the first, and, where it exists, a second one. Each with whether it
    exists."""
    first, last = at * count // size, -(-(at + 1) * count // size) - 1
    return [(first, np.ones(len(at), bool)), (last, last > first)]
