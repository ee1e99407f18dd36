"""Tables that Markdown renders, and that a terminal shows in columns."""

from hdrrecon.evaluation.markdown import markdown_table


def test_words_stand_left_and_numbers_right():
    text = markdown_table(["method", "dB"], iter([("full", "29.5")]))
    assert text.splitlines() == ["| method | dB |", "| --- | ---: |", "| full | 29.5 |"]


def test_padded_columns_are_as_wide_as_their_widest_cell():
    lines = markdown_table(["a", "long"], [("1", "2"), ("12345", "3")], words=0, padded=True).splitlines()
    assert lines == ["|     a | long |", "| ----: | ---: |", "|     1 |    2 |", "| 12345 |    3 |"]
