"""What `hdrrecon run` says at its end."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import hdrrecon
from hdrrecon.batch.photos import Job
from hdrrecon.cli.main import app
from hdrrecon.cli.run import _result_lines, _write_options
from tests.conftest import needs_weights
from tests.sensors.scenes import photo_of, room


def test_one_photo_is_told_about(tmp_path, small_photo, monkeypatch):
    """Where the result is, how much of the photo is restored, how to look at it; of a folder only the sum."""
    needs_weights()
    monkeypatch.chdir(tmp_path)
    Image.fromarray(small_photo).save("sun.png")
    said = CliRunner().invoke(app, ["run", "sun.png", "-o", "sun.exr", "--preview", "--model", "fast"]).stdout
    assert "sun.exr: " in said and "% of the photo was lost and is restored; brightest light +" in said
    assert "sun.preview.png" in said and "hdrrecon view sun.exr sun.png" in said
    Image.fromarray(small_photo // 2).save("dark.png")
    said = CliRunner().invoke(app, ["run", "dark.png", "-o", "dark.exr", "--model", "fast"]).stdout
    assert "nothing clipped: all light is measured" in said
    said = CliRunner().invoke(app, ["run", "sun.png", "dark.png", "-o", "both", "--model", "fast"]).stdout
    assert "restored" not in said and "2 done" in said


def test_a_guide_says_how_bright_lamps_are(tmp_path, monkeypatch):
    """The photo's lamps are lost; its own light, shrunk, is the guide."""
    needs_weights()
    monkeypatch.chdir(tmp_path)
    light = room(96)[0].permute(1, 2, 0).numpy()
    Image.fromarray(photo_of(room(96))).save("photo.png")
    hdrrecon.write("light.exr", light.reshape(24, 4, 24, 4, 3).mean((1, 3)))
    for name, more in (("plain", []), ("guided", ["--guide", "light.exr"])):
        done = CliRunner().invoke(app, ["run", "photo.png", "-o", f"{name}.exr", "--model", "fast", *more])
        assert done.exit_code == 0, done.output
    lost = light.max(2) > 1
    plain, guided = (abs(np.log2(hdrrecon.read(f"{n}.exr") / light))[lost].mean() for n in ("plain", "guided"))
    assert guided < 0.6 * plain


def test_guides_that_cannot_be_are_refused_before_any_work(tmp_path, small_photo, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        Image.fromarray(small_photo).save(name)
    two = CliRunner().invoke(app, ["run", "a.png", "b.png", "-o", "out", "--guide", "a.png"])
    assert two.exit_code == 2 and "belongs to one photo" in two.output
    absent = CliRunner().invoke(app, ["run", "a.png", "-o", "a.exr", "--guide", "none.exr"])
    assert absent.exit_code == 2 and "no file none.exr" in absent.output


@pytest.mark.parametrize(
    "target, given, words",
    [
        ("a.hdr", None, "--confidence is a channel of .exr"),
        ("a.hdr", {"peak_nits": 400.0}, "peak_nits"),
        ("a.png", {"gain_channels": 1}, "gain_channels"),
    ],
)
def test_what_a_format_does_not_have_is_refused_before_any_work(target, given, words):
    """No further options: a confidence channel is asked for."""
    with pytest.raises(ValueError, match=words):
        _write_options(Path(target), True, "piz", given is None, given or {})


def test_options_not_given_do_not_reach_the_writer():
    options = _write_options(Path("a.exr"), False, "zip", False, {"white_nits": None, "primaries": "p3"})
    assert (options.dtype, options.compression, options.primaries) == ("float", "zip", "p3")
    assert options.white_nits is None and options.attributes["software"].startswith("hdrrecon ")


def test_the_command_that_shows_a_result_can_be_pasted(tmp_path):
    job = Job(tmp_path / "my photo.jpg", tmp_path / "it's.exr")
    line = list(_result_lines(job, "done", False))[-1]
    assert shlex.split(line.split("browser: ")[1]) == ["hdrrecon", "view", str(job.target), str(job.source)]
