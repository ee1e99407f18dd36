"""The inverse camera: linearize -> restore -> refine, in the reverse order of what a camera does.

`HDRPipeline` alone knows the order; a stage never knows its neighbours. PixelCodes in, `PreparedPhoto` out, from which any rows of the
light can be had; or, for photos that fit, tensors in and a `Reconstruction` out.

What it promises, whatever the weights:

* where the masks are zero, `radiance` equals `linear` to the bit;
* no pixel comes out darker than its linearised value, so clipped pixels stay at or above the clip level;
* a photo in which nothing is clipped or crushed never meets a restoring or refining network;
* dequantised on demand, code values stay inside their own 8-bit cell; masks and the response come from those of the photo;
* light does not depend on the size of the bands it was made in: the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.dequantize import on_grid
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.cuda_graphs import CudaGraphed
from hdrrecon.networks.precision import autocast
from hdrrecon.networks.restore.features import Seen, seen_maps
from hdrrecon.networks.working_resolution import working_size
from hdrrecon.options import (
    Highlights,
    Precision,
    ReconstructOptions,
    Sun,
    check_highlights,
    check_precision,
    check_sun,
)
from hdrrecon.pipeline.bands import band_rows
from hdrrecon.pipeline.build import pick_response
from hdrrecon.pipeline.inputs import InputImage, OutputKind, ingest
from hdrrecon.pipeline.panorama import Sphere, around, check_panorama, is_panorama, working_px
from hdrrecon.pipeline.panorama_light import weigh
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.prepared import PreparedPhoto, fills_shadows, something_missing
from hdrrecon.pipeline.resample import Enlarged, band_px, replicated, shrunk
from hdrrecon.pipeline.result import Reconstruction, reconstruction

_LOOKED_AT_TIMES = 4  # a network that shrinks its photo itself is handed one of at most so many times its working size


class HDRPipeline(nn.Module):
    """Three stages, each replaceable and each optional.

    Args:
        linearize: has `estimate(code, prior) -> dict(inverse, families, spread)`; needed when no response is given. One that
            never looks at more than so many pixels a side says so: `longest_px`.
        restore: has `config.working_px`; `look(code, linear, working_px) -> deep`, features of the photo at the working
            resolution, (1, F, h, w); and `answer(code, linear, deep) -> RestoredLight`, pixel by pixel, on any arrangement
            (N, C, n, 1). One that has `look_at(Seen)` is shown the photo already shrunk: cheaper, and better for large
            photos. `fills_shadows` False: it has nothing for crushed pixels. None leaves clipped light at the clip level.
        refine: has `config.working_px` and `correct(code, linear, radiance) -> correction` in stops, (1, 3, h, w), all
            at the working resolution, of the median answer. None leaves light as it was restored.
        budget: has `weigh(SeenPanorama, sun) -> LightEstimate`; for the energy answer on panoramas alone. None leaves it
            as stage 2 gives it.

    Stages say how often they halve their input: `multiple_of`.
    """

    precision: Precision = "auto"
    budget: nn.Module | None

    def __init__(
        self,
        linearize: nn.Module | None,
        restore: nn.Module | None,
        refine: nn.Module | None = None,
        budget: nn.Module | None = None,
    ):
        super().__init__()
        self.linearize, self.restore, self.refine = linearize, restore, refine
        # Not one of the stages: it reads a hundred numbers and stays on the CPU, whatever the device.
        object.__setattr__(self, "budget", budget)

    def estimate_response(self, code: Tensor | PixelCodes, prior: dict[str, float] | None = None) -> ResponseCurve:
        """The response of the photo `code` (1, 3, H, W), with family likelihoods and spread in its `facts`.

        `prior`: probability of each family before the photo is seen (`camera.exif_prior`); then it is in the `facts` too.
        """
        seen = self._bounded(code)
        return self._response(self.linearize.estimate(seen, prior), prior)

    def response_evidence(self, code: Tensor | PixelCodes) -> Tensor:
        """What a photo tells of its response, (K,). The mean over photos of one camera is what they tell together.

        A first stage that has no `gather` tells what it concluded: the curve, its spread, and the families' likelihoods.
        """
        code = self._bounded(code)
        if hasattr(self.linearize, "gather"):
            return self.linearize.gather(code)
        out = self.linearize.estimate(code, None)
        return torch.cat([out["inverse"], out["spread"], out["families"]])

    def response_from(self, evidence: Tensor, prior: dict[str, float] | None = None) -> ResponseCurve:
        """The response that `response_evidence`, or a mean of it, tells of; `prior` as in `estimate_response`."""
        if hasattr(self.linearize, "conclude"):
            return self._response(self.linearize.conclude(evidence, prior), prior)
        size = (len(evidence) - len(FAMILIES)) // 2
        inverse, spread, families = evidence.split((size, size, len(FAMILIES)))
        return self._response({"inverse": inverse, "spread": spread, "families": families}, prior)

    def _bounded(self, code: Tensor | PixelCodes) -> Tensor:
        """The photo as the first stage looks at it, (1, 3, h, w)."""
        if self.linearize is None:
            raise ValueError(
                'this model has no stage that estimates a response; pass response="srgb", "camera" or a ResponseCurve'
            )
        if not isinstance(code, PixelCodes):
            return code
        longest = getattr(self.linearize, "longest_px", max(code.size))
        return shrunk(lambda rows: nchw(code.code(rows)), code.size, working_size(code.size, longest), code.device)

    def _response(self, out: dict[str, Tensor], prior: dict[str, float] | None) -> ResponseCurve:
        likely = dict(zip(FAMILIES, out["families"].tolist()))
        facts = {"families": likely, "spread": out["spread"].double().cpu().numpy()}
        if prior is not None:
            facts["prior"] = dict(prior)
        return ResponseCurve(out["inverse"].double().cpu().numpy(), "estimate", facts)

    @torch.inference_mode()
    def prepare(
        self,
        codes: PixelCodes,
        response: ResponseCurve | None = None,
        prior: dict[str, float] | None = None,
        *,
        smooth: bool = False,
        highlights: Highlights = "median",
        panorama: bool | None = None,
        refined: bool = True,
        sun: Sun = "auto",
    ) -> PreparedPhoto:
        """Everything that needs the whole photo, at bounded resolutions.

        Args:
            response: None estimates it, given `prior`.
            smooth: dequantise 8-bit codes first.
            highlights: of what may have been there, "median" has the least error; "energy" adds up to the right amount of
                light, in the same colours.
            panorama: its edges meet; None finds out (`panorama.is_panorama`).
            refined: False leaves stage 3 out.
            sun: of a panorama's energy answer: see `options.check_sun`.
        """
        sun = check_sun(sun)
        check_highlights(highlights)
        check_precision(self.precision)
        if response is None:
            response = self.estimate_response(codes, prior)
        rows = max(1, band_px(codes.device) // codes.size[1])
        if smooth:
            bands = (slice(top, min(top + rows, codes.size[0])) for top in range(0, codes.size[0], rows))
            smooth = all(on_grid(codes.code(band), 255) for band in bands)
        photo = PreparedPhoto(
            codes,
            response,
            codes.linear_table(response),
            smooth=smooth,
            panorama=is_panorama(codes) if panorama is None else panorama,
            highlights=highlights,
            restore=self.restore,
        )
        if panorama:
            check_panorama(codes.size)
        refine = self.refine if refined else None
        given = not isinstance(sun, str)
        if given:
            self._check_given_sun(highlights, photo.panorama, codes.size)
        shadows = refine is not None or fills_shadows(self.restore)
        missing = (self.restore is not None or refine is not None) and something_missing(codes, shadows, rows)
        if not missing and not given:
            return photo
        photo = replace(photo, grey=codes.grey)
        if missing and self.restore is not None:
            deep, seen = self._looked(photo)
            photo = replace(photo, deep=deep, seen=seen)
        if missing and refine is not None:
            # Stage 3 mends the answer of least error. What it says of that holds for the other: their colours are the same.
            photo = replace(photo, correction=self._corrected(replace(photo, highlights="median")))
        if highlights != "energy" or not photo.panorama or self.budget is None:
            return photo
        return replace(photo, lost_light=weigh(self.budget, photo, sun))

    def _check_given_sun(self, highlights: str, panorama: bool, size: tuple[int, int]) -> None:
        """Raises ValueError: a sun was given for what cannot have one."""
        if not panorama:
            raise ValueError(
                f"a sun can only be placed in a panorama, and this picture of {size[1]} x {size[0]} was not taken for one; "
                "pass panorama=True if it is 2:1 and goes all around, or leave sun out"
            )
        if highlights != "energy":
            raise ValueError(
                f'a sun belongs to the energy answer, and highlights is {highlights!r}; pass highlights="energy", or leave sun out'
            )
        if self.budget is None:
            raise ValueError("this model has no light budget and places no sun; use another model, or leave sun out")

    def prepare_input(
        self, image: InputImage, how: ReconstructOptions, device: torch.device, copied: bool = False
    ) -> list[PreparedPhoto]:
        """Each photo of `image`, prepared on `device`; `copied`: what its owner does to it later does not matter."""
        curve = pick_response(how.response)
        if curve is None and image.response:
            curve = pick_response(image.response)
        prepared = [
            self.prepare(
                codes,
                curve,
                image.prior if how.exif else None,
                smooth=how.dequantize and not image.deep,
                highlights=how.highlights,
                panorama=how.panorama,
                sun=how.sun,
                refined=image.decoded is None,
            )
            for codes in image.codes(device, copied)
        ]
        if image.decoded is None:
            return prepared
        from hdrrecon.pipeline.raw_stream import DecodedPhoto

        return [DecodedPhoto(one, image.decoded) for one in prepared]

    def forward(
        self,
        code: Tensor,
        response: ResponseCurve | None = None,
        prior: dict[str, float] | None = None,
        smooth: bool = False,
        *,
        memory: int | None = None,
        **options,
    ) -> Reconstruction:
        """One photo, for code that has tensors already.

        Args:
            code: (1, 3, H, W) code values: uint8, uint16, or floats in [0, 1].
            memory: bytes; others as `prepare`.

        Returns:
            Images of the result are (1, C, H, W), also `confidence` and `under`; C = 3 or 1.
        """
        image = ingest(code)
        rows = band_rows(tuple(code.shape[-2:]), memory, image.stored.nbytes + 12 * code[0, 0].numel(), code.device)
        photo = self.prepare(PixelCodes.of_tensor(code[0]), response, prior, smooth=smooth, **options)
        return reconstruction(replace(image, kind=OutputKind("network", code.shape, code.device)), [photo], rows)

    def compile_networks(self) -> None:
        """Let `torch.compile` make what runs at the working resolution faster, for sizes of any kind."""
        for stage, method in ((self.restore, "look_at"), (self.restore, "look"), (self.refine, "correct")):
            if hasattr(stage, method):
                setattr(stage, method, torch.compile(getattr(stage, method), dynamic=True))

    def replay_networks(self) -> None:
        """On CUDA, launch what runs at the working resolution as one, for photos of a size that comes again (`hdrrecon.networks.cuda_graphs`)."""
        for stage, method in ((self.restore, "look_at"), (self.refine, "correct")):
            if hasattr(stage, method) and not isinstance(getattr(stage, method), CudaGraphed):
                setattr(stage, method, CudaGraphed(getattr(stage, method), stage))

    def _looked(self, photo: PreparedPhoto) -> tuple[Enlarged, Seen | None]:
        """The restoring network's features, and what it was shown, where it is shown that."""
        codes, net = photo.codes, self.restore
        size, seen = _size_seen(net, photo), None

        def pair(rows):
            return (nchw(codes.code(rows)), nchw(photo.linear(rows)))

        if hasattr(net, "look_at"):
            seen = seen_at(photo, size)

            def look():
                return net.look_at(seen)
        else:
            handed = working_size(codes.size, _LOOKED_AT_TIMES * max(size))
            both = shrunk(lambda rows: torch.cat(pair(rows), 1), codes.size, handed, codes.device)

            def look():
                return net.look(both[:, :3], both[:, 3:], max(size))

        return self._enlarged(look, photo), seen

    def _corrected(self, photo: PreparedPhoto) -> Enlarged:
        def maps(rows):
            return torch.cat([nchw(x) for x in (photo.codes.code(rows), photo.linear(rows), photo.light(rows)[0])], 1)

        seen = shrunk(maps, photo.codes.size, _size_seen(self.refine, photo), photo.codes.device).split(3, 1)
        return self._enlarged(lambda: self.refine.correct(*seen), photo)

    def _enlarged(self, look: Callable[[], Tensor], photo: PreparedPhoto) -> Enlarged:
        with autocast(self.precision, photo.codes.device), Sphere() if photo.panorama else nullcontext():
            features = look()
        return Enlarged(features, photo.codes.size, (lambda x: around(x, 1, 1)) if photo.panorama else replicated)


def seen_at(photo: PreparedPhoto, size: tuple[int, int]) -> Seen:
    """What a network at the working resolution sees of a photo, at `size` (h, w), no larger than it."""

    def maps(rows):
        return seen_maps(nchw(photo.codes.code(rows)), nchw(photo.linear(rows)))

    return Seen.split(shrunk(maps, photo.codes.size, size, photo.codes.device))


def nchw(image: Tensor) -> Tensor:
    """(h, W, C) to (1, C, h, W), contiguous."""
    return image.permute(2, 0, 1)[None].contiguous()


def _size_seen(net: nn.Module, photo: PreparedPhoto) -> tuple[int, int]:
    if not photo.panorama:
        return working_size(photo.codes.size, net.config.working_px)
    width = working_px(net.config.working_px, photo.codes.size[1], getattr(net, "multiple_of", 1))
    return min(width // 2, photo.codes.size[0]), width
