"""The result file: rows come back, the last of a key counts, spoilt files are named."""

import pytest

from hdrrecon.evaluation.results import COLUMNS, read_rows


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
