"""Many files at once: what a user named becomes a list of photos, and every photo gets a result name of its own."""

from __future__ import annotations

import glob
import hashlib
import itertools
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hdrrecon.io.mark import is_result
from hdrrecon.io.photo import LIGHT_SUFFIXES, READABLE

PREVIEW_SUFFIX = ".preview.png"
_LONGEST_NAME_BYTES = 255  # of most file systems


@dataclass(frozen=True)
class Source:
    """A photo to work on, and the folder (`root`) whose sub-folders the result keeps."""

    path: Path
    root: Path


@dataclass
class Found:
    """What the inputs name: photos, sentences about what names none, and how many results were passed over."""

    sources: list[Source] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    results: int = 0


def expand(inputs: Iterable[str | Path], *, without: Path | None = None) -> tuple[list[Source], list[str]]:
    """Photos named by files, folders (searched to the bottom), globs (** too) and .txt lists of all these.

    Args:
        inputs: as a user gave them. Lines of a list are taken relative to the list's folder, else as they are; empty
            lines and lines that begin with # are passed over.
        without: a folder not to search: results that lie inside an input folder are no photos.

    Returns:
        The photos, sorted, none twice; and one sentence for each input that names nothing, and for each folder or file
        that cannot be looked at.
    """
    found = find(inputs, without=without)
    return found.sources, found.problems


def find(inputs: Iterable[str | Path], *, without: Path | None = None) -> Found:
    """As `expand`; also counts what hdrrecon itself has written, which folders and globs do not name again."""
    found, seen = Found(), {}
    for given in inputs:
        part = Found()
        try:
            _add(Path(given), without, part)
        except (OSError, ValueError) as error:
            part.problems.append(str(error))
        for source in part.sources:
            seen.setdefault(_key(source.path), source)
        found.problems += part.problems
        found.results += part.results
    found.sources = sorted(seen.values(), key=lambda s: (os.fsencode(s.root), os.fsencode(s.path)))
    return found


def _add(given: Path, without: Path | None, found: Found) -> None:
    mode = _mode(given)
    if isinstance(mode, int) and stat.S_ISDIR(mode):
        before = len(found.sources), len(found.problems), found.results
        _add_folder(given, given, without, found)
        if before == (len(found.sources), len(found.problems), found.results):
            found.problems.append(f"{given}: no photos in this folder; readable are {_readable()}")
    elif isinstance(mode, int) and stat.S_ISREG(mode):
        if given.suffix.lower() == ".txt":
            _add_list(given, without, found)
        else:
            found.sources.append(Source(given, given.parent))
    elif isinstance(mode, int):
        found.problems.append(_no_file(given, mode))
    elif glob.has_magic(str(given)):
        _add_glob(given, without, found)
    else:
        found.problems.append(f"{given}: {mode}")


