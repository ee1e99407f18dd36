"""Tables in Markdown, written in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A table of cells; the first `words` columns are text, aligned left, the others numbers, aligned right.

    Example:
        >>> print(markdown_table(["method", "dB"], [["full", "29.5"]]))
        | method | dB |
        | --- | ---: |
        | full | 29.5 |
    """
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))
