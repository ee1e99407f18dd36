"""Several processes that train one network: each draws photos of its own, all take the same step.

    torchrun --nproc-per-node 8 -m hdrrecon train restore --scenes DIR --curves DIR --val DIR --device cuda

Gradients are averaged over the processes after every backward pass, so N processes with batches of B take the step that
one would take with the N batches laid together, for losses that are means over photos and networks whose photos do not
see each other (no batch normalisation). Unlike `DistributedDataParallel` this does not wrap the network: tasks call its
parts (`look`, `answer`) and read its `config`. The price is that gradients travel after, not during, the backward pass:
4 bytes per parameter and step, little beside a training step of networks of a few million.

Source: synchronous data-parallel SGD as in Goyal et al. 2017.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn

PATIENCE = timedelta(hours=2)  # the others wait while the leader validates
PARTING = timedelta(seconds=10)


@dataclass(frozen=True)
class Team:
    """This process among `size`; `rank` 0 leads: it alone validates and writes."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def agree(self, what: str, value: int) -> None:
        """Wait for all.

        Raises:
            RuntimeError: in every process, if `value` differs between them.
        """
        if self.size == 1:
            return
        values = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.size)]
        distributed.all_gather(values, torch.full((1,), value, dtype=torch.int64, device=self.device))
        if len(set(found := [int(v) for v in values])) > 1:
            raise RuntimeError(
                f"the processes of this training disagree about {what}: {found}; all of them must see the same folder "
                "of the run (a shared disk), then start again"
            )

    def share_state(self, net: nn.Module) -> None:
        """Everyone gets the leader's weights."""
        if self.size > 1:
            for value in net.state_dict().values():
                distributed.broadcast(value, 0)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the team; a parameter no photo of this process reached counts as
        0."""
        if self.size == 1:
            return
        trained = [p for p in parameters if p.requires_grad]
        if not trained:
            return
        reached = torch.tensor([float(p.grad is not None) for p in trained], device=self.device)
        flat = torch.cat([reached] + [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in trained])
        distributed.all_reduce(flat)
        reached, *means = (flat / self.size).split([len(trained)] + [p.numel() for p in trained])
        for p, anyone, mean in zip(trained, reached.tolist(), means):
            if anyone:  # else it keeps None, and the optimizer leaves it alone as it would with one process
                p.grad = torch.zeros_like(p) if p.grad is None else p.grad
                p.grad.copy_(mean.view_as(p))


def join_team(device: str) -> Team:
    """The team `torchrun` started (it says so in the environment), or a team of one. CUDA processes take one GPU each
    and talk through NCCL, others through gloo; the connection ends with the process."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    place = torch.device(device)
    if size == 1:
        return Team(device=place)
    if place.type == "cuda" and place.index is None:
        place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(place)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=PATIENCE)
        atexit.register(_leave)
    return Team(distributed.get_rank(), size, place)


def _leave() -> None:
    """End the connection, together if the others are leaving too: gloo may abort a process whose partner has just
    gone."""
    if not distributed.is_initialized():
        return
    if distributed.get_backend() == "gloo":
        with suppress(RuntimeError):  # a process that failed does not wait for long for those that did not
            distributed.monitored_barrier(timeout=PARTING)
    distributed.destroy_process_group()


def own_seed(seed: int, rank: int) -> int:
    """A seed for each process; the leader's is the one given, so a team of one draws what it always drew."""
    # Torch on a CPU reads the lowest 32 bits alone, so the ranks must differ there too; the golden ratio keeps them far
    # apart.
    return seed + rank * (2**48 + 2_654_435_769)
