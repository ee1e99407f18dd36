"""`hdrrecon train`: what the cards name as commands exists, and a small run goes through."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import hdrrecon
from hdrrecon.cli.train import app
from hdrrecon.train.data import validation
from tests.conftest import shared

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"


def test_every_command_of_a_card_exists():
    named = {m for card in WEIGHTS.glob("*.md") for m in re.findall(r"hdrrecon train ([a-z-]+)", card.read_text())}
    assert named
    for command in named:
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command


@pytest.mark.parametrize("command", ["restore", "linearize", "refine", "light-budget", "basis"])
def test_a_missing_folder_is_one_sentence(command, tmp_path):
    folders = {"--scenes": "nowhere", "--curves": "nowhere", "--val": "nowhere"}
    files = {"--linearizer": "none", "--restorer": "none"} if command == "refine" else {}
    kept = {"basis": ["--curves"], "light-budget": ["--scenes", "--curves"]}.get(command, list(folders))
    words = [w for k, v in {**{k: folders[k] for k in kept}, **files}.items() for w in (k, str(tmp_path / v))]
    done = CliRunner().invoke(app, [command, *words, "-o", str(tmp_path / "out")])
    assert done.exit_code == 1 and done.output.startswith("error: ") and done.output.count("\n") == 1, done.output


def test_joint_on_the_street_needs_a_stage_1_that_stays(tmp_path):
    files = {"--linearizer": "response-net", "--restorer": "masked-features-small", "--refiner": "kernel-prediction"}
    words = [w for option, name in files.items() for w in (option, str(WEIGHTS / f"{name}.safetensors"))]
    folders = [w for option in ("--scenes", "--curves", "--val") for w in (option, str(tmp_path))]
    done = CliRunner().invoke(app, ["joint", *folders, *words, "--resident", "-o", str(tmp_path / "out")])
    assert done.exit_code == 1 and "--keep-linearizer" in done.output


def test_shared_options_have_the_defaults_of_their_command():
    said = {name: CliRunner().invoke(app, [name, "--help"]).output for name in ("restore", "inpaint", "joint")}
    assert "runs/restore" in said["restore"] and "4000" in said["restore"] and "--start" in said["restore"]
    assert "--curves" not in said["inpaint"] and "--start" not in said["joint"] and "0.0001" in said["joint"]


@pytest.mark.parametrize(
    "command, options, result",
    [
        (
            "restore",
            [
                "--steps",
                "2",
                "--batch",
                "1",
                "--precision",
                "float32",
                "--device",
                "cpu",
                "--small",
                "--size",
                "64",
            ],
            "best.safetensors",
        ),
        (
            "restore",
            "--resident --minutes 0.0001 --batch 2 --precision float32 --device cpu --small --size 64".split(),
            "best.safetensors",
        ),
        (
            "dkpn",
            "--resident --minutes 0.0001 --batch 2 --precision float32 --device cpu --size 64".split(),
            "best.safetensors",
        ),
        ("basis", [], None),
    ],
)
def test_a_small_run(command, options, result, tmp_path, monkeypatch):
    curves = shared("data/crf")
    few = partial(validation.validation_shots, count=3)  # all sixty take nine tenths of the test's time
    monkeypatch.setattr(validation, "validation_shots", few)
    monkeypatch.setattr(validation, "SIZE", 96)
    rng = np.random.default_rng(0)
    for folder in ("train", "val"):
        (tmp_path / folder).mkdir()
        light = np.exp(rng.normal(0, 1.5, (32, 64, 3))).repeat(2, 0).repeat(2, 1).astype(np.float32)
        hdrrecon.write(tmp_path / folder / "scene.exr", light)
    out = tmp_path / ("run" if result else "basis.safetensors")
    folders = ["--scenes", str(tmp_path / "train"), "--val", str(tmp_path / "val")] if result else []
    done = CliRunner().invoke(app, [command, *folders, "--curves", str(curves), "-o", str(out), *options])
    assert done.exit_code == 0, done.output
    assert (out / result if result else out).exists()
