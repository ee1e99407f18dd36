import numpy as np
import pytest
from typer.testing import CliRunner

from hdrrecon.cli.evaluate import app, spread

OWN = "tests.evaluation.solvers:"


@pytest.fixture
def cli(tmp_path, monkeypatch):
    def call(*arguments):
        return CliRunner().invoke(app, [str(a) for a in (*arguments, "-j", 1, "--out", tmp_path / "r.csv")])

    return call


def test_a_users_method_in_one_command(cli, truths, tmp_path):
    result = cli(
        truths,
        "-m",
        OWN + "double",
        "-c",
        "clip_97",
        "--report",
        tmp_path / "r.html",
        "--table",
        tmp_path / "t.md",
        "--max-side",
        64,
    )
    assert result.exit_code == 0, result.output
    assert "hdrrecon-eval v1, clip_97" in result.output and "Where the next decibel is" in result.output
    assert "perfect linearisation alone" in result.output
    assert (tmp_path / "t.md").read_text().startswith("**hdrrecon-eval v1") and (tmp_path / "r.html").exists()


def test_kinds_of_regions_stand_in_table_and_report(cli, truths, tmp_path):
    """What clipped by what it shows, and what was crushed."""
    result = cli(truths, "-c", "two_sided", "-m", OWN + "double", "--report", tmp_path / "r.html", "--max-side", 64)
    assert result.exit_code == 0, result.output
    for title in (
        "clipped, small round sources, log-RMSE",
        "clipped, textured regions, bias",
        "nearly black pixels, log-RMSE",
    ):
        assert title in result.output and title in (tmp_path / "r.html").read_text()


def test_trouble_is_named_and_ends_with_1(cli, truths):
    result = cli(truths, "-m", OWN + "broken", "--no-baselines")
    assert result.exit_code == 1 and "12 values" in result.output and "3 with NaN or inf" in result.output


def test_pairs_without_partner_are_named(cli, pair_folder):
    result = cli("--pairs", pair_folder, "-m", "camera_curve", "--no-baselines")
    assert (
        result.exit_code == 1
        and "lonely.png has no truth" in result.output
        and "other.png is 128 x 96" in result.output
    )


def test_predictions_against_truths_alone(cli, truths, tmp_path):
    (tmp_path / "p").mkdir()
    for i in range(3):
        np.save(tmp_path / "p" / f"scene{i}.npy", np.load(truths / f"scene{i}.npy"))
    result = cli(truths, "--predictions", tmp_path / "p")
    assert result.exit_code == 0 and "as_given" in result.output and "predictions" in result.output


def test_photos_for_a_method_elsewhere(cli, truths, tmp_path):
    result = cli(truths, "--write-inputs", tmp_path / "in", "-c", "clip_95", "-c", "jpeg_75")
    assert result.exit_code == 0 and len(list((tmp_path / "in").rglob("*.png"))) == 6


def test_imported_hdrvdp3_results_stand_in_the_table(cli, truths, tmp_path):
    (tmp_path / "jod.csv").write_text(
        "condition,image,method,jod\n"
        + "".join(f"clip_95,scene{i},{m},8.5\n" for i in range(3) for m in ("camera_curve", "linearised_input"))
    )
    result = cli(truths, "-m", "camera_curve", "--no-baselines", "--hdrvdp3", tmp_path / "jod.csv")
    assert result.exit_code == 0 and "HDR-VDP-3" in result.output and "8.50" in result.output


@pytest.mark.parametrize(
    "arguments, says",
    [
        ((), "give either"),
        (("nowhere",), "not a folder"),
        (("TRUTHS", "-c", "clip_96"), "unknown condition"),
        (("TRUTHS", "-m", "no.such:thing"), "No module named"),
        (("TRUTHS", "-m", OWN + "nothing"), "no attribute"),
    ],
)
def test_bad_usage_is_2_and_one_sentence(cli, truths, arguments, says):
    result = cli(*(truths if a == "TRUTHS" else a for a in arguments))
    assert result.exit_code == 2 and says in result.output and "Traceback" not in result.output


def test_spread_keeps_the_first_and_goes_to_the_end():
    assert spread(list(range(10)), 3) == [0, 3, 6] and spread([1, 2], 5) == [1, 2]
