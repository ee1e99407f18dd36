"""What a user calls: `reconstruct`, `Reconstructor`, `reconstruct_file`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Unpack, cast, overload

from hdrrecon.networks.threads import one_thread
from hdrrecon.options import (
    FileKeywords,
    Precision,
    ReconstructKeywords,
    ReconstructOptions,
    Speed,
    WriteOptions,
    check_precision,
    check_speed,
    options_from,
    reconstruct_options,
    shows,
)
from hdrrecon.pipeline.build import build_pipeline, pick_device
from hdrrecon.pipeline.inputs import InputImage, ingest
from hdrrecon.zoo import DEFAULT_MODEL

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy as np
    import torch
    from PIL.Image import Image
    from torch import Tensor

    from hdrrecon.camera.response import ResponseCurve
    from hdrrecon.pipeline.module import ReconstructorModule
    from hdrrecon.pipeline.pipeline import HDRPipeline
    from hdrrecon.pipeline.prepared import PreparedPhoto
    from hdrrecon.pipeline.result import Reconstruction
    from hdrrecon.pipeline.to_file import LightFacts

    Guide: TypeAlias = str | os.PathLike[str] | np.ndarray | Tensor
    ArrayLike: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | np.ndarray | Image

__all__ = ["Reconstruction", "Reconstructor", "reconstruct", "reconstruct_file"]


def __getattr__(name: str) -> Any:
    if name == "Reconstruction":  # needs torch, which an import must not load
        from hdrrecon.pipeline.result import Reconstruction

        return Reconstruction
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@overload
def reconstruct(
    image: Tensor,
    *,
    model: str = ...,
    device: str = ...,
    precision: Precision = ...,
    guide: Guide | None = ...,
    details: Literal[False] = ...,
    **options: Unpack[ReconstructKeywords],
) -> Tensor: ...
@overload
def reconstruct(
    image: ArrayLike,
    *,
    model: str = ...,
    device: str = ...,
    precision: Precision = ...,
    guide: Guide | None = ...,
    details: Literal[False] = ...,
    **options: Unpack[ReconstructKeywords],
) -> np.ndarray: ...
@overload
def reconstruct(
    image: ArrayLike | Tensor,
    *,
    model: str = ...,
    device: str = ...,
    precision: Precision = ...,
    guide: Guide | None = ...,
    details: Literal[True],
    **options: Unpack[ReconstructKeywords],
) -> Reconstruction: ...
@overload
def reconstruct(
    image: list[Any],
    *,
    model: str = ...,
    device: str = ...,
    precision: Precision = ...,
    guide: Guide | None = ...,
    details: bool = ...,
    **options: Unpack[ReconstructKeywords],
) -> list[Any]: ...
@shows(ReconstructOptions)
def reconstruct(
    image: ArrayLike | Tensor | list[Any],
    *,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    precision: Precision = "auto",
    guide: Guide | None = None,
    details: bool = False,
    **options: Unpack[ReconstructKeywords],
) -> np.ndarray | Tensor | Reconstruction | list[Any]:
    """Linear HDR light from one ordinary photo.

    Args:
        image: one of

            * a path of a photo (JPEG, PNG, TIFF, WebP, BMP ...); ICC profiles and EXIF orientation are honoured;
            * a numpy array of code values, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4);
            * a torch tensor of code values, (C, H, W) or (N, C, H, W), C in {1, 3, 4}; if it requires gradients, light
              carries them through the response and what was restored on top of it, the networks' answers held fixed
              (`pipeline.gradients`);
            * a PIL image; the bytes of a photo's file, or a file opened in binary mode;
            * a list of any of these: a list of results.

            Arrays and tensors are uint8, uint16, or floats in [0, 1].
        model: one of `hdrrecon.list_models()`, or a classic operator, "classic:NAME" (`pipeline.classic_pipeline`).
        device: "auto" (CUDA, else MPS, else CPU) or a torch device.
        precision: of the networks' look at the photo: "float32", "bfloat16", or "auto": bfloat16 on CUDA devices that
            have it. Light is float32 in any case.
        guide: a small HDR picture of the same view, in any scale, that says how bright clipped light is: numpy (h, w,
            3) or (h, w), a tensor (C, h, w), or a path. See `hdrrecon.sensors.guide`; for one photo, not for a batch.
        details: return a `Reconstruction` instead of the light alone.
        response: "estimate" it from the photo; "srgb" or "camera" (the mean curve of modern cameras) when the origin
            is known; or a `ResponseCurve`.
        exif: let what EXIF says about the origin of a file (or PIL image) weigh in the estimate
            (`camera.exif_prior`). The response's `facts` then hold `prior`.
        dequantize: bring smooth gradients back from 8-bit codes, every value inside its own code's cell
            (`camera.dequantize`). 16-bit images, and floats that are no 8-bit codes, are left alone.
        highlights: which of the lights that may have been there. "median" has the least error. "energy" adds up to
            the right amount, for lighting a scene with the result.
        panorama: the picture is equirectangular, all around: its left and right edges meet, its first and last rows
            are the poles. None: it is, if it is exactly 2:1, at least 512 pixels wide, and its edges fit together.
        sun: of a panorama's energy answer: "auto" finds it and gives it the light that the ground asks for, "off"
            leaves it out, (elevation, azimuth) in degrees says where it is, azimuth 0 in the middle of the picture and
            positive to the right; (elevation, azimuth, strength) also how much it gives a surface facing it.
        strength: how much of what was restored is used, in [0, 1], in stops: 0 gives the linearised photo.
        max_stops: above the clip level, that light may reach.
        memory: bytes, or a text like "2GB", that the reconstruction may take. The photo and its light count, Python
            and the networks' weights do not. Less memory makes smaller bands of rows, and no other light. None: bands
            of a megapixel.

    Returns:
        float32 light of the kind and layout of the input (numpy for paths and PIL images), scene-linear Rec.709,
        1.0 = the level at which the photo clips; alpha, if any, unchanged in [0, 1]. A grey image stays grey.

    Raises:
        TypeError, ValueError: an image that is none of the above, an unknown option, a `memory` that does not suffice
            for one row (the least that does is named). The message says what was given and wanted.
        hdrrecon.io.ReadError: a file that cannot be read.

    Example:
        >>> import numpy as np
        >>> hdr = reconstruct(np.full((4, 4, 3), 128, np.uint8), response="srgb", device="cpu")
        >>> hdr.shape, hdr.dtype, round(float(hdr[0, 0, 0]), 4)
        ((4, 4, 3), dtype('float32'), 0.2159)
    """
    how = reconstruct_options(options)
    return Reconstructor(model, device, precision=precision)._reconstruct(image, how, details, guide)


@shows(ReconstructOptions, WriteOptions)
def reconstruct_file(
    source: str | Path,
    target: str | Path,
    *,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    precision: Precision = "auto",
    confidence: bool = False,
    preview: str | Path | None = None,
    guide: Guide | None = None,
    **options: Unpack[FileKeywords],
) -> Path:
    """The light of one photo, from file to file, without ever holding all of it.

    The photo is decoded once and kept as it came (3 bytes a pixel for 8 bits). The light is made and written in bands.
    Formats that cannot be written by rows (all but .exr, .tif, .hdr and .npy) are made whole.

    Args:
        source: as the path of `reconstruct`.
        target: where to; the extension chooses the format (`hdrrecon.write`).
        confidence, preview: see `Reconstructor.to_file`.
        guide: as of `reconstruct`.
        options: those of `reconstruct` and of `hdrrecon.write`.

    Returns:
        `target`. It appears when it is complete.

    Raises:
        As `reconstruct` and `hdrrecon.write`.

    Example:
        >>> reconstruct_file("pano.jpg", "pano.exr", memory="2GB")  # doctest: +SKIP
        PosixPath('pano.exr')
    """
    how, written = options_from(options)
    reconstructor = Reconstructor(model, device, precision=precision)
    return reconstructor._to_file(source, target, how, written, confidence=confidence, preview=preview, guide=guide)


class Reconstructor:
    """A model loaded once and used often. It keeps no state between images; calls from several threads are safe.

    Args:
        model: one of `hdrrecon.list_models()`, a classic operator ("classic:NAME"), or an `HDRPipeline` of your own, of
            which a copy is taken.
        device: "auto" (CUDA, else MPS, else CPU) or a torch device.
        precision: see `reconstruct`.
        speed: "plain"; "compile" lets `torch.compile` make the networks faster, the first photo then takes minutes;
            "cuda-graphs" records on CUDA what the networks launch, for photos of a size that comes again (video).

    Raises:
        UsageError (a ValueError): an unknown model, precision or speed, or a device that torch does not see.
    """

    def __init__(
        self,
        model: str | HDRPipeline = DEFAULT_MODEL,
        device: str = "auto",
        *,
        precision: Precision = "auto",
        speed: Speed = "plain",
    ):
        import torch

        check_precision(precision)
        check_speed(speed)
        self.device = pick_device(device)
        with one_thread():  # also for copying weights: in a forked process, torch's other threads are gone
            pipeline = build_pipeline(model) if isinstance(model, str) else _copied(model)
            # torch knows `memory_format`, its type stubs do not.
            placed = pipeline.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.pipeline: HDRPipeline = placed.eval()
        self.pipeline.precision = precision
        name = model if isinstance(model, str) else type(model).__name__
        logging.getLogger("hdrrecon").info(
            "model %s on %s, precision %s, speed %s", name, self.device, precision, speed
        )
        if speed == "compile":
            self.pipeline.compile_networks()
        if speed == "cuda-graphs":
            self.pipeline.record_networks()

    @overload
    def __call__(
        self,
        image: Tensor,
        *,
        guide: Guide | None = ...,
        details: Literal[False] = ...,
        **options: Unpack[ReconstructKeywords],
    ) -> Tensor: ...
    @overload
    def __call__(
        self,
        image: ArrayLike,
        *,
        guide: Guide | None = ...,
        details: Literal[False] = ...,
        **options: Unpack[ReconstructKeywords],
    ) -> np.ndarray: ...
    @overload
    def __call__(
        self,
        image: ArrayLike | Tensor,
        *,
        guide: Guide | None = ...,
        details: Literal[True],
        **options: Unpack[ReconstructKeywords],
    ) -> Reconstruction: ...
    @overload
    def __call__(
        self,
        image: list[Any],
        *,
        guide: Guide | None = ...,
        details: bool = ...,
        **options: Unpack[ReconstructKeywords],
    ) -> list[Any]: ...
    @shows(ReconstructOptions)
    def __call__(
        self,
        image: ArrayLike | Tensor | list[Any],
        *,
        guide: Guide | None = None,
        details: bool = False,
        **options: Unpack[ReconstructKeywords],
    ) -> np.ndarray | Tensor | Reconstruction | list[Any]:
        """See `reconstruct`."""
        return self._reconstruct(image, reconstruct_options(options), details, guide)

    @shows(ReconstructOptions, WriteOptions)
    def to_file(
        self,
        source: str | Path | InputImage,
        target: str | Path,
        *,
        confidence: bool = False,
        preview: str | Path | None = None,
        tell: Callable[[LightFacts], None] | None = None,
        guide: Guide | None = None,
        **options: Unpack[FileKeywords],
    ) -> Path:
        """See `reconstruct_file`.

        Args:
            source: a path, or what `pipeline.inputs.ingest` made of a photo (decoded ahead, in another thread).
            target: where to; the extension chooses the format.
            confidence: add it as a channel (.exr only).
            preview: also write an exposure strip there, before the result.
            tell: called with what the light is like (`pipeline.to_file.LightFacts`) once all of it was made.
            guide: as of `reconstruct`.
            options: those of `reconstruct` and of `hdrrecon.write`.
        """
        how, written = options_from(options)
        return self._to_file(
            source, target, how, written, confidence=confidence, preview=preview, tell=tell, guide=guide
        )

    def estimate_response(self, image: ArrayLike | Tensor, *, exif: bool = True) -> ResponseCurve | list[ResponseCurve]:
        """The camera response of one photo, or a list of them for a batch; see `hdrrecon.estimate_response`."""
        from hdrrecon.pipeline.response import estimate_with

        with one_thread():
            return estimate_with(self.pipeline, ingest(image), self.device, exif)

    @property
    def module(self) -> ReconstructorModule:
        """This reconstructor as an `nn.Module`: code values (N, C, H, W) in, light of the same shape out."""
        from hdrrecon.pipeline.module import ReconstructorModule

        def moved(device: torch.device) -> None:
            self.device = device

        return ReconstructorModule(self.pipeline, self, moved)

    def prepare(
        self, image: InputImage, how: ReconstructOptions = ReconstructOptions(), *, copied: bool = False
    ) -> list[PreparedPhoto]:
        """Of each photo of `image` (see `ingest`), what any rows of its light can be had from.

        `copied`: keep a copy of the pixels, so that changes of the caller's array do not matter.
        """
        with one_thread():
            return self.pipeline.prepare_input(image, how, self.device, copied)

    def _reconstruct(
        self,
        image: ArrayLike | Tensor | list[Any],
        how: ReconstructOptions,
        details: bool,
        guide: Guide | None = None,
    ) -> np.ndarray | Tensor | Reconstruction | list[Any]:
        from hdrrecon.pipeline.bands import band_rows
        from hdrrecon.pipeline.result import reconstruction, whole

        if isinstance(image, (list, tuple)):
            return [self._reconstruct(one, how, details, guide) for one in image]
        given = ingest(image)
        count, height, width = given.stored.shape[:3]
        held = given.stored.nbytes + 4 * count * height * width * given.kind.channels
        rows = band_rows((height, width), how.memory_bytes, held, self.device)
        photos = self.prepare(given, how, copied=details and not isinstance(image, (str, Path)))
        if guide is not None:
            from hdrrecon.sensors.guided import with_guide

            if len(photos) != 1:
                raise ValueError(f"a guide belongs to one photo, got a batch of {len(photos)}; call it for each")
            photos = [with_guide(photos[0], guide)]
        with one_thread():
            light = whole(given, photos, rows, "radiance")
        if getattr(image, "requires_grad", False):
            light = _with_gradient(cast("Tensor", light), cast("Tensor", image), [one.response for one in photos])
        return reconstruction(given, photos, rows, light) if details else light

    def _to_file(
        self,
        source: str | Path | InputImage,
        target: str | Path,
        how: ReconstructOptions,
        written: WriteOptions,
        *,
        confidence: bool,
        preview: str | Path | None,
        tell: Callable[[LightFacts], None] | None = None,
        guide: Guide | None = None,
    ) -> Path:
        from hdrrecon.pipeline.to_file import write_reconstruction

        def changed(photo: PreparedPhoto) -> PreparedPhoto:
            from hdrrecon.sensors.guided import with_guide

            return photo if guide is None else with_guide(photo, guide)

        with one_thread():
            return write_reconstruction(
                self.pipeline,
                self.device,
                source,
                Path(target),
                how,
                written,
                confidence=confidence,
                preview=preview,
                tell=tell,
                changed=changed,
            )


def _with_gradient(light: Tensor, image: Tensor, responses: list[ResponseCurve]) -> Tensor:
    """`light` with the gradient of a tensor that requires one (`pipeline.gradients`)."""
    from hdrrecon.pipeline.gradients import carry_gradient

    if image.ndim == 4:
        return carry_gradient(light, image.to(light.dtype), responses)
    return carry_gradient(light[None], image[None].to(light.dtype), responses)[0]


def _copied(pipeline: HDRPipeline) -> HDRPipeline:
    """A copy: moving the caller's networks to a device, or switching their training off, would be a surprise."""
    from copy import deepcopy

    return deepcopy(pipeline)
