"""What a batch does to one photo: decode it, then make and write its light, in two steps that different threads may do.

Making light and writing it go hand in hand, band by band (`files.write_reconstruction`), so that no photo's light is
ever held whole. Neither decoding nor writing uses more than one core, nor do the networks on photos of ordinary size. A
batch therefore keeps cores busy with different photos rather than with parts of one: while one is looked at, another is
written and the next is decoded. A `Crew` says how many threads do which step.
"""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from hdrrecon.batch.collect import preview_of
from hdrrecon.batch.workers import Stage
from hdrrecon.io.photo import ULTRA_HDR_SUFFIXES
from hdrrecon.options import ReconstructOptions, WriteOptions

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
_MOST_PHOTOS_AT_ONCE = 16  # photos that are worked on at once, whatever the number of cores: each takes memory


@dataclass(frozen=True)
class Job:
    """A photo and the name of its result."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Order:
    """What to make of every photo.

    Attributes:
        how: of the light.
        written: of the files, as fits the results' format.
        confidence: add it to .exr files.
        preview: write an exposure strip beside.
        skip_existing: leave results alone that exist.
        tell: keep a sentence about the light of each photo.
        guide: a small HDR picture of the one photo's view (`sensors.guide`).
    """

    how: ReconstructOptions = ReconstructOptions()
    written: WriteOptions = WriteOptions()
    confidence: bool = False
    preview: bool = False
    skip_existing: bool = True
    tell: bool = False
    guide: Path | None = None

    def shared_by(self, photos: int) -> Order:
        """The same with its `memory`, if limited, divided among photos that are worked on together."""
        memory = self.how.memory_bytes
        return self if memory is None else replace(self, how=replace(self.how, memory=max(1, memory // photos)))


@dataclass(frozen=True)
class Crew:
    """Threads for each step. Each photo has one thread of torch's (`networks.threads`)."""

    decode: int = 1
    reconstruct: int = 1


def crew_for(device: str, photos: int, cores: int) -> Crew:
    """The crew for `photos` on a device.

    On a CPU these threads share the `cores` without ever wanting more; the decoding thread is one photo ahead and
    mostly waits. Any other device gets two photos at a time, so that it computes one while the other is written.
    """
    if photos == 1:
        return Crew()
    if device != "cpu":
        return Crew(decode=max(1, min(4, cores // 4)), reconstruct=2)
    return Crew(reconstruct=max(1, min(photos, cores, _MOST_PHOTOS_AT_ONCE)))


class PhotoWork:
    """The two steps, for `workers.convey`: jobs in, the path of the result out, or None where one existed already.

    A full disk sets `stop`: what follows would be computed in vain.
    """

    def __init__(self, reconstructor, order: Order):
        self.reconstructor, self.order, self.stop = reconstructor, order, threading.Event()
        self.told: dict[Path, str] = {}  # a sentence about the light of each result, if the order asks for it

    def stages(self, crew: Crew) -> list[Stage]:
        return [Stage(self.decode, crew.decode), Stage(self.reconstruct, crew.reconstruct)]

    def decode(self, job: Job, _=None):
        """The photo as the pipeline takes it."""
        from hdrrecon.pipeline.inputs import ingest

        # Asked now, not when the batch began: another process may work on the same folder.
        return None if self.order.skip_existing and job.target.is_file() else ingest(job.source)

    def reconstruct(self, job: Job, photo) -> Path | None:
        """Its light, in a file."""
        if photo is None:
            return None
        order, written = self.order, self.order.written
        if job.target.suffix.lower() in ULTRA_HDR_SUFFIXES:
            written = replace(written, base=job.source)
        preview = preview_of(job.target) if order.preview else None
        options = {**order.how.keywords(), **written.keywords()}
        if order.tell:
            options["tell"] = lambda facts: self.told.update({job.target: facts.sentence()})
        try:
            return self.reconstructor.to_file(
                photo, job.target, confidence=order.confidence, preview=preview, guide=order.guide, **options
            )
        except OSError as error:
            if not disk_is_full(error):
                raise
            self.stop.set()
            raise OSError(
                errno.ENOSPC,
                f"cannot write {job.target}: the disk is full; free some space and run this again, "
                "what is finished will be skipped",
            ) from error


def disk_is_full(error: OSError) -> bool:
    """Is this why it could not be written? OpenEXR says so in words alone."""
    return any(error.errno == code or os.strerror(code) in str(error) for code in _FULL_DISK)


def sentence(source: Path | str, error: Exception) -> str:
    """An error of one photo in one line that names the photo."""
    own = error.strerror if isinstance(error, OSError) and error.strerror and error.filename is None else None
    text = own or str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    text = " ".join(text.split()) or type(error).__name__
    return text if str(source) in text else f"{source}: {text}"
