"""Films as numbered files: photos to reconstruct, or linear light (.exr) that only wants to be put into a film; and
.exr out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hdrrecon.video.decode import VideoError

LINEAR = (".exr", ".hdr")
_DIGITS = re.compile(r"(\d+)")


def files_of(source: Path) -> list[Path]:
    """Files of a folder or of a pattern ("shot.*.png", "shot.%04d.png"), in the order of the numbers in their names.

    Raises:
        VideoError: none, or of several kinds.
    """
    from hdrrecon.io import READABLE

    if source.is_dir():
        found = [p for p in source.iterdir() if p.suffix.lower() in READABLE and not p.name.startswith(".")]
    else:
        found = list(source.parent.glob(re.sub(r"%0?\d*d", "*", source.name)))
    if not found:
        raise VideoError(
            f"{source} names no pictures; name a film, a folder of pictures, or a pattern like shot.%04d.png"
        )
    kinds = {p.suffix.lower() for p in found}
    if len(kinds) > 1:
        raise VideoError(
            f"{source} holds pictures of several kinds ({', '.join(sorted(kinds))}); name one with a pattern"
        )
    return sorted(found, key=lambda p: [int(part) if part.isdigit() else part for part in _DIGITS.split(p.name)])


def is_sequence(source: Path) -> bool:
    """Whether a source is a folder or a pattern, not one file."""
    return source.is_dir() or bool(re.search(r"[*?]|%0?\d*d", source.name))


def pictures(files: list[Path], notes: Counter) -> Iterator[tuple[int, Path]]:
    """(index, file) of each picture that can be read; in place of one that cannot comes the last that could, and it is
    noted."""
    from hdrrecon import io

    last = None
    for index, file in enumerate(files):
        try:
            io.read(file)
            last = file
        except (OSError, ValueError) as error:
            notes[f"{file.name} cannot be read and is replaced by the picture before it: {error}"] += 1
        if last is not None:
            yield index, last


class SequenceTarget:
    """Names of numbered .exr files: "shots/a.%04d.exr", or a folder, in which they are "frame.%06d.exr"."""

    def __init__(self, target: Path):
        if target.suffix.lower() == ".exr":
            if not re.search(r"%0?\d*d", target.name):
                raise ValueError(
                    f"{target} names one file, a film makes many; put %06d where the number goes, or name a folder"
                )
            self.pattern = str(target)
        else:
            self.pattern = str(target / "frame.%06d.exr")

    def path(self, index: int) -> Path:
        """Of the frame with this index, counted from 1 in names."""
        return Path(self.pattern % (index + 1))

    def write(self, index: int, light: np.ndarray, white_nits: float) -> None:
        """Half floats; the file appears when it is whole."""
        from hdrrecon import io

        io.write(self.path(index), light, dtype="half", white_nits=white_nits)
