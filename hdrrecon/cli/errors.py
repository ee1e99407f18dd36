"""How commands say what went wrong: one sentence on stderr and an exit code. `hdrrecon --debug` shows where, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

_settings = {"debug": False}


def bad_usage(text: str, code: int = 2) -> NoReturn:
    """Print an error and leave with this exit code."""
    typer.secho(f"error: {shown(text)}", err=True, fg="red")
    raise typer.Exit(code)


@contextmanager
def usage_errors(code: int = 2) -> Iterator[None]:
    """Errors that have a sentence for the user become that sentence and an exit code.

    These are ValueError (`hdrrecon.options.UsageError` and `hdrrecon.io.ReadError` are some), OSError and ImportError.
    All others are bugs and keep their traceback; so do these with `hdrrecon --debug`.
    """
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        if _settings["debug"]:
            raise
        bad_usage(said_by(error), code)


def shown(text: object) -> str:
    """A text as a terminal may have it: what is not printable, such as an escape in a file's name, is spelt out."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in str(text))


def set_debug(debug: bool) -> None:
    """Let errors keep their traceback from now on, or not."""
    _settings["debug"] = debug


def said_by(error: Exception) -> str:
    """What an error says, without what Python puts around it."""
    if isinstance(error, OSError) and error.strerror:  # without "[Errno 30] " in front
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror.lower()}"
    return str(error)
