"""What can be wrong with a raw stream or its JPEG."""

from __future__ import annotations

from hdrrecon.io.photo import ReadError


class StreamError(ReadError):
    """The raw stream is damaged, unknown, or belongs to another photo."""


class StreamWarning(UserWarning):
    """The raw stream is decoded, but not all of it, or not as it was meant."""
