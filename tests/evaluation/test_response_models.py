"""`hdrrecon compare-responses`: files of curves in, the table out."""

import re

import numpy as np
import typer
from typer.testing import CliRunner

from hdrrecon.camera.measured_curves import CurveSet
from hdrrecon.camera.response import CODES
from hdrrecon.cli.response import compare_responses
from hdrrecon.evaluation.response_models import compare, markdown
from tests.camera.test_measured_curves import gammas

root = typer.Typer()
root.command("compare-responses")(compare_responses)
root.command("other")(lambda: None)


def test_gamma_curves_are_described_by_gamma_and_published_figures_stay_away(tmp_path):
    rows = {
        r.model: r
        for r in compare(CurveSet.from_forward("mine", CODES, np.stack([CODES**g for g in (0.4, 0.5, 0.7, 0.9, 1.0)])))
    }
    assert rows["gamma"].forward < 1e-6 and rows["GGCM, root"].forward < 1e-6
    assert rows["Poly-11"].forward < rows["Poly-5"].forward < rows["Poly-5, ends fixed"].forward
    assert all(r.published is None for r in rows.values())
    assert np.isnan(rows["union-11"].forward) and rows["union-11"].inverse < 0.01
    assert "published" not in markdown("mine", list(rows.values()))


def test_command_line_compare(tmp_path):
    gammas(tmp_path / "mine.csv")
    result = CliRunner().invoke(root, ["compare-responses", str(tmp_path / "mine.csv")])
    assert (
        result.exit_code == 0
        and "5 curves of mine.csv" in result.output
        and re.search(r"\| EMoR-5 \| 5 \| 0\.\d{6}", result.output)
    )
    missing = CliRunner().invoke(root, ["compare-responses", str(tmp_path / "none.csv")])
    assert missing.exit_code == 1 and missing.output == f"error: {tmp_path / 'none.csv'}: no such file or directory\n"
    assert CliRunner().invoke(root, ["compare-responses", str(tmp_path / "mine.csv"), "--side", "up"]).exit_code == 2
