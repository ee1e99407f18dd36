"""A photo through standard input and output."""

import subprocess
import sys

import numpy as np
from PIL import Image

import hdrrecon
from tests.conftest import needs_weights

RUN = [sys.executable, "-m", "hdrrecon", "run"]


def test_light_comes_out_as_it_would_of_a_file(tmp_path, small_photo):
    needs_weights()
    Image.fromarray(small_photo).save(tmp_path / "sun.png")
    options = ["--model", "fast", "--device", "cpu"]
    data = (tmp_path / "sun.png").read_bytes()
    done = subprocess.run([*RUN, "-", "-o", "-", *options], input=data, capture_output=True, check=True)
    (tmp_path / "piped.exr").write_bytes(done.stdout)
    subprocess.run([*RUN, tmp_path / "sun.png", "-o", tmp_path / "sun.exr", *options], check=True, capture_output=True)
    assert np.array_equal(hdrrecon.read(tmp_path / "piped.exr"), hdrrecon.read(tmp_path / "sun.exr"))


def test_what_makes_no_sense_is_one_sentence():
    for arguments in (["-", "a.jpg", "-o", "x"], ["a.jpg", "b.jpg", "-o", "-"], ["-", "-o", "-"]):
        done = subprocess.run([*RUN, *arguments], input=b"", capture_output=True, text=False)
        assert done.returncode == 2 and done.stdout == b"" and done.stderr.startswith(b"error: "), done.stderr
