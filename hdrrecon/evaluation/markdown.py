"""Tables in Markdown, written in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1, padded: bool = False) -> str:
    """A table of cells; the first `words` columns are text, aligned left, the others numbers, aligned right.

    Args:
        head, rows: cells, as many in every row.
        words: how many columns are text.
        padded: fill numbers with spaces up to the width of their column, for terminals.

    Example:
        >>> print(markdown_table(["method", "dB"], [["full", "29.5"]]))
        | method | dB |
        | --- | ---: |
        | full | 29.5 |
    """
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    lines = [head, rule, *rows]
    if padded:
        widths = [max(len(cell) for cell in column) for column in zip(*(head, *lines[2:]))]
        rule[:] = [mark.rjust(width, "-") for mark, width in zip(rule, widths)]
        lines = [[cell.rjust(width) for cell, width in zip(cells, widths)] for cells in lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
