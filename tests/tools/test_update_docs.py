"""Figures in README and docs come from a command."""

import importlib.util
from pathlib import Path

import pytest

from hdrrecon import zoo

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("update_docs", ROOT / "tools" / "update_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_block_is_replaced_and_nothing_else(tool):
    text = "before\n<!-- BEGIN a -->\nold\n<!-- END a -->\nafter\n"
    assert tool.replace_block(text, "a", "new\\1") == "before\n<!-- BEGIN a -->\nnew\\1\n<!-- END a -->\nafter\n"
    with pytest.raises(ValueError, match="BEGIN b"):
        tool.replace_block(text, "b", "new")


@pytest.mark.parametrize(
    "file, name",
    [("README.md", "short-table"), ("docs/evaluation.md", "evaluation"), ("docs/evaluation.md", "real-photos")],
)
def test_the_blocks_are_there(tool, file, name):
    tool.replace_block((ROOT / file).read_text(), name, "")


def test_every_model_has_scores():
    assert all(zoo.MODELS[name].scores for name in zoo.list_models())


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= 9000
