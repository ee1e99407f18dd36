"""Files that are either whole or absent: write beside the target, flush to the disk, then rename."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` on success and is removed on any exception.

    The temporary file lies in the same folder (so the rename cannot cross disks), is hidden and keeps the
    extension, because encoders choose the format by it. Missing parent folders are created. A killed run
    leaves at most a hidden `.hdrrecon-*` file, never a half-written `path`.

    Raises:
        OSError: (the fitting subclass) naming `path` when the folder cannot be made or written to, when `path` is
            a folder, or when writing fails half-way: the disk is full.

    Example:
        >>> with atomic_write("out/x.npy") as temporary:
        ...     temporary.write_bytes(data)
    """
    path = Path(path)
    temporary = path.parent / f".hdrrecon-{secrets.token_hex(6)}{path.suffix}"
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder; name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not tempfile: its files are private (0600), while a result should follow the user's umask.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
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
    with suppress(OSError):  # the rename itself; not every system can open a folder
        _flush(path.parent, os.O_RDONLY)


def _flush(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
