"""HDR-VDP-3 results from a file: read as they are, and errors that name the line."""

import pytest

from hdrrecon.metrics.hdrvdp3 import read_hdrvdp3


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
