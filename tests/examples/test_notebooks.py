"""The notebooks run from top to bottom, and were committed without outputs."""

from pathlib import Path

import pytest

from tests.conftest import needs_weights

NOTEBOOKS = Path(__file__).resolve().parents[2] / "examples" / "notebooks"


@pytest.mark.parametrize(
    "name",
    [
        "1_first_reconstruction",
        "2_estimating_a_response",
        "3_evaluating_your_own_method",
        "4_training_on_your_own_hdris",
    ],
)
def test_notebook(name, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    needs_weights()
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "clear the outputs before committing"
    # The kernel is a process of its own: it must find this checkout, installed or not.
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOKS.parents[1]))
    nbclient.NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    errors = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    assert not errors
