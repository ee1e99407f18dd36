"""Optional decoders and encoders: there, or one sentence that says what to install."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def need(module: str, extra: str, job: str) -> ModuleType:
    """Import an optional package.

    Args:
        module: its import name.
        extra: the extra of hdrrecon that installs it.
        job: what it is needed for, as the start of a sentence: "reading HEIC".

    Raises:
        ModuleNotFoundError: 'JOB needs: pip install "hdrrecon[EXTRA]"'. A package that is there but broken
            raises its own ImportError, unchanged.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{job} needs: pip install "hdrrecon[{extra}]"', name=module) from error
