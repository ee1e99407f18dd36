"""What a type checker says of calls of the public functions."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CALLS = """
import numpy as np
import hdrrecon
from hdrrecon import Reconstruction

photo = np.zeros((4, 4, 3), np.uint8)
light: np.ndarray = hdrrecon.reconstruct(photo, response="srgb", memory="2GB")
result: Reconstruction = hdrrecon.reconstruct(photo, details=True)
again: np.ndarray = hdrrecon.Reconstructor("fast", "cpu")(photo, highlights="energy")
"""
WRONG = {
    "an unknown option": ('hdrrecon.reconstruct(photo, modle="full")', "modle"),
    "an unknown choice": ('hdrrecon.reconstruct(photo, highlights="loud")', "reconstruct"),
    "details change the result": ("array: np.ndarray = hdrrecon.reconstruct(photo, details=True)", "Reconstruction"),
    "speed is a choice": ('hdrrecon.Reconstructor("full", speed="fast")', "fast"),
}


def test_a_type_checker_knows_the_public_functions(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "calls.py").write_text(CALLS + "\n".join(line for line, _ in WRONG.values()) + "\n")
    arguments = ["--follow-imports=silent", "--ignore-missing-imports", "--config-file=", "calls.py"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    first = len(CALLS.splitlines()) + 1
    wrong = {number: word for number, (_, word) in enumerate(WRONG.values(), first)}
    assert {int(line.split(":")[1]) for line in errors} == set(wrong), done.stdout + done.stderr
    for number, word in wrong.items():
        assert any(line.startswith(f"calls.py:{number}:") and word in line for line in errors), errors
