"""Rate and distortion of ways to keep a raw: all bytes counted, differences that mean what they say."""

import numpy as np
import pytest
from typer.testing import CliRunner

from hdrrecon.evaluation.raw import CONDITIONS, bd_rate, curve, evaluate_raw, expose, plot, table
from hdrrecon.evaluation.raw_baselines import METHODS
from tests.rawcodec.conftest import scene


@pytest.fixture(scope="module")
def rows():
    return evaluate_raw(
        [("one", scene(96, 128))], ["jpeg", "map", "samples", "content", "dct", "rawcodec"], ["q90"], [0.2, 0.6]
    )


def test_curves_rise_and_ours_is_the_best(rows):
    for method in ("dct", "rawcodec"):
        points = curve(rows, method, "q90")
        assert (np.diff(points[:, 1]) > 0).all() and (points[:, 0] <= (0.2, 0.6)).all()
    assert curve(rows, "map", "q90")[0, 1] > curve(rows, "jpeg", "q90")[0, 1]
    assert bd_rate(curve(rows, "rawcodec", "q90"), curve(rows, "dct", "q90")) < 0
    assert "BD-rate" in table(rows) and plot(rows, 600).shape == (600, 600, 3)


def test_bd_rate_of_half_the_bytes_is_minus_fifty():
    points = np.array([[0.01, 30], [0.1, 40], [0.4, 45.0]])
    half = points * (0.5, 1)
    assert bd_rate(half, points) == pytest.approx(-50)
    assert bd_rate(points, points) == pytest.approx(0)
    assert np.isnan(bd_rate(points, points + (0, 100)))


@pytest.mark.parametrize("method", ["jxl", "gainmap"])
def test_other_formats_can_be_compared(method):
    pytest.importorskip("imagecodecs")
    raw, jpeg = expose(scene(96, 128), CONDITIONS["q90"])
    size, out = METHODS[method](raw, jpeg, 0.5)
    assert size > 0 and out.shape == raw.shape and np.isfinite(out).all()


def test_unknown_names_are_told():
    with pytest.raises(KeyError, match="rawcodec"):
        evaluate_raw([], ["nonsense"])


def test_the_command(tmp_path):
    from hdrrecon.cli.main import app

    np.save(tmp_path / "one.npy", scene(64, 96))
    done = CliRunner().invoke(
        app,
        [
            "evaluate-raw",
            str(tmp_path),
            "-m",
            "map",
            "-c",
            "q75",
            "-o",
            str(tmp_path / "rows.csv"),
            "--plot",
            str(tmp_path / "p.png"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "rows.csv").is_file() and (tmp_path / "p.png").is_file() and "| q75 | map |" in done.output
