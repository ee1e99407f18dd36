"""OpenEXR files written a band at a time, in bounded memory, compressed by several threads.

The official package writes whole files only. So each band becomes a small file of its own, whose data window says which
rows it holds, and its compressed chunks are moved into the large file: an EXR of scan lines is a header, a table of
where each chunk begins, and the chunks, each with the number of its first row. The result is the same to the byte as a
whole file.

Source: "OpenEXR File Layout", openexr.com.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from hdrrecon.io.exr import write_exr

LINES = {"none": 1, "rle": 1, "zips": 1, "zip": 16, "pxr24": 16, "piz": 32, "b44": 32, "dwaa": 32, "dwab": 256}
_PIECE_PX = 1 << 19  # pixels compressed at once


class ExrRows:
    """Writes an EXR of `size` (H, W) to `path`: rows from top to bottom, then `close`.

    Args:
        header: of `io.exr.exr_header`.
        lines: rows in a chunk, from `LINES`.

    Raises (from `write` and `close`):
        OSError, ValueError: as `write_exr`.
    """

    def __init__(self, path: Path, size: tuple[int, int], header: dict[str, Any], lines: int):
        self.path, self.size, self.header, self.lines = path, size, header, lines
        self.rows = lines * max(1, _PIECE_PX // (size[1] * lines))
        self.waiting: list[dict[str, np.ndarray]] = []
        self.top, self.held = 0, 0
        self.file = path.open("wb")
        self.offsets: list[int] = []
        workers = min(4, os.cpu_count() or 1)
        self.pool, self.running, self.most = ThreadPoolExecutor(workers), deque[Future](), workers + 1

    def write(self, channels: dict[str, np.ndarray]) -> None:
        """The next rows: contiguous (h, W) planes of float16 or float32, by name."""
        self.waiting.append(channels)
        self.held += len(next(iter(channels.values())))
        while self.held >= self.rows:
            self._send(self.rows)

    def close(self) -> None:
        """Finish the file; every row must have come."""
        if self.held:
            self._send(self.held)
        while self.running:
            self._append(self.running.popleft().result())
        if self.top != self.size[0]:
            raise ValueError(f"{self.top} of {self.size[0]} rows were written")
        self.file.seek(self.table)
        self.file.write(struct.pack(f"<{len(self.offsets)}Q", *self.offsets))
        self.abandon()

    def abandon(self) -> None:
        """Let go of file and threads, finished or not."""
        self.pool.shutdown(cancel_futures=True)
        self.file.close()

    def _send(self, count: int) -> None:
        whole = {name: np.concatenate([part[name] for part in self.waiting]) for name in self.waiting[0]}
        self.waiting = [{name: plane[count:] for name, plane in whole.items()}]
        self.held -= count
        piece = {name: np.ascontiguousarray(plane[:count]) for name, plane in whole.items()}
        self.running.append(self.pool.submit(self._compressed, piece, self.top, count))
        self.top += count
        while len(self.running) >= self.most:  # no more than that in memory
            self._append(self.running.popleft().result())

    def _compressed(self, channels: dict[str, np.ndarray], top: int, count: int) -> bytes:
        height, width = self.size

        def window(first, last):
            return (np.array([0, first], np.int32), np.array([width - 1, last], np.int32))

        header = {**self.header, "dataWindow": window(top, top + count - 1), "displayWindow": window(0, height - 1)}
        handle, name = tempfile.mkstemp(".exr", ".hdrrecon-piece-", self.path.parent)
        os.close(handle)
        try:
            write_exr(Path(name), header, channels)
            return Path(name).read_bytes()
        finally:
            os.unlink(name)

    def _append(self, piece: bytes) -> None:
        after, window = _header_end(piece)
        first, last = struct.unpack_from("<i", piece, window + 4)[0], struct.unpack_from("<i", piece, window + 12)[0]
        chunks = -(-(last - first + 1) // self.lines)
        data = after + 8 * chunks
        if not self.offsets:  # the first: its header is the file's, but for the window
            head = bytearray(piece[:after])
            struct.pack_into("<i", head, window + 4, 0)
            struct.pack_into("<i", head, window + 12, self.size[0] - 1)
            self.file.write(head)
            self.table = self.file.tell()
            self.file.write(bytes(8 * -(-self.size[0] // self.lines)))
        shift = self.file.tell() - data
        self.offsets += [offset + shift for offset in struct.unpack_from(f"<{chunks}Q", piece, after)]
        self.file.write(memoryview(piece)[data:])


def _header_end(content: bytes) -> tuple[int, int]:
    """Where the table of chunks begins, and where the four integers of the data window are."""
    position, window = 8, 0  # after magic number and version
    while content[position]:
        name_end = content.index(0, position)
        type_end = content.index(0, name_end + 1)
        size = struct.unpack_from("<i", content, type_end + 1)[0]
        if content[position:name_end] == b"dataWindow":
            window = type_end + 5
        position = type_end + 5 + size
    return position + 1, window
