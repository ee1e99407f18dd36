"""Tables in Markdown."""

from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.evaluation.markdown import markdown_table

cells = st.text("abc019. ", min_size=1, max_size=5)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=5), st.integers(0, 3))
def test_cells_come_back_and_numbers_are_aligned_right(rows, words):
    head, rule, *lines = markdown_table(["a", "b", "c"], rows, words=words).splitlines()
    assert head == "| a | b | c |" and [line[2:-2].split(" | ") for line in lines] == rows
    assert rule[2:-2].split(" | ") == ["---"] * words + ["---:"] * (3 - words)


def test_a_table_without_rows_is_its_heading():
    assert markdown_table(["method", "dB"], []) == "| method | dB |\n| --- | ---: |"


def test_padded_numbers_stand_below_each_other():
    lines = markdown_table(["method", "dB"], [["full", "29.5"], ["a", "3"]], padded=True).splitlines()
    assert len({len(line) for line in lines}) == 1 and lines[3].endswith("|    3 |")
