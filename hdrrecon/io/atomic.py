"""Files that are either whole or absent: write beside the target, flush to the disk, then rename."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, PIECE = ".hdrrecon-", ".hdrrecon-piece-"
_PIECES_LAST_S = 3600  # pieces of an .exr, which live for seconds
_TEMPORARY = re.compile(re.escape(PREFIX) + r"[0-9a-f]{12}(\.[^.]*)?")
_swept: set[str] = set()


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` on success and is removed on any exception.

    The temporary file lies in the same folder (so the rename cannot cross disks), is hidden and keeps the
    extension, because encoders choose the format by it. Missing parent folders are created. A killed run
    leaves at most a hidden `.hdrrecon-*` file, never a half-written `path`; the next run that writes to the folder
    removes it.

    Raises:
        OSError: (the fitting subclass) naming `path` when the folder cannot be made or written to, when `path` is
            a folder, or when writing fails half-way: the disk is full.

    Example:
        >>> with atomic_write("out/x.npy") as temporary:
        ...     count = temporary.write_bytes(data)
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder; name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent)
        temporary, handle = _made(path)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}; choose a folder you may write to"
        raise OSError(error.errno, message) from error
    try:
        yield temporary
        _flush(temporary, os.O_RDWR)
        os.replace(temporary, path)
    except BaseException as error:  # also Ctrl-C: nothing may stay behind
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename in (None, str(temporary)) and str(path) not in str(error):
            text = f"cannot write {path}: " + str(error.strerror or error).replace(str(temporary), path.name)
            raise (OSError(error.errno, text) if error.errno else OSError(text)) from error
        raise
    finally:
        if handle is not None:
            os.close(handle)
    with suppress(OSError):  # the rename itself; not every system can open a folder
        _flush(path.parent, os.O_RDONLY)


def sweep(folder: Path) -> int:
    """Remove the temporary files of runs that were killed; returns how many. Those of runs at work are locked."""
    removed = 0
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if not entry.is_file(follow_symlinks=False):
                continue
            if _TEMPORARY.fullmatch(entry.name):
                removed += _removed_if_free(entry.path)
            elif entry.name.startswith(PIECE) and time.time() - entry.stat().st_mtime > _PIECES_LAST_S:
                os.unlink(entry.path)
                removed += 1
    return removed


def _sweep_once(folder: Path) -> None:
    """In each process, each folder is looked through once."""
    key = os.path.realpath(folder)
    if key not in _swept:
        _swept.add(key)
        sweep(folder)


def _removed_if_free(name: str) -> bool:
    try:
        handle = os.open(name, os.O_RDWR)
    except OSError:
        return False
    try:
        if not _locked(handle):
            return False
        os.unlink(name)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def _made(path: Path) -> tuple[Path, int | None]:
    """A new temporary file beside `path`, and a handle whose lock says that it is in use, where there are locks."""
    while True:
        temporary = path.parent / f"{PREFIX}{secrets.token_hex(6)}{path.suffix}"
        # Not tempfile: its files are private (0600), while a result should follow the user's umask.
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        if not _locked(handle):  # Windows would not rename an open file
            os.close(handle)
            return temporary, None
        if temporary.exists():  # not swept away between these two lines
            return temporary, handle
        os.close(handle)


def _locked(handle: int) -> bool:
    """Take the lock of an open file; False if another process has it, or where there are no such locks."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _flush(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
