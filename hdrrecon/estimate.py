"""What `hdrrecon.estimate_response` does: a photo in, its camera response out, with what that is based on."""

from __future__ import annotations

from typing import Any

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.zoo import DEFAULT_MODEL


def estimate_response(
    image: Any, *, model: str = DEFAULT_MODEL, device: str = "auto", network: Any = None, exif: bool = True
) -> ResponseCurve | list[ResponseCurve]:
    """Estimate the camera response of one photo.

    Args:
        image: as for `hdrrecon.reconstruct`: path, numpy array, torch tensor or PIL image.
        model: one of `hdrrecon.list_models()`; its first stage answers.
        device: "auto" or a torch device.
        network: a first stage of your own (`networks.LinearizationNet`, `networks.CrfNet`, from `zoo.load_file`)
            in the place of the model's.
        exif: let what EXIF says about the origin of a file (or PIL image) weigh in (`camera.exif_prior`).

    Returns:
        ResponseCurve, or a list of them for a tensor of several photos. Its `facts` hold `families` (name ->
        likelihood), `spread` (1024,), half the width of a band around the inverse curve that should hold the true one
        over 68 % of the codes, `confidence` (0: the photo told nothing, 1: it left no doubt), and `evidence`: the
        `size` in pixels, the shares `clipped` and `crushed`, `codes`, the number of occupied ones of 256, `levels`, how
        many equally frequent ones would be as varied, and `brightest`, the code in [0, 1] that the brightest pixels
        reach. `prior` (name -> probability) is there where EXIF said something.

    Raises:
        TypeError, ValueError: an image that is none of these, or a model without a first stage.
        hdrrecon.io.ReadError: a file that cannot be read.
    """
    from hdrrecon.pipeline.build import build_pipeline, pick_device
    from hdrrecon.pipeline.inputs import ingest
    from hdrrecon.pipeline.pipeline import HDRPipeline
    from hdrrecon.pipeline.response import estimate_with

    place = pick_device(device)
    pipeline = HDRPipeline(network, None) if network is not None else build_pipeline(model)
    return estimate_with(pipeline.to(place).eval(), ingest(image), place, exif)
