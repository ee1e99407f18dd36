"""Films and streams of frames to steady light: `reconstruct` for files, `reconstruct_frames` for arrays and tensors.

Both are the same chain of generators, each of which holds a few frames: shots are found, a shot's response is told,
frames are prepared and remembered, light is composed. Whatever can be looked at twice (files, lists) is: its responses
are constant within a shot. A stream is seen once: its response follows what is pooled, slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.inputs import InputImage, ingest
from hdrrecon.video.shots import is_cut, thumbnail
from hdrrecon.zoo import DEFAULT_MODEL

if TYPE_CHECKING:
    import numpy as np

    from hdrrecon.api import Reconstructor
    from hdrrecon.pipeline.pixels import PixelCodes
    from hdrrecon.pipeline.prepared import PreparedPhoto
    from hdrrecon.video.temporal import TemporalOptions


@dataclass
class Coded:
    """A frame on its way: the image as it came, its codes, and whether a shot begins with it."""

    image: InputImage
    codes: PixelCodes
    first: bool
    tag: Any = None  # whatever the caller wants back beside the light


@dataclass(frozen=True)
class Shot:
    """`start`: index of its first frame; `response`: of all its frames."""

    start: int
    response: ResponseCurve


def reconstruct_frames(
    frames: Iterable[Any],
    fps: float = 25.0,
    *,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    reconstructor: Reconstructor | None = None,
    response: str | ResponseCurve = "estimate",
    highlights: str = "median",
    temporal: TemporalOptions | None = None,
) -> Iterator[Any]:
    """Steady linear light of the frames of a film, one by one.

    Args:
        frames: images as `hdrrecon.reconstruct` takes them: uint8, uint16 or float (H, W, 3) arrays, (3, H, W) tensors,
            paths. A list, or whatever has a length and can be gone through again, is looked at beforehand for its shots
            and responses; from an iterator frames are taken as they are needed. Memory does not depend on how many
            there are.
        fps: frames a second: how fast memories age.
        model, device, response, highlights: as `hdrrecon.reconstruct`. `reconstructor`: a loaded one, instead of the
            first two.
        temporal: see `TemporalOptions`; for live use `TemporalOptions(look_ahead=0)`: each frame comes out as it went
            in.

    Yields:
        float32 light of each frame, in order, of its kind and layout; 1.0 = the level at which frames clip.

    Raises:
        TypeError, ValueError: as `hdrrecon.reconstruct`; or fps is not above 0.

    Example:
        >>> still = np.full((32, 32, 3), 128, np.uint8)
        >>> [light.shape for light in reconstruct_frames([still, still], response="srgb")]
        [(32, 32, 3), (32, 32, 3)]
    """
    from hdrrecon.api import Reconstructor

    made = reconstructor or Reconstructor(model, device)
    again = isinstance(frames, Sequence) or (hasattr(frames, "__len__") and not isinstance(frames, Iterator))
    plan = plan_shots(((ingest(f), None) for f in frames), made, response) if again else None
    for photo, coded in steady(((ingest(f), None) for f in frames), fps, made, plan, response, highlights, temporal):
        yield composed(coded.image, photo, made)


def steady(
    images: Iterable[tuple[InputImage, Any]],
    fps: float,
    reconstructor: Reconstructor,
    plan: Sequence[Shot] | None = None,
    response: str | ResponseCurve = "estimate",
    highlights: str = "median",
    temporal: TemporalOptions | None = None,
) -> Iterator[tuple[PreparedPhoto, Coded]]:
    """Prepared frames with their light kept steady, each with the frame it was made of; `plan` as `plan_shots` made
    it."""
    from hdrrecon.video.temporal import LightMemory, TemporalOptions

    temporal = temporal or TemporalOptions()
    memory = LightMemory(fps, temporal)
    waiting: list[Coded] = []
    coded = coded_frames(images, reconstructor, None if plan is None else {shot.start for shot in plan})
    if plan is not None:
        curved = _as_planned(coded, plan)
    else:
        curved = _live(coded, reconstructor, response, temporal.look_ahead)
    for frame, curve in curved:
        if frame.first:
            yield from zip(memory.flush(), waiting)
            waiting = []
        waiting.append(frame)
        photo = reconstructor.pipeline.prepare(frame.codes, curve, highlights=highlights, panorama=False)
        ready = memory.push(photo) if reconstructor.pipeline.restore is not None else [photo]
        yield from zip(ready, waiting)
        waiting = waiting[len(ready) :]
    yield from zip(memory.flush(), waiting)


def coded_frames(
    images: Iterable[tuple[InputImage, Any]], reconstructor: Reconstructor, starts: Collection[int] | None = None
) -> Iterator[Coded]:
    """Images, each with a tag, as codes on the device. Cuts are where `starts` says; None: where they are found."""
    before = size = None
    for index, (image, tag) in enumerate(images):
        (codes,) = image.codes(reconstructor.device)
        if starts is None:
            small = thumbnail(image.stored[0].cpu().numpy())
            first = before is None or size != codes.size or is_cut(before, small)
            before, size = small, codes.size
        else:
            first = index in starts
        yield Coded(image, codes, first, tag)


def plan_shots(
    images: Iterable[tuple[InputImage, Any]],
    reconstructor: Reconstructor,
    response: str | ResponseCurve = "estimate",
    seen: Callable[[], None] | None = None,
) -> list[Shot]:
    """Look through a film for its shots, and for the response of each. `seen` is called after every frame."""
    from hdrrecon.camera.response import pick_response
    from hdrrecon.video.response import ShotEvidence

    known = pick_response(response)
    shots: list[Shot] = []
    evidence, start, count = ShotEvidence(reconstructor.pipeline), 0, 0
    for frame in coded_frames(images, reconstructor):
        if frame.first and count:
            shots.append(Shot(start, known or evidence.response()))
            evidence, start = ShotEvidence(reconstructor.pipeline), count
        if known is None:
            evidence.add(frame.codes)
        count += 1
        if seen is not None:
            seen()
    if count:
        shots.append(Shot(start, known or evidence.response()))
    return shots


def _as_planned(coded: Iterable[Coded], plan: Sequence[Shot]) -> Iterator[tuple[Coded, ResponseCurve]]:
    index = -1
    for frame in coded:
        index += frame.first
        yield frame, plan[index].response


def _live(
    coded: Iterable[Coded], reconstructor: Reconstructor, response: str | ResponseCurve, look_ahead: int
) -> Iterator[tuple[Coded, ResponseCurve]]:
    """Each frame with a curve that moves slowly; the first of a shot is told from it and those that follow within
    `look_ahead`."""
    from hdrrecon.camera.response import pick_response
    from hdrrecon.video.response import FIRST_STRIDE, LiveResponse

    known = pick_response(response)
    if known is not None:
        yield from ((frame, known) for frame in coded)
        return
    live = LiveResponse(reconstructor.pipeline)
    waiting: list[Coded] = []

    def given() -> Iterator[tuple[Coded, ResponseCurve]]:
        for frame in waiting[::FIRST_STRIDE]:
            live.add(frame.codes)
        for frame in waiting:
            yield frame, live.hold()
        waiting.clear()

    started = False
    for frame in coded:
        if frame.first:
            yield from given()
            live.reset()
            started = False
        if started:
            yield frame, live.step(frame.codes)
            continue
        waiting.append(frame)
        if len(waiting) > look_ahead:
            yield from given()
            started = True
    yield from given()


def composed(image: InputImage, photo: PreparedPhoto, reconstructor: Reconstructor) -> Any:
    """Light of a prepared frame, of the kind and layout of its image."""
    from hdrrecon.pipeline.bands import band_rows, in_bands
    from hdrrecon.pipeline.inputs import in_rec709, unit

    size = photo.codes.size
    out, (target,) = image.kind.empty([photo.codes], image.kind.channels)
    rows = band_rows(size, None, 0, reconstructor.device)
    for band, light in in_bands(size[0], rows, lambda band: photo.light(band)[0]):
        light = in_rec709(light, image.to_rec709)
        color = min(target.shape[-1], light.shape[-1])
        target[band, :, :color] = light[..., :color].to(target.device)
    if image.alpha is not None:
        target[..., -1] = unit(image.alpha[0])
    return out


def light_of(photo: PreparedPhoto, reconstructor: Reconstructor) -> np.ndarray:
    """(H, W, 3) float32 light of a prepared frame."""
    import numpy as np

    from hdrrecon.pipeline.bands import band_rows, in_bands

    height, width = photo.codes.size
    out = np.empty((height, width, 3), np.float32)
    rows = band_rows((height, width), None, 0, reconstructor.device)
    for band, light in in_bands(height, rows, lambda band: photo.light(band)[0]):
        out[band] = light.cpu().numpy()
    return out
