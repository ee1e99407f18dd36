"""Many files at once: what a user named becomes a list of photos, and every photo gets a result name of its own."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdrrecon.io.photo import READABLE

PREVIEW_SUFFIX = ".preview.png"
ALWAYS_LINEAR = frozenset((".exr", ".hdr", ".pic", ".pfm", ".npy"))
"""Formats of light, not of photos: results usually, so a folder's are passed over; named ones are tried."""


@dataclass(frozen=True)
class Source:
    """A photo to work on, and the folder (`root`) whose sub-folders the result keeps."""

    path: Path
    root: Path


def expand(inputs: Iterable[str | Path], *, without: Path | None = None) -> tuple[list[Source], list[str]]:
    """Photos named by files, folders (searched to the bottom), globs (** too) and .txt lists of all these.

    Args:
        inputs: as a user gave them. Lines of a list are taken relative to the list's folder, else as they are; empty
            lines and lines that begin with # are passed over.
        without: a folder not to search: results that lie inside an input folder are no photos.

    Returns:
        The photos, sorted, none twice; and one sentence for each input that names nothing.
    """
    found: dict[Path, Source] = {}
    problems: list[str] = []
    for given in inputs:
        try:
            sources = _expand_one(Path(given), without)
        except (OSError, ValueError) as error:
            problems.append(str(error))
            continue
        for source in sources:
            if isinstance(source, str):
                problems.append(source)
            else:
                found.setdefault(_key(source.path), source)
    return sorted(found.values(), key=lambda s: (str(s.root), str(s.path))), problems


def _expand_one(given: Path, without: Path | None) -> list[Source | str]:
    if given.is_dir():
        paths = _photos_in(given, without)
        return [Source(p, given) for p in paths] or [f"{given}: no photos in this folder; readable are {_readable()}"]
    if given.is_file():
        return _listed(given, without) if given.suffix.lower() == ".txt" else [Source(given, given.parent)]
    if glob.has_magic(str(given)):
        return _globbed(given, without)
    return [f"{given}: no such file or folder"]


def _photos_in(folder: Path, without: Path | None) -> list[Path]:
    """Photos at any depth. Hidden files and folders (also what macOS writes beside photos) do not count."""
    kinds = READABLE - ALWAYS_LINEAR
    inside = without is not None and _key(without) != _key(folder)
    paths = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        ours = path.name.lower().endswith(PREVIEW_SUFFIX) or inside and _key(path).is_relative_to(_key(without))
        if path.suffix.lower() in kinds and not hidden and not ours and path.is_file():
            paths.append(path)
    return paths


def _listed(file: Path, without: Path | None) -> list[Source | str]:
    sources: list[Source | str] = []
    for line in file.read_text(encoding="utf-8-sig").splitlines():
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        beside = file.parent / name
        given = beside if beside.exists() or glob.has_magic(name) else Path(name)
        if given.suffix.lower() == ".txt":
            sources.append(f"{given}: a list inside the list {file} is not followed")
            continue
        for source in _expand_one(given, without):
            under = isinstance(source, Source) and source.path.is_relative_to(file.parent)
            sources.append(Source(source.path, file.parent) if under else source)
    return sources or [f"{file}: this list names no files"]


def _globbed(pattern: Path, without: Path | None) -> list[Source | str]:
    plain = list(pattern.parts)
    first = next(i for i, part in enumerate(plain) if glob.has_magic(part))
    root = Path(*plain[:first])
    sources: list[Source | str] = []
    for name in sorted(glob.glob(str(pattern), recursive=True)):
        path = Path(name)
        if path.is_dir():
            sources += [] if "**" in plain else [Source(p, root) for p in _photos_in(path, without)]
        elif path.suffix.lower() in READABLE and not path.name.lower().endswith(PREVIEW_SUFFIX):
            sources.append(Source(path, root))
    return sources or [f"{pattern}: nothing matches"]


def target(out: Path, src: Path, root: Path, extension: str) -> Path:
    """Where the result of `src` goes: below `out`, in the same sub-folder as below `root`, with `extension`."""
    inner = src.relative_to(root) if src.is_relative_to(root) else Path(src.name)
    return (out / inner).with_suffix(extension)


def plan(sources: Sequence[Source], out: Path, extension: str) -> list[tuple[Source, Path]]:
    """Every photo with its result's path. No two are equal, none is one of the photos.

    x.jpg becomes x.exr. Where two photos would meet (a/x.jpg and a/x.png; or x.jpg of two folders), all of them get a
    longer name: their folder's name in front, else the old extension kept (x.jpg.exr), else a number. The names
    depend only on the whole list, not on what exists, so shards and later runs agree.
    """
    names = (
        lambda s: target(out, s.path, s.root, extension),
        lambda s: target(out / s.root.resolve().name, s.path, s.root, extension),
        lambda s: (plain := target(out, s.path, s.root, extension)).with_name(s.path.name + plain.suffix),
        lambda s: (plain := target(out / s.root.resolve().name, s.path, s.root, extension)).with_name(
            s.path.name + plain.suffix
        ),
    )
    taken = {_folded(s.path) for s in sources}
    chosen: dict[Source, Path] = {}
    waiting = list(sources)
    for name in names:
        wanted = Counter(_folded(name(s)) for s in waiting)
        free = [s for s in waiting if wanted[_folded(name(s))] == 1 and _folded(name(s)) not in taken]
        chosen.update((s, name(s)) for s in free)
        taken.update(_folded(chosen[s]) for s in free)
        waiting = [s for s in waiting if s not in chosen]
    for source in waiting:
        number, plain = 2, names[2](source)
        while _folded(plain.with_stem(f"{plain.stem}-{number}")) in taken:
            number += 1
        chosen[source] = plain.with_stem(f"{plain.stem}-{number}")
        taken.add(_folded(chosen[source]))
    return [(s, chosen[s]) for s in sources]


def parse_shard(text: str) -> tuple[int, int]:
    """ "i/n" as (i, n), 0 <= i < n.

    Raises:
        ValueError: saying what was wanted.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise ValueError(f"a shard is i/n with 0 <= i < n, for example 0/4 to 3/4 on four machines; got {text!r}")
    return int(match[1]), int(match[2])


def _key(path: Path) -> Path:
    return path.resolve()


def _folded(path: Path) -> str:
    # Case-folded: on macOS and Windows X.exr and x.exr are one file.
    return str(path.resolve()).casefold()


def _readable() -> str:
    return ", ".join(sorted(READABLE - ALWAYS_LINEAR))
