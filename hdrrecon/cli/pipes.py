"""`hdrrecon run - -o -`: a photo from standard input, its light to standard output, through files that nobody sees."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PIPE = "-"


@contextmanager
def piped(inputs: list[str], out: Path, format: str | None) -> Iterator[tuple[list[str], Path]]:
    """Inputs and output with files in the place of "-". What was written goes to standard output at the end.

    Raises:
        ValueError: "-" among other inputs, an output "-" of several photos, or nothing on standard input.
    """
    if PIPE in inputs and len(inputs) > 1:
        raise ValueError('"-" is one photo from standard input; it cannot stand among others')
    if str(out) == PIPE and len(inputs) > 1:
        raise ValueError("standard output holds the light of one photo; name a folder for several")
    with tempfile.TemporaryDirectory() as folder:
        if inputs == [PIPE]:
            photo = Path(folder) / "stdin"
            with photo.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            if not photo.stat().st_size:
                raise ValueError("nothing came on standard input; for example: hdrrecon run - -o photo.exr < photo.jpg")
            inputs = [str(photo)]
        if str(out) != PIPE:
            yield inputs, out
            return
        result = Path(folder) / f"stdout.{(format or 'exr').lower().lstrip('.')}"
        try:
            yield inputs, result
        finally:
            if result.is_file():  # it is there only when it is whole
                _sent(result)


def _sent(result: Path) -> None:
    """Copy a file to standard output."""
    with result.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
