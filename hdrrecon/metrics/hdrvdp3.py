"""HDR-VDP-3 results from a file: the metric itself is MATLAB code that hdrrecon cannot run.

Run it on your predictions (task "quality"), write a CSV with the columns `condition,image,method,jod`, and
`hdrrecon evaluate --hdrvdp3 FILE` puts them beside our numbers.

Source: Mantiuk et al., "HDR-VDP-3: A multi-metric for predicting image differences, quality and contrast
distortions in high dynamic range and regular content", 2023.
"""

from __future__ import annotations

import csv
from pathlib import Path

COLUMNS = ("condition", "image", "method", "jod")


def read_hdrvdp3(path: str | Path) -> dict[tuple[str, str, str], float]:
    """JOD per (condition, image, method); `image` is the file name without its ending.

    Raises:
        ValueError: naming the column that is missing, the line whose JOD is no number, or a pair given twice.
        FileNotFoundError: if there is no such file.
    """
    results: dict[tuple[str, str, str], float] = {}
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} has no column {', '.join(missing)}; HDR-VDP-3 results need {','.join(COLUMNS)}")
        for row in reader:
            key = (row["condition"], row["image"], row["method"])
            try:
                jod = float(row["jod"])
            except (TypeError, ValueError):
                raise ValueError(f"{path}, line {reader.line_num}: jod is {row['jod']!r}, not a number") from None
            if key in results:
                raise ValueError(f"{path}, line {reader.line_num}: {' / '.join(key)} is given twice")
            results[key] = jod
    return results
