"""What a restoring network answers: a distribution of the light of each pixel, were it clipped or crushed."""

from __future__ import annotations

from math import log
from typing import NamedTuple

from torch import Tensor

LAPLACE_80 = log(5)  # half the 80 % interval of a Laplace law of scale 1


class RestoredLight(NamedTuple):
    """Tensors of one layout, (N, 3, ...) or (N, 1, ...): images, or any list of pixels.

    `median`, `energy`: stops >= 0 above the linearised value, per channel: least error; such that the light of a region
    adds up, in the median's colour. `above`, `below` (N, 1, ...): stops > 0 from the median luminance to the 90 % and
    the 10 % quantile. `shadow`: light > 0 to add where a pixel is crushed, 1.0 = clip level.
    """

    median: Tensor
    energy: Tensor
    above: Tensor
    below: Tensor
    shadow: Tensor

    @property
    def spread(self) -> Tensor:
        """Scale in stops (N, 1, ...) of the Laplace law with an 80 % interval as wide."""
        return (self.above + self.below) / (2 * LAPLACE_80)
