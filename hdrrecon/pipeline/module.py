"""A reconstructor where torch wants an `nn.Module`: in a `Sequential`, moved by `.to`, seen by `parameters`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class ReconstructorModule(nn.Module):
    """Code values (N, C, H, W) in, light of the same shape out; made by `Reconstructor.module`.

    Its parameters are those of the stages. Moving it moves the reconstructor, too. It stays in evaluation mode.
    """

    def __init__(self, pipeline: nn.Module, reconstruct: Callable[[Tensor], Tensor], moved: Callable[[Any], None]):
        super().__init__()
        self.pipeline = pipeline
        self._reconstruct, self._moved = reconstruct, moved

    def forward(self, code: Tensor) -> Tensor:
        return self._reconstruct(code)

    def train(self, mode: bool = True) -> ReconstructorModule:
        return super().train(False)

    def _apply(self, fn, recurse: bool = True):
        super()._apply(fn, recurse)
        parameter = next(self.parameters(), None)
        if parameter is not None:
            self._moved(parameter.device)
        return self
