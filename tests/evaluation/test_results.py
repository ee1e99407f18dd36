"""The result file: rows come back, the last of a key counts, spoilt files are named."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.evaluation.results import COLUMNS, KEYS, ResultFile, read_rows


@pytest.mark.parametrize("spoilt", [b"\xff\xfe\0\xd8", b"\0" * 40, b"a,b\n1,2\n", b"\xe9\n"])
def test_spoilt_result_files_are_named(tmp_path, spoilt):
    (tmp_path / "r.csv").write_bytes(spoilt)
    with pytest.raises(ValueError, match=r"r\.csv"):
        read_rows(tmp_path / "r.csv")


def test_a_number_that_is_none_is_named(tmp_path):
    cells = ["x" if name in ("seconds",) else "" for name in COLUMNS]
    (tmp_path / "r.csv").write_text(",".join(COLUMNS) + "\n" + ",".join(cells) + "\n")
    with pytest.raises(ValueError, match=r"r\.csv is a damaged result file"):
        read_rows(tmp_path / "r.csv")


def row(image, **values):
    return {**dict.fromkeys(COLUMNS, math.nan), **dict.fromkeys(KEYS, "k"), "image": image, "error": "", **values}


def test_rows_come_back_and_the_last_of_a_key_counts(tmp_path):
    file = ResultFile(tmp_path / "sub" / "r.csv")
    file.append([row("a", pu21_psnr=25.5), row("b", error="two\nlines")])
    file.append([row("a", pu21_psnr=26.5)])
    a, b = read_rows(file.path)
    assert a["pu21_psnr"] == 26.5 and math.isnan(a["seconds"]) and b["error"] == "two lines"


@given(st.integers(1, 20))
def test_a_line_cut_by_a_crash_is_left_out_and_spoils_no_other(cut):
    with TemporaryDirectory() as folder:
        file = ResultFile(Path(folder) / "r.csv")
        file.append([row("a", seconds=1.0), row("b", seconds=2.0)])
        head, first, second = file.path.read_bytes().splitlines(keepends=True)
        file.path.write_bytes(head + first + second[:cut])
        file.append([row("c", seconds=3.0)])
        assert [r["image"] for r in read_rows(file.path)] == ["a", "c"]
