"""Training commands: shared options in front of a command's own, and mistakes as sentences."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import torch
import typer
from safetensors.torch import save_file
from typer.testing import CliRunner

from hdrrecon.cli.training import Run, errors_as_sentences, training

FOLDERS = ["--scenes", "s", "--curves", "c", "--val", "v", "-o", "out", "--steps", "7", "--device", "cpu"]


def commanded(command, *words):
    root = typer.Typer()
    root.command("train")(command)
    root.command("other")(lambda: None)
    return CliRunner().invoke(root, ["train", *words])


def test_a_command_gets_a_run_and_its_own_options():
    seen = []

    @training(rate=3e-4)
    def train(run: Run, own: Annotated[int, typer.Option("--own")] = 1) -> None:
        seen.append((run, own))

    got = commanded(train, *FOLDERS, "--own", "5", "--batch", "2")
    assert got.exit_code == 0, got.output
    run, own = seen[0]
    assert own == 5 and run.scenes == Path("s") and run.curves == Path("c") and run.first_weights() is None
    assert (run.recipe.steps, run.recipe.batch, run.recipe.rate, run.recipe.device) == (7, 2, 3e-4, "cpu")


def test_options_that_a_command_does_not_have_are_unknown_and_none():
    seen = []

    @training(without=("curves", "val"))
    def train(run: Run) -> None:
        seen.append(run)

    assert commanded(train, *FOLDERS).exit_code == 2
    assert commanded(train, "--scenes", "s", "-o", "out", "--steps", "1", "--device", "cpu").exit_code == 0
    assert seen[0].curves is None and seen[0].val is None


@pytest.mark.parametrize("shared", [True, False])
def test_mistakes_are_one_sentence_and_bugs_are_not(shared):
    def wrong(*_: Run) -> None:
        raise ValueError("no scenes here")

    def train(run: Run) -> None:
        wrong()

    got = commanded(training()(train), *FOLDERS) if shared else commanded(errors_as_sentences(lambda: wrong()))
    assert got.exit_code == 1 and got.output == "error: no scenes here\n"


def test_first_weights_are_those_of_start(tmp_path):
    save_file({"w": torch.arange(3.0)}, tmp_path / "w.safetensors")
    run = Run(Path(), None, None, Path(), tmp_path / "w.safetensors", None)
    np.testing.assert_array_equal(run.first_weights()["w"], [0, 1, 2])
