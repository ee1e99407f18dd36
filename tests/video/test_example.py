"""The example, run as a reader would."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("av")

from tests.video.test_film import clip, sdr_film  # noqa: E402


def test_steady_film(tmp_path, capsys):
    path = Path(__file__).resolve().parents[2] / "examples" / "steady_film.py"
    spec = importlib.util.spec_from_file_location("steady_film", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    source = sdr_film(tmp_path / "in.mp4", clip(5))
    example.main(source, tmp_path / "out", "fast")
    said = capsys.readouterr().out
    assert "5 frames of 1 shots" in said and "stops frame by frame" in said
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"film.mp4", "time_slices.png", "frame.png"}
