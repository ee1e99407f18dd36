"""The floors of the house: imports only point down, and there is no circle. `.importlinter` says which floors."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def lint(config: Path) -> int:
    cli = pytest.importorskip("importlinter.cli")
    return cli.lint_imports(config_filename=str(config), no_cache=True)


def test_no_import_points_up_and_there_is_no_circle(capsys):
    assert lint(ROOT / ".importlinter") == 0, capsys.readouterr().out


def test_an_arrow_up_would_be_found(tmp_path, capsys):
    """With two floors exchanged the same check fails."""
    text = (ROOT / ".importlinter").read_text()
    assert "    io\n    camera\n" in text
    (tmp_path / "wrong").write_text(text.replace("    io\n    camera\n", "    camera\n    io\n"))
    assert lint(tmp_path / "wrong") == 1
    assert "hdrrecon.io is not allowed to import hdrrecon.camera" in " ".join(capsys.readouterr().out.split())
