"""ColorVideoVDP: optional, and clear about what it needs."""

import sys

import numpy as np
import pytest

from hdrrecon.metrics.colorvideovdp import colorvideovdp_jod, colorvideovdp_video_jod, require_colorvideovdp


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


def test_every_entry_says_so_where_the_package_cannot_be_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycvvdp", None)
    frame = np.ones((8, 8, 3), np.float32)
    for call in (
        require_colorvideovdp,
        lambda: colorvideovdp_jod(frame, frame, display="no display, so that nothing is cached"),
        lambda: colorvideovdp_video_jod(frame[None], frame[None], 24.0, display="no display"),
    ):
        with pytest.raises(ModuleNotFoundError, match="pip install cvvdp"):
            call()
