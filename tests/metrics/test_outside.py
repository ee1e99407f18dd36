"""ColorVideoVDP and HDR-VDP-3: optional, imported, and clear about it."""

import sys

import pytest

from hdrrecon.metrics import read_hdrvdp3
from hdrrecon.metrics.colorvideovdp import require_colorvideovdp


@pytest.mark.parametrize(
    "fails, reason",
    [("raise ModuleNotFoundError(\"No module named 'pycvvdp'\")", "No module named 'pycvvdp'"),
     ("raise RuntimeError('operator torchvision::nms does not exist')", "torchvision::nms")],
)  # fmt: skip
def test_a_package_that_cannot_be_imported_says_what_works(tmp_path, monkeypatch, fails, reason):
    """Missing, or beside a torchvision built for another torch."""
    (tmp_path / "pycvvdp.py").write_text(fails + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pycvvdp", raising=False)
    with pytest.raises(ModuleNotFoundError) as error:
        require_colorvideovdp()
    said = str(error.value)
    for words in (reason, "torchvision built for the same torch", "an environment of its own", "pip install cvvdp"):
        assert words in said
    assert "without --cvvdp" in said


def test_hdrvdp3_results(tmp_path):
    file = tmp_path / "jod.csv"
    file.write_text("condition,image,method,jod,comment\nclip_95,lake,full,8.25,ok\n")
    assert read_hdrvdp3(file) == {("clip_95", "lake", "full"): 8.25}


@pytest.mark.parametrize(
    "text, says",
    [
        ("image,method,jod\nlake,full,8\n", "no column condition"),
        ("condition,image,method,jod\nclip_95,lake,full,good\n", "line 2: jod is 'good'"),
        ("condition,image,method,jod\na,b,c,1\na,b,c,2\n", "given twice"),
    ],
)
def test_bad_hdrvdp3_files(tmp_path, text, says):
    (tmp_path / "jod.csv").write_text(text)
    with pytest.raises(ValueError, match=says):
        read_hdrvdp3(tmp_path / "jod.csv")
