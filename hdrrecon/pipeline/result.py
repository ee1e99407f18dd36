"""What a reconstruction gives: light at once; confidence, masks and the linearised photo when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import numpy as np
from torch import Tensor

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.restore.light_budget import LightEstimate
from hdrrecon.pipeline.bands import in_bands
from hdrrecon.pipeline.inputs import InputImage, in_rec709, unit
from hdrrecon.pipeline.prepared import PreparedPhoto

Part = Literal["radiance", "confidence", "linear", "over", "under", "source"]
Array = Any  # np.ndarray or Tensor, as the input was
_PLANES = ("confidence", "under", "source")  # one number per pixel, without a channel axis
_COLOURED = ("radiance", "linear")  # light: converted to Rec.709, with the photo's alpha


class Reconstruction:
    """All that is known after a reconstruction. Arrays have the kind and layout of the input.

    All but `radiance` are made when they are first asked for. Until then they cost neither time nor memory.

    Attributes:
        radiance: scene-linear Rec.709 light, float32, 1.0 = the level at which the photo clips.
        confidence: (H, W), for a batch (N, H, W). 1: measured. Below: the chance that the brightness is right to a
            quarter of a stop. Near 0: invented.
        response: the curve that was inverted; a list of curves for a batch.
        linear: the linearised photo before anything was restored.
        over: soft mask in [0, 1] of over-exposed channels, of the light's shape.
        under: soft mask in [0, 1] of under-exposed pixels, of the shape of `confidence`.
        source: uint8, of the shape of `confidence`, an index into `raw_stream.SOURCES`. 0: measured by the photo's
            codes. 1: decoded from the raw stream that the photo carries (`hdrrecon.rawcodec`), where its codes clip. 2:
            inferred.
        panorama: the photo was treated as an equirectangular panorama.
        light_estimate: of a panorama's energy answer: what is believed about the light that clipped, a sun above all
            (`networks.restore.light_budget.LightEstimate`); None for others; a list for a batch.
    """

    def __init__(
        self,
        radiance: Array,
        response: ResponseCurve | list[ResponseCurve],
        panorama: bool = False,
        light_estimate: LightEstimate | None | list[LightEstimate | None] = None,
        *,
        make: Callable[[Part], Array] | None = None,
    ):
        """`make`: called with the name of a part, gives its whole image."""
        self.light_estimate = light_estimate
        self.radiance, self.response, self.panorama, self._make = radiance, response, panorama, make

    @cached_property
    def confidence(self) -> Array:
        return self._made("confidence")

    @cached_property
    def linear(self) -> Array:
        return self._made("linear")

    @cached_property
    def over(self) -> Array:
        return self._made("over")

    @cached_property
    def under(self) -> Array:
        return self._made("under")

    @cached_property
    def source(self) -> Array:
        return self._made("source")

    @property
    def masks(self) -> dict[str, Array]:
        """`over` and `under` by name."""
        return {"over": self.over, "under": self.under}

    def _made(self, part: Part) -> Array:
        if self._make is None:
            raise AttributeError(f"this Reconstruction was made without {part!r}")
        return self._make(part)

    def __repr__(self) -> str:
        curves = self.response if isinstance(self.response, list) else [self.response]
        kind = f"{type(self.radiance).__module__}.{type(self.radiance).__name__}"
        names = ", ".join(repr(curve.name) for curve in curves)
        return (
            f"Reconstruction(radiance={kind} {tuple(self.radiance.shape)}, brightest {float(self.radiance.max()):.3g}, "
            f"response={names}{', panorama' if self.panorama else ''})"
        )

    def _repr_png_(self) -> bytes | None:
        """A notebook's picture: the light at 0, -2 and -4 stops; none of a batch."""
        import cv2

        from hdrrecon.view.strip import exposure_strip

        light = self.radiance
        if isinstance(light, Tensor):
            if light.ndim != 3:
                return None
            light = light.detach().permute(1, 2, 0).cpu().numpy()
        light = light[..., None] if light.ndim == 2 else light
        color = np.repeat(light, 3, axis=2) if light.shape[2] == 1 else light[..., :3]
        strip = exposure_strip(color, panel_px=320)
        return cv2.imencode(".png", np.ascontiguousarray(strip[..., ::-1]))[1].tobytes()

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: every part is made, the networks that made them are left behind."""
        if self._make is not None:
            for part in ("confidence", "linear", "over", "under", "source"):
                getattr(self, part)
        return {**self.__dict__, "_make": None}


def reconstruction(
    image: InputImage, photos: list[PreparedPhoto], rows: int, radiance: Array | None = None
) -> Reconstruction:
    """The result for `image`, made from its prepared photos `rows` at a time; `radiance` may have been made already."""

    def make(part: Part) -> Array:
        return whole(image, photos, rows, part)

    responses = [one.response for one in photos]
    estimates = [one.lost_light.estimate if one.lost_light else None for one in photos]
    return Reconstruction(
        make("radiance") if radiance is None else radiance,
        responses if image.kind.batch else responses[0],
        any(one.panorama for one in photos),
        estimates if image.kind.batch else estimates[0],
        make=make,
    )


def whole(image: InputImage, photos: list[PreparedPhoto], rows: int, part: Part) -> np.ndarray | Tensor:
    """One part for the whole image, of the caller's kind, made `rows` at a time."""
    coloured = part in _COLOURED
    channels = None if part in _PLANES else image.kind.channels if coloured else min(image.kind.channels, 3)
    out, targets = image.kind.empty([one.codes for one in photos], channels)
    for i, (one, target) in enumerate(zip(photos, targets)):

        def made(band: slice, one: PreparedPhoto = one) -> Tensor:
            return rows_of(one, band, part)

        for band, values in in_bands(one.codes.size[0], rows, made):
            if coloured:
                values = in_rec709(values, image.to_rec709)
            shared = min(target.shape[-1], values.shape[-1])
            target[band, :, :shared] = values[..., :shared].to(target.device)
        if image.alpha is not None and coloured:
            target[..., -1] = unit(image.alpha[i])
    if part == "source":
        return out.astype(np.uint8) if isinstance(out, np.ndarray) else out.byte()
    return out


def rows_of(photo: PreparedPhoto, rows: slice, part: Part) -> Tensor:
    """Some rows of one part, (h, W, C)."""
    if part == "radiance":
        return photo.light(rows)[0]
    if part == "confidence":
        _, confidence = photo.light(rows, confidence=True)
        assert confidence is not None
        return confidence[..., None]
    if part == "source":
        return photo.source(rows)[..., None]
    if part == "linear":
        return photo.linear(rows)
    return photo.over(rows) if part == "over" else photo.under(rows)
