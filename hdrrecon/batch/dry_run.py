"""What `hdrrecon run --dry-run` says: which photo becomes which file, how large it is, and the memory it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hdrrecon.batch.photos import Job

_STORED_BYTES = 3  # of a pixel of an 8-bit photo


def dry_run(jobs: Iterable[Job], skip_existing: bool = True) -> Iterator[str]:
    """A line for each job, and a sum. Only headers are read; nothing is written."""
    count, pixels, most = 0, 0, 0
    for job in jobs:
        if skip_existing and job.target.is_file():
            yield f"{job.source} -> {job.target}  exists, would be skipped"
            continue
        count += 1
        size = _size(job)
        if size is None:
            yield f"{job.source} -> {job.target}  size known only when decoded"
            continue
        need = memory_bytes(size)
        pixels, most = pixels + size[0] * size[1], max(most, need)
        yield f"{job.source} -> {job.target}  {size[0]} x {size[1]}, about {need / 1e6:.0f} MB of memory"
    total = f"{count} photos, {pixels / 1e6:.1f} megapixels"
    yield f"{total}; the largest takes about {most / 1e6:.0f} MB beside Python and the weights"


def memory_bytes(size: tuple[int, int]) -> int:
    """Bytes that a photo of (width, height) takes on a CPU: its codes, one band, the networks' look at it."""
    from hdrrecon.pipeline.bands import BYTES_PER_PX, LOOKS_BYTES, band_rows

    width, height = size
    return _STORED_BYTES * width * height + LOOKS_BYTES + band_rows((height, width), None, 0) * width * BYTES_PER_PX


def _size(job: Job) -> tuple[int, int] | None:
    """(width, height) from the header, or None for formats that do not tell without decoding."""
    from PIL import Image

    try:
        with Image.open(job.source) as image:
            return image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
