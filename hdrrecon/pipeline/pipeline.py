"""The inverse camera: linearize -> restore -> refine, in the reverse order of what a camera does.

`HDRPipeline` alone knows the order; a stage never knows its neighbours. PixelCodes in, `PreparedPhoto` out, from which
any rows of the light can be had; or, for photos that fit, tensors in and a `Reconstruction` out.

What it promises, whatever the weights:

* where the masks are zero, `radiance` equals `linear` to the bit;
* no pixel comes out darker than its linearised value, so clipped pixels stay at or above the clip level;
* a photo in which nothing is clipped or crushed never meets a restoring or refining network;
* dequantised on demand, code values stay inside their own 8-bit cell; masks and the response come from those of the
  photo;
* light does not depend on the size of the bands it was made in: the same to the bit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.dequantize import on_grid
from hdrrecon.camera.response import ResponseCurve, pick_response
from hdrrecon.networks.cuda_graphs import CudaGraphed
from hdrrecon.networks.precision import autocast
from hdrrecon.networks.restore.features import Seen
from hdrrecon.networks.stages import Linearizer, Refiner, Restorer
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
from hdrrecon.pipeline.inputs import InputImage, OutputKind, ingest
from hdrrecon.pipeline.panorama import Sphere, around, check_panorama, is_panorama, working_px
from hdrrecon.pipeline.panorama_light import weigh
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.prepared import PreparedPhoto, fills_shadows, restore_pixels, something_missing
from hdrrecon.pipeline.resample import Enlarged, band_px, replicated, shrunk, shrunk_code
from hdrrecon.pipeline.restored_pixels import RestoredPixels
from hdrrecon.pipeline.result import Reconstruction, reconstruction
from hdrrecon.pipeline.seen import seen_at

log = logging.getLogger("hdrrecon")

Step = tuple[str, Callable[[], object]]


class HDRPipeline(nn.Module):
    """Three stages, each replaceable and each optional.

    Args:
        linearize: needed when no response is given.
        restore: None leaves clipped light at the clip level.
        refine: None leaves light as it was restored.
        budget: has `weigh(SeenPanorama, sun) -> LightEstimate`; for the energy answer on panoramas alone. None leaves
            it as stage 2 gives it.

    What the stages have to be, `hdrrecon.networks.stages` says.
    """

    precision: Precision = "auto"
    budget: nn.Module | None

    def __init__(
        self,
        linearize: Linearizer | None,
        restore: Restorer | None,
        refine: Refiner | None = None,
        budget: nn.Module | None = None,
    ):
        super().__init__()
        self.linearize, self.restore, self.refine = linearize, restore, refine
        # Not one of the stages: it reads a hundred numbers and stays on the CPU, whatever the device.
        object.__setattr__(self, "budget", budget)
        self._faster: dict[str, Callable] = {}  # compiled or recorded, in the place of methods of the stages

    def __getstate__(self) -> dict[str, Any]:
        """Copies are plain again: what was recorded belongs to the weights of one pipeline."""
        return {**self.__dict__, "_faster": {}}

    def estimate_response(self, code: Tensor | PixelCodes, prior: dict[str, float] | None = None) -> ResponseCurve:
        """The response of the photo `code` (1, 3, H, W), with family likelihoods and spread in its `facts`.

        `prior`: probability of each family before the photo is seen (`camera.exif_prior`); then it is in the `facts`
        too.
        """
        seen = self._bounded(code)
        return self._response(self._linearizer().estimate(seen, prior), prior)

    def response_evidence(self, code: Tensor | PixelCodes) -> Tensor:
        """What a photo tells of its response, (K,). The mean over photos of one camera is what they tell together."""
        return self._linearizer().gather(self._bounded(code))

    def response_from(self, evidence: Tensor, prior: dict[str, float] | None = None) -> ResponseCurve:
        """The response that `response_evidence`, or a mean of it, tells of; `prior` as in `estimate_response`."""
        return self._response(self._linearizer().conclude(evidence, prior), prior)

    def _linearizer(self) -> Linearizer:
        if self.linearize is None:
            raise ValueError(
                'this model has no stage that estimates a response; pass response="srgb", "camera" or a ResponseCurve'
            )
        return self.linearize

    def _bounded(self, code: Tensor | PixelCodes) -> Tensor:
        """The photo as the first stage looks at it, (1, 3, h, w)."""
        stage = self._linearizer()
        if not isinstance(code, PixelCodes):
            return code
        size = working_size(code.size, stage.longest_px or max(code.size))
        if stage.takes_bytes and code.even_bytes is not None and size == code.size:
            return code.planes_of_bytes()
        return shrunk_code(code, size)

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
            highlights: of what may have been there, "median" has the least error; "energy" adds up to the right amount
                of light, in the same colours.
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
            # Stage 3 mends the answer of least error. What it says of that holds for the other: their colours are the
            # same.
            correction, kept = self._corrected(replace(photo, highlights="median"))
            photo = replace(photo, correction=correction, kept=kept)
        if highlights != "energy" or not photo.panorama or self.budget is None:
            return photo
        return replace(photo, lost_light=weigh(self.budget, photo, sun))

    def _check_given_sun(self, highlights: str, panorama: bool, size: tuple[int, int]) -> None:
        """Raises ValueError: a sun was given for what cannot have one."""
        if not panorama:
            raise ValueError(
                f"a sun can only be placed in a panorama, and this picture of {size[1]} x {size[0]} was not "
                f"taken for one; "
                "pass panorama=True if it is 2:1 and goes all around, or leave sun out"
            )
        if highlights != "energy":
            raise ValueError(
                f"a sun belongs to the energy answer, and highlights is {highlights!r}; pass "
                f'highlights="energy", or leave sun out'
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
                panorama=image.declared_panorama if how.panorama is None else how.panorama,
                sun=how.sun,
                refined=image.decoded is None,
            )
            for codes in image.codes(device, copied)
        ]
        for one in prepared:
            height, width = one.codes.size
            families = one.response.facts.get("families", {})
            likely = ", ".join(f"{name} {100 * p:.0f} %" for name, p in families.items()) or one.response.name
            restored = "nothing is lost" if one.deep is None and one.correction is None else "lost light is restored"
            log.info(
                "%d x %d, response %s%s; %s", width, height, likely, ", panorama" if one.panorama else "", restored
            )
        prepared = [replace(one, strength=how.strength, max_stops=how.max_stops) for one in prepared]
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
        self._faster = {
            name: torch.compile(method, dynamic=True) for name, (_, method) in self._working_methods().items()
        }

    def record_networks(self) -> None:
        """On CUDA, launch what runs at the working resolution as one, for photos of a size that comes again.

        See `hdrrecon.networks.cuda_graphs`.
        """
        if self.linearize is not None:
            self.linearize.use_cuda_graphs()
        self._faster = {name: CudaGraphed(method, stage) for name, (stage, method) in self._working_methods().items()}

    def _working_methods(self) -> dict[str, tuple[Any, Callable]]:
        methods: dict[str, tuple[Any, Callable]] = {}
        if self.restore is not None:
            methods["look_at"] = self.restore, self.restore.look_at
        if self.refine is not None:
            methods["correct"] = self.refine, self.refine.correct
        return methods

    def steps(self, codes: PixelCodes) -> list[Step]:
        """Each step of one photo: its name, and a call that does it again with the same inputs.

        For tools that measure. Steps that this model does not have are left out.
        """
        response = self.estimate_response(codes)
        done = self.prepare(codes, response)
        whole = slice(0, codes.size[0])
        bare = replace(done, deep=None, seen=None, correction=None, kept=None)
        steps: list[Step] = [
            ("response: shrink and statistics", lambda: self.estimate_response(codes)),
            ("linearize: lookup", lambda: bare.linear(whole)),
        ]
        if self.restore is not None:
            seen = self._seen_by(self.restore, bare)
            steps += [
                ("restore: shrink and network", lambda: self._looked(bare)),
                ("restore: network alone", lambda: self._run("look_at", self.restore.look_at, bare, seen)),
            ]
        if self.refine is not None:
            half = replace(bare, deep=done.deep, seen=done.seen, highlights="median")
            shown = self._shown_to_refine(half)
            steps += [
                ("refine: light, shrink, network, kernels", lambda: self._corrected(half)),
                ("refine: network and kernels alone", lambda: self._run("correct", self.refine.correct, half, *shown)),
            ]
        return [*steps, ("compose: heads on lost pixels", lambda: done.light(whole))]

    def _looked(self, photo: PreparedPhoto) -> tuple[Enlarged, Seen]:
        """The restoring network's features, and what it was shown."""
        seen = self._seen_by(self.restore, photo)
        return self._enlarged(self._run("look_at", self.restore.look_at, photo, seen), photo), seen

    def _corrected(self, photo: PreparedPhoto) -> tuple[Enlarged, RestoredPixels | None]:
        """The refining network's correction, and what had to be restored for it."""
        photo = replace(photo, kept=restore_pixels(photo))
        shown = self._shown_to_refine(photo)
        return self._enlarged(self._run("correct", self.refine.correct, photo, *shown), photo), photo.kept

    def _seen_by(self, stage: Restorer, photo: PreparedPhoto) -> Seen:
        return seen_at(photo, _size_seen(stage, photo))

    def _shown_to_refine(self, photo: PreparedPhoto) -> tuple[Tensor, ...]:
        size = _size_seen(self.refine, photo)
        if photo.kept is not None and photo.seen is not None and tuple(photo.seen.code.shape[-2:]) == size:
            gain = photo.kept.mean_gain(photo.codes.size, size)
            return photo.seen.code, photo.seen.linear, photo.seen.linear + gain

        def maps(rows: slice) -> Tensor:
            return torch.cat([nchw(x) for x in (photo.codes.code(rows), photo.linear(rows), photo.light(rows)[0])], 1)

        return shrunk(maps, photo.codes.size, size, photo.codes.device).split(3, 1)

    def _run(self, name: str, method: Callable[..., Tensor], photo: PreparedPhoto, *inputs: Any) -> Tensor:
        """A stage at the working resolution, in the wanted precision; on the sphere, if the photo is a panorama."""
        with autocast(self.precision, photo.codes.device), Sphere() if photo.panorama else nullcontext():
            return self._faster.get(name, method)(*inputs)

    def _enlarged(self, features: Tensor, photo: PreparedPhoto) -> Enlarged:
        return Enlarged(features, photo.codes.size, (lambda x: around(x, 1, 1)) if photo.panorama else replicated)


def nchw(image: Tensor) -> Tensor:
    """(h, W, C) to (1, C, h, W), contiguous."""
    return image.permute(2, 0, 1)[None].contiguous()


def _size_seen(net: Restorer | Refiner, photo: PreparedPhoto) -> tuple[int, int]:
    if not photo.panorama:
        return working_size(photo.codes.size, net.config.working_px)
    width = working_px(net.config.working_px, photo.codes.size[1], net.multiple_of)
    return min(width // 2, photo.codes.size[0]), width