def _mode(path: Path) -> int | str:
    """What kind of thing a path is, by `os.stat`, or a sentence why that cannot be said."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return "a link to nothing" if os.path.islink(path) else "no such file or folder"
    except (OSError, ValueError) as error:
        return (getattr(error, "strerror", None) or str(error)).lower()


def _no_file(path: Path, mode: int) -> str:
    kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return f"{path}: {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file"


def _add_folder(folder: Path, root: Path, without: Path | None, found: Found) -> None:
    """Photos at any depth. Hidden files and folders (also what macOS writes beside photos) do not count."""
    inside = None if without is None or _key(without) == _key(root) else _key(without)
    if inside is not None and _key(folder) == inside:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        found.problems.append(f"{folder}: this folder cannot be read ({(error.strerror or str(error)).lower()})")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            _add_folder(path, root, without, found)
        elif path.suffix.lower() in READABLE - LIGHT_SUFFIXES:
            _add_photo(path, root, found)


def _add_photo(path: Path, root: Path, found: Found) -> None:
    """A file that a folder or a glob names: a photo, a result, or a sentence."""
    mode = _mode(path)
    if isinstance(mode, str):
        found.problems.append(f"{path}: {mode}")
    elif stat.S_ISDIR(mode):
        return  # a folder behind a link, or with a name like a photo's
    elif not stat.S_ISREG(mode):
        found.problems.append(_no_file(path, mode))
    elif is_result(path):
        found.results += 1
    else:
        found.sources.append(Source(path, root))


def _add_list(file: Path, without: Path | None, found: Found) -> None:
    named = False
    for line in _lines(file):
        named = True
        beside = file.parent / line
        given = beside if os.path.lexists(beside) or glob.has_magic(line) else Path(line)
        if given.suffix.lower() == ".txt":
            found.problems.append(f"{given}: a list inside the list {file} is not followed")
            continue
        part = Found()
        _add(given, without, part)
        below = [Source(s.path, file.parent) if s.path.is_relative_to(file.parent) else s for s in part.sources]
        found.sources += below
        found.problems += part.problems
        found.results += part.results
    if not named:
        found.problems.append(f"{file}: this list names no files")


def _lines(file: Path) -> list[str]:
    """The lines of a list that name something: UTF-8, UTF-16 with its mark, else the bytes of names as they are, or
    Latin-1."""
    data = file.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        lines = data.decode("utf-16", errors="replace").splitlines()
    else:
        lines = [_name(line, file.parent) for line in data.removeprefix(b"\xef\xbb\xbf").splitlines()]
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def _name(line: bytes, folder: Path) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        plain, latin = os.fsdecode(line), line.decode("latin-1")
        there = any(os.path.lexists(place / latin.strip()) for place in (folder, Path()))
        return latin if there else plain


def _add_glob(pattern: Path, without: Path | None, found: Found) -> None:
    plain = list(pattern.parts)
    first = next(i for i, part in enumerate(plain) if glob.has_magic(part))
    root = Path(*plain[:first])
    kinds = READABLE if pattern.suffix.lower() in LIGHT_SUFFIXES else READABLE - LIGHT_SUFFIXES
    before = len(found.sources), len(found.problems), found.results
    for name in sorted(glob.glob(str(pattern), recursive=True), key=os.fsencode):
        path = Path(name)
        mode = _mode(path)
        if isinstance(mode, int) and stat.S_ISDIR(mode):
            if "**" not in plain:
                _add_folder(path, root, without, found)
        elif path.suffix.lower() in kinds:
            _add_photo(path, root, found)
    if before == (len(found.sources), len(found.problems), found.results):
        found.problems.append(f"{pattern}: nothing matches")


def target(out: Path, src: Path, root: Path, extension: str) -> Path:
    """Where the result of `src` goes: below `out`, in the same sub-folder as below `root`, with `extension`."""
    inner = src.relative_to(root) if src.is_relative_to(root) else Path(src.name)
    return _fitting((out / inner).with_suffix(""), extension)


def preview_of(result: Path) -> Path:
    """Where the exposure strip beside a result goes."""
    return _fitting(result.with_suffix(""), PREVIEW_SUFFIX)


def _fitting(plain: Path, suffix: str) -> Path:
    """`plain` with a suffix; a name that would be too long for file systems is cut, and a number keeps it apart."""
    name = plain.name + suffix
    if len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        number = hashlib.sha256(os.fsencode(plain.name)).hexdigest()[:8]
        room = _LONGEST_NAME_BYTES - len(suffix) - len(number) - 1
        stem = os.fsencode(plain.name)[:room].decode("utf-8", "ignore")
        name = f"{stem}-{number}{suffix}"
    return plain.with_name(name)


def plan(sources: Sequence[Source], out: Path, extension: str, *, preview: bool = False) -> list[tuple[Source, Path]]:
    """Every photo with its result's path. No two are equal, none is one of the photos.

    x.jpg becomes x.exr. Where two photos would meet (a/x.jpg and a/x.png; or x.jpg of two folders), all of them get a
    longer name: their folder's name in front, else the old extension kept (x.jpg.exr), else a number. The names
    depend only on the whole list, not on what exists, so shards and later runs agree.

    Args:
        preview: results have a strip beside them (`preview_of`), whose names are kept apart in the same way.
    """

    def plainly(source: Source, folder: Path) -> Path:
        return target(folder, source.path, source.root, extension)

    def with_old_extension(source: Source, folder: Path) -> Path:
        plain = plainly(source, folder)
        return _fitting(plain.with_name(source.path.name), plain.suffix)

    def own(source: Source) -> Path:
        return out / Path(os.path.realpath(source.root)).name

    names: tuple[Callable[[Source], Path], ...] = (
        lambda s: plainly(s, out),
        lambda s: plainly(s, own(s)),
        lambda s: with_old_extension(s, out),
        lambda s: with_old_extension(s, own(s)),
    )

    def claims(result: Path) -> list[str]:
        return [_folded(result), _folded(preview_of(result))] if preview else [_folded(result)]

    taken = {_folded(s.path) for s in sources}
    chosen: dict[Source, Path] = {}
    waiting = list(sources)
    for name in names:
        wanted = Counter(claim for s in waiting for claim in claims(name(s)))
        free = [s for s in waiting if all(wanted[c] == 1 and c not in taken for c in claims(name(s)))]
        chosen.update((s, name(s)) for s in free)
        taken.update(claim for s in free for claim in claims(chosen[s]))
        waiting = [s for s in waiting if s not in chosen]
    for source in waiting:
        plain = names[2](source)
        numbered = (plain.with_stem(f"{plain.stem}-{number}") for number in itertools.count(2))
        chosen[source] = next(one for one in numbered if taken.isdisjoint(claims(one)))
        taken.update(claims(chosen[source]))
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
    return Path(os.path.realpath(path))  # unlike `Path.resolve` it goes as far as it can along links that go in circles


def _folded(path: Path) -> str:
    # Case-folded: on macOS and Windows X.exr and x.exr are one file.
    return os.path.realpath(path).casefold()


def _readable() -> str:
    return ", ".join(sorted(READABLE - LIGHT_SUFFIXES))
