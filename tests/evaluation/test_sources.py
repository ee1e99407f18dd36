"""Folders of truths and of pairs: what is found, and what they lack."""

import pytest

from hdrrecon.evaluation.sources import find_truths


def test_folders_say_what_they_lack(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a folder"):
        find_truths(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="no HDR truths"):
        find_truths(tmp_path)
    for name in ("a.npy", "a.hdr"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="both a.hdr and a.npy"):
        find_truths(tmp_path)
