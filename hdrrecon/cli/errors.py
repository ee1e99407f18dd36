"""How commands say what went wrong: one sentence on stderr and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer


def bad_usage(text: str, code: int = 2) -> None:
    """Print an error and leave with this exit code."""
    typer.secho(f"error: {text}", err=True, fg="red")
    raise typer.Exit(code)


@contextmanager
def usage_errors(code: int = 2) -> Iterator[None]:
    """Errors with a sentence for the user become that sentence and an exit code."""
    try:
        yield
    except (KeyError, ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        bad_usage(_said_by(error), code)


def _said_by(error: Exception) -> str:
    """What an error says, without what Python puts around it."""
    if isinstance(error, KeyError):
        return str(error.args[0])
    if isinstance(error, OSError) and error.strerror:  # without "[Errno 30] " in front
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror.lower()}"
    return str(error)
