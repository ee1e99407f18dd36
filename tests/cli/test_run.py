"""What `hdrrecon run` says at its end."""

from PIL import Image
from typer.testing import CliRunner

from hdrrecon.cli.main import app
from tests.conftest import needs_weights


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
