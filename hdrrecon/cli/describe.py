"""What `hdrrecon info` says about a photo, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hdrrecon.camera.exif_prior import family_prior
from hdrrecon.camera.masks import OVER_FULL, OVER_START, UNDER_START
from hdrrecon.cli.response_report import short_lines
from hdrrecon.io import Photo, read_photo
from hdrrecon.io.orientation import orientation_of
from hdrrecon.rawcodec.files import summary


def describe(path: str | Path, model: str | None = None) -> Iterator[str]:
    """Lines about a photo: the file, its clipping, its estimated response, and what `hdrrecon run` would do.

    Args:
        path: a photo.
        model: whose response estimate to use; None is the default model.

    Raises:
        As `hdrrecon.io.read_photo`; UsageError for an unknown model.
    """
    photo = read_photo(path)
    yield f"{path}"
    yield from file_lines(photo)
    if (stream := summary(path)) is not None:
        yield f"raw       stream {stream}"
    if photo.linear:
        peak = float(photo.pixels.max())
        yield (
            f"light     linear already, brightest {peak:.4g} ({np.log2(max(peak, 1e-9)):+.1f} stops); there is "
            f"no camera to invert"
        )
        return
    yield from clipping_lines(photo.pixels)
    if photo.response:
        yield "response  none: raw light is linear; nothing is estimated, only what clipped is restored"
        return
    yield from response_lines(photo.pixels, model, family_prior(photo.exif))


def file_lines(photo: Photo) -> Iterator[str]:
    """Size, depth, colour, orientation."""
    megapixels = photo.width * photo.height / 1e6
    depth = "float" if photo.bits == 32 else f"{photo.bits} bits"
    alpha = ", alpha" if photo.alpha is not None else ""
    yield f"size      {photo.width} x {photo.height} ({megapixels:.2f} MP), {depth} per channel{alpha}"
    matrix = "" if np.allclose(photo.to_rec709, np.eye(3), atol=1e-3) else ", converted to Rec.709"
    space = "of the raw camera" if photo.response else photo.icc_name or "no profile, taken as sRGB"
    yield f"colour    {space}{matrix}"
    turned = orientation_of(photo.exif)
    yield f"upright   EXIF orientation {turned}{' (applied)' if turned != 1 else ''}"


def clipping_lines(code: np.ndarray) -> Iterator[str]:
    """Shares of clipped and of nearly black pixels of code values (H, W, 3) in [0, 1]."""

    def share(mask):
        return f"{100 * np.mean(mask):.2f} %"

    clipped = code >= OVER_FULL
    channels = "  ".join(f"{name} {share(clipped[..., i])}" for i, name in enumerate("RGB"))
    yield (
        f"clipped   {channels}  any {share(clipped.any(-1))}  all three {share(clipped.all(-1))} "
        f"(code {round(255 * OVER_FULL)} of 255 and up)"
    )
    yield (
        f"black     {share(code.max(-1) < UNDER_START)} of the pixels below code {round(255 * UNDER_START)} in "
        f"every channel"
    )


def response_lines(code: np.ndarray, model: str | None, prior: dict[str, float] | None = None) -> Iterator[str]:
    """The estimated response, given `prior` over the families, and what the default call would do with the photo."""
    from hdrrecon.pipeline.build import build_pipeline
    from hdrrecon.pipeline.classic import PREFIX
    from hdrrecon.pipeline.inputs import to_nchw
    from hdrrecon.zoo import DEFAULT_MODEL, list_models

    if model is None and DEFAULT_MODEL not in list_models():
        yield "response  not estimated: no weights are installed"
        return
    pipeline = build_pipeline(model or DEFAULT_MODEL)
    if (model or "").startswith(PREFIX):
        yield "response  not estimated: a classic operator inverts the sRGB curve, unless --response names another"
        yield f"run       would linearise the photo and let {model} brighten it; light that did not clip may change"
        return
    if pipeline.linearize is None:
        yield "response  not estimated: this model has no stage for it; run with --response srgb or --response camera"
    else:
        response = pipeline.estimate_response(to_nchw(code), prior)
        yield from short_lines(response, prior)
    touched = 100 * np.mean((code > OVER_START).any(-1))
    if touched == 0:
        yield "run       would linearise the photo; nothing is clipped"
    elif pipeline.restore is None:
        yield "run       would linearise the photo and restore nothing: this model has no stage for it"
    else:
        yield (
            f"run       would linearise the photo and restore light in {touched:.2f} % of the pixels; the others "
            f"stay as measured"
        )
