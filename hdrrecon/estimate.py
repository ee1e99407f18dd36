"""What `hdrrecon.estimate_response` does: a photo in, its camera response out, with what that is based on."""

from __future__ import annotations

from dataclasses import replace

from hdrrecon.camera.evidence import confidence, varied_levels
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.zoo import DEFAULT_MODEL


def estimate_response(image, *, model: str = DEFAULT_MODEL, device: str = "auto", network=None, exif: bool = True):
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
        likelihood), `spread` (1024,) standard deviation of the inverse curve, `confidence` (0: the photo told nothing, 1: it
        left no doubt), and `evidence`: the `size` in pixels, the shares `clipped` and `crushed`, `codes`, the number of
        occupied ones of 256, and `levels`, how many equally frequent ones would be as varied. `prior` (name -> probability)
        is there where EXIF said something.

    Raises:
        TypeError, ValueError: an image that is none of these, or a model without a first stage.
        hdrrecon.io.ReadError: a file that cannot be read.
    """
    from hdrrecon.pipeline.build import build_pipeline, pick_device
    from hdrrecon.pipeline.inputs import ingest
    from hdrrecon.pipeline.pipeline import HDRPipeline

    photo = ingest(image)
    pipeline = HDRPipeline(network, None) if network is not None else build_pipeline(model)
    pipeline = pipeline.to(pick_device(device)).eval()
    curves: list[ResponseCurve] = []
    for codes in photo.codes(pick_device(device)):
        curve = pipeline.estimate_response(codes, photo.prior if exif else None)
        seen = evidence(codes)
        sure = confidence(curve.facts["spread"], seen["levels"])
        curves.append(replace(curve, facts={**curve.facts, "confidence": sure, "evidence": seen}))
    return curves if photo.restorer.batch else curves[0]


def evidence(codes) -> dict:
    """What a photo (`hdrrecon.pipeline.pixels.PixelCodes`) offers to an estimate; see `estimate_response`."""
    import torch

    from hdrrecon.camera.masks import OVER_FULL, UNDER_START
    from hdrrecon.pipeline.bands import in_bands
    from hdrrecon.pipeline.resample import BAND_PX

    height, width = codes.size
    counts, clipped, crushed = torch.zeros(256, dtype=torch.long, device=codes.device), 0, 0
    for _, code in in_bands(height, max(1, BAND_PX // width), codes.code):
        counts += torch.bincount((code * 255).round().int().flatten(), minlength=256)
        brightest = code.amax(-1)
        clipped += int((brightest >= OVER_FULL).sum())
        crushed += int((brightest < UNDER_START).sum())

    def share(count):
        return count / (height * width)

    return {
        "size": (height, width),
        "clipped": share(clipped),
        "crushed": share(crushed),
        "codes": int((counts > 0).sum()),
        "levels": varied_levels(counts.tolist()),
    }
