"""What a stage of the pipeline is: three protocols. What is true of a stage is an attribute, with a default.

    code --Linearizer--> response curve --> linear --Restorer--> light --Refiner--> light

A network of your own takes part by subclassing `torch.nn.Module` and one of these. `hdrrecon.pipeline.pipeline` alone
knows the order; a stage never knows its neighbours. Tensors are (N, C, H, W) float32; code values and masks lie in [0,
1]; light is linear, 1.0 = the level at which the photo clips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from hdrrecon.camera.basis import FAMILIES

if TYPE_CHECKING:
    from hdrrecon.networks.restore.features import Seen
    from hdrrecon.networks.restore.restored_light import RestoredLight
    from hdrrecon.options import Highlights


class Linearizer(Protocol):
    """Stage 1: the inverse camera response of a photo."""

    # It looks at no more pixels than this along the longer side; None: at all of them.
    longest_px: int | None = None
    # Its `forward` takes statistics of a photo, not pixels: then it can be exported as a graph.
    takes_statistics: bool = False
    # It may be shown bytes, uint8 that stand for 255ths of code values.
    takes_bytes: bool = False

    def estimate(self, code: Tensor, prior: dict[str, float] | None = None) -> dict[str, Tensor]:
        """One photo (1, 3, H, W) -> `inverse` (1024,), `families` (3,) summing to 1, `spread` (1024,).

        `prior`: probability of each family before the photo is seen (`camera.exif_prior`); None: all alike.
        """
        ...

    def gather(self, code: Tensor) -> Tensor:
        """What one photo (1, 3, H, W) tells of its response, (K,). The mean over photos is what they tell together."""
        out = self.estimate(code)
        return torch.cat([out["inverse"], out["spread"], out["families"]])

    def conclude(self, evidence: Tensor, prior: dict[str, float] | None = None) -> dict[str, Tensor]:
        """What `estimate` answers, from what `gather` gave or a mean of it."""
        size = (len(evidence) - len(FAMILIES)) // 2
        inverse, spread, families = evidence.split((size, size, len(FAMILIES)))
        return {"inverse": inverse, "spread": spread, "families": families}

    def use_cuda_graphs(self) -> None:
        """Launch what looks at a photo as one on CUDA, for sizes that come again. Nothing, if there is nothing to
        gain."""
        return None


class Restorer(Protocol):
    """Stage 2: the light of clipped and crushed pixels."""

    # Has `working_px`: the longer side, in pixels, at which the photo is seen.
    config: Any
    # Sides of what it is shown on the sphere divide by this.
    multiple_of: int = 1
    # It has light for crushed pixels, too.
    fills_shadows: bool = True

    def look_at(self, seen: Seen) -> Tensor:
        """Features (1, F, h, w) of a photo at the working resolution."""
        ...

    def answer(self, code: Tensor, linear: Tensor, deep: Tensor) -> RestoredLight:
        """Pixel by pixel, in any arrangement (N, C, n, 1); `deep`: the features of each pixel, enlarged."""
        ...

    def answer_one(self, code: Tensor, linear: Tensor, deep: Tensor, highlights: Highlights) -> tuple[Tensor, Tensor]:
        """Of `answer` the stops (N, 3, n, 1) that `highlights` names, and the shadow (N, 3, n, 1)."""
        light = self.answer(code, linear, deep)
        return getattr(light, highlights), light.shadow


class Refiner(Protocol):
    """Stage 3: a correction of light in stops."""

    # Has `working_px`, as a `Restorer`'s.
    config: Any
    multiple_of: int = 1

    def own_restorer(self) -> Restorer | None:
        """A stage 2 that it brings along, for standing alone. A method: torch would not find a module behind a
        default."""
        return None

    def correct(self, code: Tensor, linear: Tensor, radiance: Tensor) -> Tensor:
        """Photos (1, 3, h, w) at the working resolution -> correction in stops, of the same shape."""
        ...
