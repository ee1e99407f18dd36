"""Two processes train one network: the same weights on both, and those of one process with both batches."""

import csv
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from hdrrecon.train.data.pairs import Sample
from hdrrecon.train.distributed import Team, join_team, own_seed
from hdrrecon.train.loop import Recipe, train

RECIPE = Recipe(steps=3, batch=2, rate=1e-2, warmup=1, validate_every=3, save_every_s=1e9, precision="float32", seed=5)


@dataclass(frozen=True)
class Config:
    width: int = 3


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last, self.unused = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 1), nn.Linear(2, 2)

    def look(self, code):  # tasks call parts of a network, not only its forward
        return self.last(self.first(code).tanh())


class Task:
    """Fits code to truth; keeps the network it trains."""

    score = "score"

    def __init__(self):
        self.trained = None

    def network(self):
        net = Net()
        self.trained = self.trained or net
        return net

    def metadata(self):
        return {"network": "test:Net", "config": asdict(Config())}

    def loss(self, net, batch):
        loss = (net.look(batch["code"]) - batch["truth"][..., 1:-1, 1:-1]).square().mean()
        return loss, {"error": float(loss.detach())}

    def validate(self, net, shots):
        return {"score": 1.0}


class Stream(torch.utils.data.IterableDataset):
    """Photos of noise, a function of the seed alone."""

    def __init__(self, size, seed):
        self.seeds = [seed]

    def __iter__(self):
        sources = [torch.Generator().manual_seed(seed) for seed in self.seeds]
        while True:
            for source in sources:
                for _ in range(RECIPE.batch):
                    yield Sample(
                        torch.rand(3, 8, 8, generator=source),
                        torch.rand(3, 8, 8, generator=source),
                        torch.zeros(3, 4),
                        0,
                    )


class BothStreams(Stream):
    def __init__(self, size, seed):
        self.seeds = [own_seed(seed, 0), own_seed(seed, 1)]


def member(rank: int, port: int, folder: Path) -> None:
    """One process as torchrun would start it. Trains twice, for the second time from what the first left."""
    os.environ.update(
        WORLD_SIZE="2",
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        TORCHELASTIC_USE_AGENT_STORE="True",
    )
    torch.set_num_threads(1)
    task = Task()
    train(task, RECIPE, Stream, [], folder / "run")
    torch.save(dict(task.trained.state_dict()), folder / f"{rank}.pt")
    again = Task()
    train(again, Recipe(**{**asdict(RECIPE), "steps": 4}), Stream, [], folder / "run")
    torch.save(dict(again.trained.state_dict()), folder / f"{rank}.resumed.pt")
    try:
        join_team("cpu").agree("the step to begin with", rank)
    except RuntimeError as error:
        (folder / f"{rank}.txt").write_text(str(error))


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    # As under torchrun: the meeting point is there before the members are. A port that is free now may be taken when
    # they begin.
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    torch.multiprocessing.spawn(member, (store.port, folder), nprocs=2)
    return folder


def test_both_hold_the_same_weights(two):
    for name in ("{}.pt", "{}.resumed.pt"):
        first, second = (torch.load(two / name.format(rank), weights_only=True) for rank in range(2))
        assert all(torch.equal(first[k], second[k]) for k in first)
    before = torch.load(two / "0.pt", weights_only=True)
    assert not torch.equal(before["first.weight"], first["first.weight"]), "the second training went on"


def test_they_are_those_of_one_process_with_both_batches(two, tmp_path):
    task = Task()
    train(task, Recipe(**{**asdict(RECIPE), "batch": 2 * RECIPE.batch}), BothStreams, [], tmp_path)
    alone, together = task.trained.state_dict(), torch.load(two / "0.pt", weights_only=True)
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=1e-5, atol=1e-6)
    half = Task()
    train(half, RECIPE, Stream, [], tmp_path / "half")
    assert (half.trained.first.weight - alone["first.weight"]).abs().max() > 3e-5, "the other process's photos count"


def test_the_first_alone_writes(two):
    rows = list(csv.DictReader(open(two / "run" / "log.csv")))
    assert [row["step"] for row in rows] == ["3", "4"]
    assert sorted(p.name for p in (two / "run").iterdir()) == ["best.safetensors", "last.pt", "log.csv"]


def test_disagreement_is_said_by_everyone(two):
    for rank in range(2):
        assert "disagree about the step to begin with: [0, 1]" in (two / f"{rank}.txt").read_text()


def test_one_process_is_a_team_that_changes_nothing(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    team = join_team("cpu")
    assert team == Team() and team.leads and own_seed(7, 0) == 7 and own_seed(7, 1) != own_seed(7, 2)
    layer = nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    before = layer.weight.grad.clone()
    team.average_gradients(layer.parameters())
    assert torch.equal(layer.weight.grad, before)
