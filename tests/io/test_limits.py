"""A claimed size is refused before anything is allocated for it, unless the caller allows it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.io import ReadError, read
from hdrrecon.io.limits import DEFAULT_MOST_PX, VARIABLE, check_holds, check_size, most_px
from tests.io.files import encode, picture


def test_a_larger_size_may_be_allowed(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    path.write_bytes(encode(picture(), "PNG"))
    monkeypatch.setenv("HDRRECON_MAX_PIXELS", "959")
    with pytest.raises(ReadError, match=r"x\.png: it claims 40 x 24 pixels.*HDRRECON_MAX_PIXELS"):
        read(path)
    monkeypatch.setenv("HDRRECON_MAX_PIXELS", "960")
    assert read(path).shape == (24, 40, 3)
    monkeypatch.setenv("HDRRECON_MAX_PIXELS", "many")
    with pytest.raises(ReadError, match="wanted a whole number"):
        read(path)


def test_what_is_allowed_without_a_word(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert most_px() == DEFAULT_MOST_PX == 2**30
    check_size(8192, 8192, 1)  # 2^26 pixels are believed
    with pytest.raises(ReadError, match="too few to be believed"):
        check_size(8192, 8193, 1)
    check_size(8192, 8193, 8192 * 8193 // 4096 + 1)
    with pytest.raises(ReadError, match="more than the 1073741824 that are read"):
        check_size(2**15, 2**15 + 1, 2**31)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-4, 5), (-4, -5)])
def test_no_size_at_all_is_damage(size):
    with pytest.raises(ReadError, match="damaged"):
        check_size(*size, 10**6)


@given(held=st.integers(0, 2**40), ratio=st.integers(1, 1032))
def test_the_last_byte_counts(held, ratio):
    check_holds("PNG", held * ratio, held, ratio)
    with pytest.raises(ReadError, match=f"PNG is truncated or damaged.*{held} bytes cannot hold"):
        check_holds("PNG", held * ratio + 1, held, ratio)
