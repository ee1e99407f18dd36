"""Batches on more than one machine, with Ray Data: actors that load the model once, photos and results wherever fsspec
reaches.

    pip install -e ".[ray]"

    >>> from hdrrecon.batch.ray import reconstruct_all
    >>> rows = reconstruct_all("s3://photos/2026", "s3://light/2026", workers=8, gpus=1)  # doctest: +SKIP
    >>> [row["source"] for row in rows if row["status"] == "failed"]  # doctest: +SKIP
    []

`ReconstructFiles` alone is what `ray.data.Dataset.map_batches` wants of a class, for pipelines of your own; it does not
import Ray. A bad photo becomes a row that says so, and stops nothing. Results appear under their names when they are
whole, finished ones are
skipped: a job that was cut off is simply started again. On one machine, or with Slurm and `--shard`, `hdrrecon run` is
enough.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Unpack

import numpy as np

from hdrrecon.io.optional import need
from hdrrecon.io.photo import LIGHT_SUFFIXES, READABLE, ULTRA_HDR_SUFFIXES
from hdrrecon.options import FileKeywords, ReconstructOptions, WriteOptions, options_from, shows


def remote_jobs(folder: str, out: str, extension: str = ".exr") -> list[dict[str, str]]:
    """{source, target} of every photo below `folder`, sub-folders kept, sorted. Both are paths or fsspec URLs.

    x.jpg becomes x.exr; where x.jpg and x.png meet, both keep their old extension: x.jpg.exr.

    Raises:
        FileNotFoundError: no photos there.
    """
    from fsspec.core import url_to_fs

    system, root = url_to_fs(folder)
    inner = [PurePosixPath(path).relative_to(PurePosixPath(root)) for path in sorted(system.find(root))]
    photos = [
        p
        for p in inner
        if p.suffix.lower() in READABLE - LIGHT_SUFFIXES and not any(part.startswith(".") for part in p.parts)
    ]
    if not photos:
        raise FileNotFoundError(
            f"{folder}: no photos in this folder; readable are {', '.join(sorted(READABLE - LIGHT_SUFFIXES))}"
        )
    stems = Counter(str(p.with_suffix("")).casefold() for p in photos)
    rows = []
    for photo in photos:
        alone = stems[str(photo.with_suffix("")).casefold()] == 1
        target = photo.with_suffix(extension) if alone else photo.with_name(photo.name + extension)
        rows.append(
            {"source": system.unstrip_protocol(f"{root.rstrip('/')}/{photo}"), "target": f"{out.rstrip('/')}/{target}"}
        )
    return rows


class ReconstructFiles:
    """Reconstructs batches of photos; the model is loaded once, when the actor starts.

    Args:
        model, device, precision: as `Reconstructor`. "auto" finds the GPU that Ray gave the actor.
        skip_existing: leave results alone that exist.
        options: those of `Reconstructor.to_file`.
    """

    @shows(ReconstructOptions, WriteOptions)
    def __init__(
        self,
        model: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        skip_existing: bool = True,
        **options: Unpack[FileKeywords],
    ):
        from hdrrecon.api import Reconstructor
        from hdrrecon.zoo import DEFAULT_MODEL

        self.reconstructor = Reconstructor(model or DEFAULT_MODEL, device, precision=precision)
        self.skip_existing = skip_existing
        self.how, self.written = options_from(options)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Columns `source` and `target` (paths or URLs) in; the same and `status` ("done", "failed", "skipped") and
        `error` out."""
        outcomes = [
            self.reconstruct(str(source), str(target)) for source, target in zip(batch["source"], batch["target"])
        ]
        status, error = zip(*outcomes) if outcomes else ((), ())
        return dict(batch, status=np.array(status, dtype=object), error=np.array(error, dtype=object))

    def reconstruct(self, source: str, target: str) -> tuple[str, str]:
        """One photo: its status, and what went wrong."""
        from hdrrecon.batch.photos import sentence

        try:
            if self.skip_existing and exists(target):
                return "skipped", ""
            with tempfile.TemporaryDirectory(prefix="hdrrecon-") as folder:
                photo = fetch(source, Path(folder) / "photo")
                light = Path(folder) / "light" / PurePosixPath(target).name
                written = (
                    replace(self.written, base=photo) if light.suffix.lower() in ULTRA_HDR_SUFFIXES else self.written
                )
                options = {**self.how.keywords(), **written.keywords()}
                try:
                    deliver(self.reconstructor.to_file(photo, light, **options), target)
                except Exception as error:  # a reader of the log knows the photo, not the copy
                    raise RuntimeError(sentence(source, error).replace(str(photo), source)) from error
            return "done", ""
        except Exception as error:  # whatever a photo does, the others are still done
            return "failed", sentence(source, error)


def reconstruct_all(
    photos: str | Iterable[dict[str, str]],
    out: str = "",
    *,
    extension: str = ".exr",
    workers: int = 1,
    cpus: float = 1,
    gpus: float = 0,
    batch_size: int = 1,
    **developer: Any,
) -> list[dict[str, str]]:
    """Reconstruct many photos on the Ray cluster this process is connected to (or a local one that is started).

    Args:
        photos: a folder, or {source, target} rows; paths or fsspec URLs that every machine of the cluster can reach.
        out: the folder for the results of a folder.
        extension: of those results.
        workers: actors, each with `cpus` cores and `gpus` GPUs.
        batch_size: photos an actor is handed at a time.
        developer: arguments of `ReconstructFiles`.

    Returns:
        A row for every photo: `source`, `target`, `status`, `error`.

    Raises:
        ModuleNotFoundError: without `hdrrecon[ray]`.
        FileNotFoundError: no photos.
    """
    data = need("ray.data", "ray", "working on a Ray cluster")
    rows = remote_jobs(photos, out, extension) if isinstance(photos, str) else list(photos)
    photos = data.from_items(rows, override_num_blocks=min(len(rows), 8 * workers))
    done = photos.map_batches(
        ReconstructFiles,
        fn_constructor_kwargs=developer,
        compute=data.ActorPoolStrategy(size=workers),
        batch_size=batch_size,
        num_cpus=cpus,
        num_gpus=gpus,
    )
    return sorted(done.take_all(), key=lambda row: row["source"])


def exists(url: str) -> bool:
    """Whether there is a file of this path or URL."""
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    return system.exists(path)


def fetch(url: str, folder: Path) -> Path:
    """A local copy in `folder`, under its own name."""
    import fsspec

    copy = folder / PurePosixPath(url).name
    folder.mkdir(parents=True, exist_ok=True)
    with fsspec.open(url, "rb") as source, open(copy, "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    return copy


def deliver(file: Path, url: str) -> None:
    """Bring a file to its place; it appears there under its name when it is whole."""
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    place = PurePosixPath(path)
    temporary = str(place.with_name(f".hdrrecon-{secrets.token_hex(6)}{place.suffix}"))
    system.makedirs(str(place.parent), exist_ok=True)
    try:
        system.put_file(str(file), temporary)
        system.mv(temporary, path)
    except BaseException:
        with suppress(Exception):
            system.rm(temporary)
        raise
