"""`hdrrecon bench` and `hdrrecon export`: what they write and what they refuse, with measurements made up."""

import pytest
import typer
from typer.testing import CliRunner

from hdrrecon.cli.tools import _numbers, bench, export

root = typer.Typer()
root.command()(bench)
root.command()(export)


def run(*words):
    return CliRunner().invoke(root, list(words))


@pytest.mark.parametrize(
    "words, told",
    [
        (["bench", "--sizes", "1,x"], "--sizes wants numbers from 0.001 to 10000"),
        (["bench", "--clipped", "91"], "--clipped wants numbers from 0 to 90"),
        (["bench", "--model", "x"], "there are: full"),
        (["export", "-o", "out", "--format", "pdf"], "choose one of onnx, pt2"),
        (["export", "-o", "out", "--format", "pt2", "--model", "x"], "there are: full"),
    ],
)
def test_bad_usage_is_one_sentence_and_code_2(words, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got = run(*words)
    assert got.exit_code == 2 and told in got.output and got.output.count("\n") == 1 and not list(tmp_path.iterdir())


def test_numbers_with_commas():
    assert _numbers("--sizes", "0.25,1,48", 0.001, 100) == [0.25, 1, 48]
    with pytest.raises(typer.Exit):
        _numbers("--sizes", "nan", 0.001, 100)


def test_one_measurement_that_fails_stops_no_other_and_is_counted(monkeypatch):
    asked = []

    def measure(case):
        asked.append(case.clipped)
        raise RuntimeError(f"no memory for {case.clipped:g} %")

    monkeypatch.setattr("hdrrecon.bench.photos.measure_apart", measure)
    got = run("bench", "--sizes", "1", "--clipped", "0,5", "--device", "cpu")
    assert got.exit_code == 1 and asked == [0, 5] and "no memory for 0 %" in got.output and "for 5 %" in got.output
