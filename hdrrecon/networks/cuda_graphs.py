"""CUDA graphs: what takes hundreds of launches is recorded once for each size of its inputs, and is one launch from
then on.

For frames of a video or photos of one camera. A single photo gains nothing: the first of a size is computed as ever,
the second recorded.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from warnings import warn

import torch
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode
from torch.utils._python_dispatch import _get_current_dispatch_mode
from torch.utils._pytree import tree_flatten, tree_unflatten

SIZES = 4  # recordings kept; each holds the memory that its function needs
_WARM_UPS = 2  # libraries choose algorithms and take workspaces in the first calls


class CudaGraphed:
    """`function`, a pure one of tensors (or tuples of them) that gives one tensor; for any number of threads.

    Args:
        function: must not wait for the device.
        network: whose weights it uses; when they move to another place, or change, it is recorded anew.

    It is called plainly anywhere but on CUDA, where gradients are wanted, and where somebody watches or changes what
    torch does (`panorama.Sphere`, tools that count).
    """

    def __init__(self, function: Callable[..., Tensor], network: nn.Module | None = None):
        self.function, self.network = function, network
        self._recordings: OrderedDict[tuple, Callable | None] = OrderedDict()
        self._lock = Lock()

    def __getstate__(self) -> dict:
        """Copies record anew: graphs belong to one place in memory."""
        return {"function": self.function, "network": self.network}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __call__(self, *inputs) -> Tensor:
        tensors, form = tree_flatten(inputs)
        watched = _get_current_function_mode() is not None or _get_current_dispatch_mode() is not None
        if not tensors[0].is_cuda or torch.is_grad_enabled() or watched:
            return self.function(*inputs)
        with self._lock:
            known = (
                str(form),
                self._weights(),
                torch.is_autocast_enabled("cuda"),
                torch.is_inference_mode_enabled(),
                *((t.shape, t.dtype, t.device) for t in tensors),
            )
            if known not in self._recordings:  # not yet worth recording
                self._recordings[known] = None
                while len(self._recordings) > SIZES:
                    self._recordings.popitem(last=False)
                return self.function(*inputs)
            self._recordings.move_to_end(known)
            if self._recordings[known] is None:
                self._recordings[known] = self._recorded(
                    lambda tensors: self.function(*tree_unflatten(tensors, form)), tensors
                )
            return self._recordings[known](tensors)

    def _weights(self) -> tuple[int, int]:
        """Where the weights lie, and how often they were changed there: layers keep what follows from them."""
        if self.network is None:
            return 0, 0
        weights = list(self.network.parameters())
        return weights[0].data_ptr(), sum(0 if weight.is_inference() else weight._version for weight in weights)

    @staticmethod
    def _recorded(
        function: Callable[[list[Tensor]], Tensor], tensors: list[Tensor]
    ) -> Callable[[list[Tensor]], Tensor]:
        try:
            return _Recording(function, tensors)
        except RuntimeError as error:  # slower is better than not at all
            warn(f"cannot record a CUDA graph, going on without: {error}", stacklevel=4)
            return function


class _Recording:
    def __init__(self, function: Callable[[list[Tensor]], Tensor], tensors: list[Tensor]):
        self.inputs, self.graph = [torch.empty_like(t).copy_(t) for t in tensors], torch.cuda.CUDAGraph()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                function(self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.output = function(self.inputs)

    def __call__(self, tensors: list[Tensor]) -> Tensor:
        for own, given in zip(self.inputs, tensors):
            own.copy_(given)
        self.graph.replay()
        return self.output.clone()
