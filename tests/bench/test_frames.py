"""`hdrrecon bench --frames`: the frame it says, and a plausible line for every stage; tried on the CPU."""

import torch
from typer.testing import CliRunner

from hdrrecon.bench import frames
from hdrrecon.cli.main import app
from tests.conftest import needs_weights

CPU = torch.device("cpu")


def test_the_frame_is_16_to_9_and_clips_as_much_as_it_says():
    image = frames.frame(640, CPU)
    assert image.shape == (3, 360, 640) and image.dtype == torch.uint8
    assert abs(100 * (image == 255).all(0).float().mean() - frames.CLIPPED_PERCENT) < 0.7


def test_bytes_and_flops_are_those_of_the_operations():
    a, b, picked = torch.rand(10, 20), torch.rand(20, 30), torch.tensor([3, 4])
    assert frames.counted(lambda: a @ b) == (4 * (200 + 600 + 300), 2 * 10 * 20 * 30, 1)
    assert frames.counted(lambda: a.T[2:])[::2] == (0, 0), "views move nothing"
    assert frames.counted(lambda: a[picked])[0] == 2 * 4 * 40 + 2 * 8, "of a table is read what is picked, and where"


def test_every_stage_has_its_line():
    needs_weights()
    for model, names in (
        ("linearize", ("response", "linearize", "compose")),
        ("full", ("response", "restore", "refine", "compose")),
    ):
        done = CliRunner().invoke(app, ["bench", "--frames", "--model", model, "--device", "cpu", "--width-px", "160"])
        assert done.exit_code == 0, done.output
        assert done.stdout.count("frames/s") == 4 and all(f"\n{name}: " in done.stdout for name in names)
