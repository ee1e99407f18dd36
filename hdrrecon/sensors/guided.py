"""A prepared photo whose lost light has the brightness of a guide (`hdrrecon.sensors.guide`).

The guide is fitted at a bounded size; what is kept is a gain in stops, enlarged like a correction of stage 3, so light
can still be had by rows, and light that was measured does not change.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from hdrrecon.networks.working_resolution import working_size
from hdrrecon.pipeline.pipeline import nchw
from hdrrecon.pipeline.prepared import PreparedPhoto
from hdrrecon.pipeline.resample import Enlarged, replicated, shrunk
from hdrrecon.sensors.guide import as_guide, guided
from hdrrecon.sensors.guide_fit import fit_guide

LONGEST_PX = 1024  # at which a guide is compared with the photo


class GuideWarning(UserWarning):
    """A guide was not used; the message says why."""


@torch.inference_mode()
def with_guide(
    photo: PreparedPhoto, guide: np.ndarray | Tensor | str | os.PathLike, *, network: bool = False
) -> PreparedPhoto:
    """The same photo, its clipped light as bright as the guide says.

    Args:
        photo: as `HDRPipeline.prepare` gives it.
        guide: small HDR picture of the same view, see `sensors.guide.as_guide`; or the path of one.
        network: let a small network mend what the fusion gives: a little better for noisy guides, worse for exact ones.

    Returns:
        `photo` itself if nothing is clipped, or if the guide does not show the same scene.

    Raises:
        ValueError: a guide that is none, see `as_guide`.

    Warns:
        GuideWarning: if the guide is not used.
    """
    size, device = photo.codes.size, photo.codes.device
    if isinstance(guide, (str, os.PathLike)):
        from hdrrecon import io

        guide = io.read(str(guide))[..., :3]
    small = as_guide(guide, size)

    def maps(rows: slice) -> Tensor:
        return torch.cat([nchw(x) for x in (photo.codes.code(rows), photo.linear(rows), photo.light(rows)[0])], 1)

    def masks(rows: slice) -> Tensor:
        return nchw(photo.over(rows))

    to = working_size(size, LONGEST_PX)
    lost = shrunk(masks, size, to, device).cpu()
    if not (lost > 0).any():
        return photo
    code, linear, light = shrunk(maps, size, to, device).cpu().split(3, 1)
    fit = fit_guide(light, lost, small)
    if not fit.used:
        warnings.warn(f"the guide is not used: {fit.reason}", GuideWarning)
        return photo
    seen = guided(light, lost, small, fit)
    stops = seen.stops
    if network:
        from hdrrecon import zoo

        before = seen.light(light, linear, lost)
        stops = stops + zoo.load("guide-net")(light, before, lost, seen.guide, seen.present, code)
    return replace(photo, guide=Enlarged(stops.to(device), size, replicated))
