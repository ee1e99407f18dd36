"""Writing HDR images a band of rows at a time, for images that do not fit into memory.

The same files as `hdrrecon.write` makes, to the byte, for the formats that are rows of pixels: .exr, .tif, .hdr and
.npy.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hdrrecon.io.atomic import atomic_write
from hdrrecon.io.exr import HALF_MAX, exr_channels, exr_header, to_primaries
from hdrrecon.io.exr_rows import LINES, ExrRows
from hdrrecon.io.pq import WHITE_NITS
from hdrrecon.io.radiance import encode_hdr
from hdrrecon.io.tiff import float_tiff_header
from hdrrecon.io.write import check_options
from hdrrecon.options import Compression, Primaries

BY_ROWS = frozenset((".exr", ".tif", ".tiff", ".hdr", ".npy"))


class RowWriter:
    """Takes the rows of one image, from top to bottom. Made by `row_writer`."""

    def __init__(self, path: Path, size: tuple[int, int], alpha: bool):
        self.path, self.size, self.alpha, self.clamped = path, size, alpha, 0

    def write(self, light: np.ndarray, alpha: np.ndarray | None = None, confidence: np.ndarray | None = None) -> None:
        """The next rows: `light` (h, W, 3) float32 and, if the file has them, planes (h, W).

        Raises:
            ValueError: NaN or infinity, or more than the format can hold; OSError: the disk is full.
        """
        for what, values in (("image", light), ("alpha", alpha), ("confidence", confidence)):
            bad = 0 if values is None else values.size - int(np.count_nonzero(np.isfinite(values)))
            if bad:
                raise ValueError(
                    f"cannot write {self.path}: {bad} {what} values are NaN or infinite; "
                    "clean them first, for instance with numpy.nan_to_num"
                )
        self._write(light, alpha if self.alpha else None, confidence)


@contextmanager
def row_writer(
    path: str | Path,
    size: tuple[int, int],
    *,
    alpha: bool = False,
    confidence: bool = False,
    dtype: Literal["half", "float"] = "half",
    compression: Compression = "piz",
    primaries: Primaries = "rec709",
    white_nits: float | None = None,
    envmap: Literal["latlong"] | None = None,
    attributes: dict[str, Any] | None = None,
) -> Iterator[RowWriter]:
    """A file of `size` (H, W) that appears under its name when the block ends without an error.

    Args:
        path: one of `BY_ROWS`, by extension.
        alpha, confidence: whether rows come with such planes.
        others: as `hdrrecon.write`.

    Raises:
        As `hdrrecon.write`.

    Example:
        >>> with row_writer("out.exr", (480, 640)) as rows:
        ...     for top in range(0, 480, 16):
        ...         rows.write(light[top : top + 16])
    """
    path = Path(path)
    extension = check_options(
        path,
        confidence=confidence or None,
        envmap=envmap,
        attributes=attributes,
        primaries=None if primaries == "rec709" else primaries,
        white_nits=white_nits,
    )
    if extension not in BY_ROWS:
        raise ValueError(f"cannot write {path} by rows, only {', '.join(sorted(BY_ROWS))}; use hdrrecon.write")
    if extension == ".hdr" and alpha:
        warnings.warn(f"{path}: {extension} holds no alpha, it is left out; write .exr to keep it", stacklevel=3)
        alpha = False
    with atomic_write(path) as temporary:
        if extension == ".exr":
            header = exr_header(
                compression=compression,
                white_nits=WHITE_NITS if white_nits is None else white_nits,
                envmap=envmap,
                attributes=attributes,
                primaries=primaries,
            )
            rows = ExrRows(temporary, size, header, LINES[compression])
            writer = _Exr(path, size, alpha, rows, dtype, primaries)
        else:
            writer = _WRITERS[extension](path, size, alpha, temporary)
        try:
            yield writer
            writer.close()
        finally:
            writer.abandon()
    if writer.clamped:
        warnings.warn(
            f"{path}: {writer.clamped} values beyond {HALF_MAX:.0f} do not fit into half floats and "
            'are clamped; keep them with dtype="float"',
            stacklevel=3,
        )


class _Exr(RowWriter):
    def __init__(self, path, size, alpha, rows: ExrRows, dtype: Literal["half", "float"], primaries: Primaries):
        super().__init__(path, size, alpha)
        self.rows, self.dtype, self.primaries = rows, dtype, primaries
        self.close, self.abandon = rows.close, rows.abandon

    def _write(self, light, alpha, confidence):
        channels, clamped = exr_channels(to_primaries(light, self.primaries), alpha, confidence, self.dtype)
        self.clamped += clamped
        self.rows.write(channels)


class _File(RowWriter):
    """Formats in which row follows row."""

    def __init__(self, path, size, alpha, temporary: Path):
        super().__init__(path, size, alpha)
        self.file = temporary.open("wb")
        self.close = self.abandon = self.file.close
        self.file.write(self._head((*size, 4 if alpha else 3)))

    def _head(self, shape: tuple[int, int, int]) -> bytes:
        raise NotImplementedError

    def _write(self, light, alpha, confidence):
        full = light if alpha is None else np.dstack([light, alpha])
        self.file.write(np.ascontiguousarray(full, "<f4").data)


class _Tiff(_File):
    def _head(self, shape):
        return float_tiff_header(shape)


class _Npy(_File):
    def _head(self, shape):
        import io

        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": shape})
        return head.getvalue()


class _Hdr(_File):
    def _head(self, shape):
        return b""  # comes with the first rows

    def _write(self, light, alpha, confidence):
        content, width = encode_hdr(light), light.shape[1]
        resolution = b"-Y %d +X %d\n" % (len(light), width)
        head, body = content.split(resolution, 1)
        if not self.file.tell():
            self.file.write(head + b"-Y %d +X %d\n" % (self.size[0], width))
        self.file.write(body)


_WRITERS = {".tif": _Tiff, ".tiff": _Tiff, ".npy": _Npy, ".hdr": _Hdr}
