"""What stage 1 gets wrong, kept as curves: stage 2 learns to live with its mistakes without counting a single photo.

Counting a photo's statistics costs as much as stage 2's own step. So a stage 1 is asked once about some hundreds of
photos of cameras it has never met; how far it was off is kept per family, in stops at each code, and put on top of any
true response.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.io.atomic import atomic_write
from hdrrecon.networks.linearize.response_net import ResponseNet
from hdrrecon.train.data.curves import CurveSampler
from hdrrecon.train.data.resident import ResidentResponses, ResidentScenes, Street, StreetConfig

FLOOR = 2.0**-12  # light added before errors are taken in stops: black has none


class ResponseErrors:
    """Errors of a stage 1.

    Args:
        stops: (K, 1024), log2 of estimated over true inverse response at uniform codes.
        family: (K,), index of the true family in `camera.basis.FAMILIES`.

    Raises:
        ValueError: if a family has none.
    """

    def __init__(self, stops: Tensor, family: Tensor):
        missing = [name for i, name in enumerate(FAMILIES) if not bool((family == i).any())]
        if missing:
            raise ValueError(f"no errors were measured for responses of {', '.join(missing)}; measure more photos")
        self.stops = stops[family.argsort(stable=True)]
        counts = torch.bincount(family, minlength=len(FAMILIES))
        self.counts, self.starts = counts, counts.cumsum(0) - counts

    @classmethod
    def measured(
        cls, estimate: Callable[[Tensor], Tensor], batches: Iterator[dict[str, Tensor]], count: int
    ) -> ResponseErrors:
        """Ask about `count` photos.

        Args:
            estimate: one photo (1, 3, H, W) -> its inverse response (1024,).
            batches: as `resident.Street.batches` makes them, with responses that stage 1 was not fitted to.
        """
        stops: list[Tensor] = []
        families: list[Tensor] = []
        while len(stops) < count:
            batch = next(batches)
            for code, inverse, family in zip(batch["code"], batch["inverse"].mean(1), batch["family"]):
                stops.append(((estimate(code[None]) + FLOOR) / (inverse + FLOOR)).log2())
                families.append(family)
        return cls(torch.stack(stops[:count]), torch.stack(families[:count]))

    def to(self, device: torch.device | str) -> ResponseErrors:
        """The same, moved, in place."""
        self.stops, self.counts, self.starts = (x.to(device) for x in (self.stops, self.counts, self.starts))
        return self

    def added(self, inverse: Tensor, family: Tensor, size: float = 1.0) -> Tensor:
        """What stage 1 might have answered: of true inverse responses (N, 3, 1024) and their families (N,), (N, 3,
        1024).

        One curve for all channels, monotone, 0 and 1 at its ends. `size` scales the error.
        """
        pick = self.starts[family] + (torch.rand(len(family), device=family.device) * self.counts[family]).long()
        curve = (inverse.mean(1) + FLOOR) * torch.exp2(size * self.stops[pick]) - FLOOR
        curve = curve.clamp(min=0).cummax(1).values
        curve = curve - curve[:, :1]
        return (curve / curve[:, -1:].clamp(min=FLOOR))[:, None].expand_as(inverse)

    def save(self, path: Path) -> None:
        """To a safetensors file."""
        from safetensors.torch import save_file

        family = torch.arange(len(self.counts)).repeat_interleave(self.counts.cpu())
        with atomic_write(path) as temporary:
            save_file({"stops": self.stops.half().cpu().contiguous(), "family": family}, temporary)

    @classmethod
    def load(cls, path: Path) -> ResponseErrors:
        """From a file of `save`."""
        from safetensors.torch import load_file

        arrays = load_file(path)
        return cls(arrays["stops"].float(), arrays["family"])


def errors_of(
    linearizer: ResponseNet, scenes: ResidentScenes, curves: CurveSampler, seed: int, count: int = 600
) -> ResponseErrors:
    """Errors of a stage 1 (`networks.linearize`) on photos of resident scenes with new members of the families of
    `curves`.

    Args:
        scenes: `resident.ResidentScenes`; stage 1 works on their device.
        curves: a `curves.CurveSampler`.
    """
    linearizer = linearizer.to(scenes.device)
    # A seed that no training run has: what was fitted to may not be what is asked about.
    street = Street(
        scenes, ResidentResponses(curves, count, 1_000_000 + seed, scenes.device), StreetConfig(), 1_000_000 + seed
    )
    return ResponseErrors.measured(lambda code: linearizer.estimate(code)["inverse"], street.batches(8), count)
