"""The result file: a CSV row per condition, image and method, appended as they come, read to resume."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path

from hdrrecon.evaluation.confidence import KEPT
from hdrrecon.metrics.scores import METRICS

KEYS = ("protocol", "settings", "condition", "image", "method", "version")
FACTS = ("error", "nonfinite", "gain", "clipped_percent", "headroom_stops", "seconds", "height", "width", *KEPT)
COLUMNS = (*KEYS, *FACTS, *METRICS)
Row = dict[str, str | float]


def key_of(row: Row) -> tuple:
    """What makes a row unique; another version of a method or another setting is another row."""
    return tuple(row[name] for name in KEYS)


def read_rows(path: str | Path) -> list[Row]:
    """Rows of a result file, the last one where a key comes twice. A line cut off by a crash is left out.

    Raises:
        ValueError: if the file is not a result file of this version.
    """
    path = Path(path)
    if not path.exists() or path.stat().st_size == 0:
        return []
    try:
        return _parsed(path)
    except (UnicodeDecodeError, csv.Error, StopIteration, ValueError) as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        raise ValueError(f"{path} is a damaged result file ({error}); give another --out, or move it away") from error


def _parsed(path: Path) -> list[Row]:
    found: dict[tuple, Row] = {}
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader)
        if tuple(header) != COLUMNS:
            raise ValueError(
                f"{path} is not a result file of this version of hdrrecon evaluate (its columns differ); "
                "give another --out, or move it away"
            )
        for cells in reader:
            if len(cells) == len(COLUMNS):
                row = {
                    name: cell if name in KEYS or name == "error" else _number(cell)
                    for name, cell in zip(COLUMNS, cells)
                }
                found[key_of(row)] = row
    return list(found.values())


class ResultFile:
    """Appends rows; every row is on disk before the next begins."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, rows: list[Row]) -> None:
        new = not self.path.exists() or self.path.stat().st_size == 0
        if not new:
            self._end_last_line()
        with open(self.path, "a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(COLUMNS)
            writer.writerows([_cell(row.get(name, "")) for name in COLUMNS] for row in rows)
            file.flush()
            os.fsync(file.fileno())

    def _end_last_line(self) -> None:
        # A crash may have cut a line; without this the next row would be glued to it.
        with open(self.path, "rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\r\n")


def _number(cell: str) -> float:
    return float(cell) if cell else math.nan


def _cell(value) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}"
    return str(value).replace("\n", " ").replace("\r", " ")
