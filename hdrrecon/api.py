"""What a user calls: `reconstruct`, `Reconstructor`, `Reconstruction`, `reconstruct_file`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.build import build_pipeline, pick_device, pick_response
from hdrrecon.pipeline.inputs import InputImage, in_rec709, ingest, unit
from hdrrecon.zoo import DEFAULT_MODEL

__all__ = ["Reconstruction", "Reconstructor", "reconstruct", "reconstruct_file"]


class Reconstruction:
    """All that is known after a reconstruction; arrays are of the kind and layout of the input.

    `confidence`, `masks` and `linear` are made when they are first asked for, and cost neither time nor memory before.

    Attributes:
        radiance: scene-linear Rec.709 light, float32, 1.0 = the level at which the photo clips.
        confidence: (H, W) ((H, W) or (N, H, W) for tensors): 1 = measured; below, the chance that the brightness
            is right to a quarter of a stop; near 0 = invented.
        response: the curve that was inverted; a list of them for a batch.
        masks: `over` (shape of the light) and `under` (shape of `confidence`), soft, in [0, 1].
        linear: the linearised photo before anything was restored.
        panorama: it was taken for a panorama.
        source: (as `confidence`) uint8 index into `SOURCES`: 0 measured by the photo's codes; 1 decoded from the raw stream the
            photo carries (`hdrrecon.rawcodec`), where its codes are clipped; 2 inferred.
    """

    def __init__(
        self, radiance, confidence, response, masks: Mapping[str, Any], linear, panorama: bool = False, source=None
    ):
        """Of `confidence`, `linear`, `source` and the values of `masks` each may be a function of no arguments that makes it."""
        self.radiance, self.response, self.panorama = radiance, response, panorama
        self.masks = Made(masks)
        self._others = Made({"confidence": confidence, "linear": linear, "source": source})

    @property
    def confidence(self):
        return self._others["confidence"]

    @property
    def linear(self):
        return self._others["linear"]

    @property
    def source(self):
        return self._others["source"]


class Made(Mapping):
    """A dictionary whose values, where they are functions, are called when they are first asked for."""

    def __init__(self, values: Mapping[str, Any]):
        self._values = dict(values)

    def __getitem__(self, name: str):
        if callable(self._values[name]):
            self._values[name] = self._values[name]()
        return self._values[name]

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def reconstruct(
    image,
    *,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    response: str | ResponseCurve = "estimate",
    details: bool = False,
    exif: bool = True,
    dequantize: bool = False,
    highlights: Literal["median", "energy"] = "median",
    panorama: bool | None = None,
    memory: int | str | None = None,
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
):
    """Linear HDR light from one ordinary photo.

    Args:
        image: one of

            * a path of a photo (JPEG, PNG, TIFF, WebP, BMP; ICC matrix profiles and EXIF orientation are honoured);
            * a numpy array of code values, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4): uint8, uint16, or floats in [0, 1];
            * a torch tensor of code values, (C, H, W) or (N, C, H, W), C in {1, 3, 4}: uint8, uint16, or floats in [0, 1];
            * a PIL image.
        model: one of `hdrrecon.list_models()`.
        device: "auto" (CUDA, else MPS, else CPU) or a torch device.
        response: "estimate" it from the photo; "srgb" or "camera" (the mean curve of modern cameras) when the origin
            is known; or a `ResponseCurve`.
        details: return a `Reconstruction` instead of the light alone.
        exif: let what EXIF says about the origin of a file (or PIL image) weigh in the estimate (`camera.exif_prior`); the
            response's `facts` then hold `prior`.
        dequantize: bring smooth gradients back from 8-bit codes, every value inside its own code's cell
            (`camera.dequantize`). 16-bit images, and floats that are no 8-bit codes, are left alone.
        highlights: which of the lights that may have been there. "median" has the least error; "energy" adds up to the right
            amount, for lighting a scene with the result.
        panorama: the picture is equirectangular, all around: its left and right edges meet, its first and last rows are the
            poles. None: it is, if it is exactly 2:1, at least 512 pixels wide, and its edges fit together.
        memory: bytes, or a text like "2GB", that the reconstruction may take, the photo and its light counted, Python and the
            networks' weights not. Less memory makes smaller bands of rows, and no other light. None: bands of a megapixel.
        precision: of the networks' look at the photo: "float32", "bfloat16", or "auto": bfloat16 on CUDA devices that
            have it. Light is float32 in any case.

    Returns:
        float32 light of the kind and layout of the input (numpy for paths and PIL images), scene-linear Rec.709,
        1.0 = the level at which the photo clips; alpha, if any, unchanged in [0, 1]. A grey image stays grey.

    Raises:
        TypeError, ValueError: an image that is none of the above, an unknown option, a `memory` that does not suffice for one
            row (the least that does is named); the message says what was given and wanted.
        hdrrecon.io.ReadError: a file that cannot be read.

    Example:
        >>> hdr = reconstruct(np.full((4, 4, 3), 128, np.uint8), response="srgb")
        >>> hdr.shape, hdr.dtype, round(float(hdr[0, 0, 0]), 4)
        ((4, 4, 3), dtype('float32'), 0.2159)
    """
    return Reconstructor(model, device, precision=precision)(
        image,
        response=response,
        details=details,
        exif=exif,
        dequantize=dequantize,
        highlights=highlights,
        panorama=panorama,
        memory=memory,
    )


def reconstruct_file(
    source: str | Path,
    target: str | Path,
    *,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    **options,
) -> Path:
    """The light of one photo, from file to file, without ever holding all of it.

    The photo is decoded once and kept as it came (3 bytes a pixel for 8 bits); the light is made and written in bands. Formats
    that cannot be written by rows (all but .exr, .tif, .hdr and .npy) are made whole.

    Args:
        source: as the path of `reconstruct`.
        target: where to; the extension chooses the format (`hdrrecon.write`).
        options: those of `Reconstructor.to_file`.

    Returns:
        `target`. It appears when it is complete.

    Raises:
        As `reconstruct` and `hdrrecon.write`.

    Example:
        >>> reconstruct_file("pano.jpg", "pano.exr", memory="2GB")
        PosixPath('pano.exr')
    """
    return Reconstructor(model, device, precision=precision).to_file(source, target, **options)


class Reconstructor:
    """A model loaded once and used often. Keeps no state between images; calls from several threads are safe.

    Args:
        model: one of `hdrrecon.list_models()`, or an `HDRPipeline` of your own.
        device: see `reconstruct`; `precision` too.
        compile: let `torch.compile` make the networks faster; the first photo then takes minutes.
        replay: on CUDA, record what the networks launch for photos of a size that comes again: for videos.
    """

    def __init__(
        self,
        model="full",
        device: str = "auto",
        *,
        precision: str = "auto",
        compile: bool = False,
        replay: bool = False,
    ):
        import torch

        from hdrrecon.networks.precision import check_precision

        check_precision(precision)
        self.device = pick_device(device)
        pipeline = build_pipeline(model) if isinstance(model, str) else model
        self.pipeline = pipeline.to(self.device, memory_format=torch.channels_last).eval()
        self.pipeline.precision = precision
        if compile:
            self.pipeline.compile_networks()
        if replay:
            self.pipeline.replay_networks()

    def __call__(
        self,
        image,
        *,
        response: str | ResponseCurve = "estimate",
        details: bool = False,
        exif: bool = True,
        dequantize: bool = False,
        highlights: str = "median",
        panorama: bool | None = None,
        memory: int | str | None = None,
    ):
        """See `reconstruct`."""
        photo = ingest(image)
        bands = self._bands(photo, memory)
        developments = self.prepare(
            photo,
            response=response,
            exif=exif,
            dequantize=dequantize,
            highlights=highlights,
            panorama=panorama,
            copied=details and not isinstance(image, (str, Path)),
        )
        radiance = _filled(photo, developments, bands, lambda one, rows: one.light(rows)[0])
        if not details:
            return radiance

        def make(part, plane=False, color=False):
            return lambda: _filled(photo, developments, bands, part, plane, color)

        masks = {
            "over": make(lambda one, rows: one.over(rows), color=True),
            "under": make(lambda one, rows: one.under(rows), plane=True),
        }
        sure = make(lambda one, rows: one.light(rows, confidence=True)[1][..., None], plane=True)
        responses = [one.response for one in developments]
        batch = photo.restorer.batch
        return Reconstruction(
            radiance,
            sure,
            responses if batch else responses[0],
            masks,
            make(lambda one, rows: one.linear(rows)),
            panorama=any(one.panorama for one in developments),
            source=lambda: (
                make(lambda one, rows: one.source(rows)[..., None], plane=True)().round().astype("uint8")
                if photo.restorer.kind == "numpy"
                else make(lambda one, rows: one.source(rows)[..., None], plane=True)().byte()
            ),
        )

    def prepare(
        self,
        photo: InputImage,
        *,
        response: str | ResponseCurve = "estimate",
        exif: bool = True,
        dequantize: bool = False,
        highlights: str = "median",
        panorama: bool | None = None,
        copied: bool = False,
    ) -> list:
        """A `PreparedPhoto` of each image of `photo` (see `ingest`), from which any rows of light can be had."""
        curve = pick_response(response)
        if curve is None and photo.response:
            curve = pick_response(photo.response)
        prepared = [
            self.pipeline.prepare(
                codes,
                curve,
                photo.prior if exif else None,
                smooth=dequantize and not photo.deep,
                highlights=highlights,
                panorama=panorama,
                refined=photo.decoded is None,
            )
            for codes in photo.codes(self.device, copied)
        ]
        if photo.decoded is None:
            return prepared
        from hdrrecon.pipeline.raw_stream import DecodedPhoto

        return [DecodedPhoto(one, photo.decoded) for one in prepared]

    def to_file(self, source: str | Path | InputImage, target: str | Path, **options) -> Path:
        """See `reconstruct_file`, and `files.write_reconstruction` for the options. `source` may be what `ingest` gave."""
        from hdrrecon.pipeline.to_file import write_reconstruction

        return write_reconstruction(self, source, Path(target), **options)

    def _bands(self, photo: InputImage, memory: int | str | None) -> int:
        from hdrrecon.pipeline.bands import band_rows, parse_memory

        count, height, width = photo.stored.shape[:3]
        held = photo.stored.nbytes + 4 * count * height * width * photo.restorer.channels
        return band_rows((height, width), None if memory is None else parse_memory(memory), held, self.device)


def _filled(photo: InputImage, developments: list, rows: int, part, plane: bool = False, bare: bool = False):
    """A result of the caller's kind, made in bands by `part(development, rows) -> (h, W, C)`.

    `plane`: it has no channel axis; `bare`: it has neither the photo's alpha nor its primaries.
    """
    from hdrrecon.pipeline.bands import in_bands

    bare = bare or plane
    channels = None if plane else min(photo.restorer.channels, 3) if bare else photo.restorer.channels
    out, images = photo.restorer.empty([one.codes for one in developments], channels)
    for i, (one, image) in enumerate(zip(developments, images)):
        for band, values in in_bands(one.codes.size[0], rows, lambda band: part(one, band)):
            if not bare:
                values = in_rec709(values, photo.to_rec709)
            color = min(image.shape[-1], values.shape[-1])
            image[band, :, :color] = values[..., :color].to(image.device)
        if photo.alpha is not None and not bare:
            image[..., -1] = unit(photo.alpha[i])
    return out
