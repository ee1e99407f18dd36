"""Optional decoders and encoders: there, or one sentence that says what to install."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires
from types import ModuleType


def need(module: str, extra: str, job: str) -> ModuleType:
    """Import an optional package.

    Args:
        module: its import name.
        extra: the extra of hdrrecon that installs it.
        job: what it is needed for, as the start of a sentence: "reading HEIC".

    Raises:
        ModuleNotFoundError: the job, and the command that installs what it needs. A package that is there but
            broken raises its own ImportError, unchanged.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{job} needs: {install_command(extra)}", name=module) from error


def install_command(extra: str) -> str:
    """The command that installs the packages of an extra: by their own names, for hdrrecon itself may be a checkout.

    Example:
        >>> install_command("phone")
        'pip install "pillow-heif>=1.0"'
    """
    try:
        listed = requires("hdrrecon") or []
    except PackageNotFoundError:
        listed = []
    wanted = [line.split(";")[0].strip() for line in listed if re.search(rf"extra == ['\"]{extra}['\"]", line)]
    if not wanted:
        return f'pip install -e ".[{extra}]" in the checkout of hdrrecon'
    return "pip install " + " ".join(f'"{name}"' for name in wanted)
