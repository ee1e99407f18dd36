"""From file to file without ever holding all of the light: decode once, look once, then reconstruct and write band by
band."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hdrrecon.io.exif_attributes import exif_attributes
from hdrrecon.io.exr import HALF_MAX
from hdrrecon.io.exr_extras import light_attribute, response_attribute
from hdrrecon.io.photo import ULTRA_HDR_SUFFIXES
from hdrrecon.io.rows import BY_ROWS, row_writer
from hdrrecon.io.write import check_options, write
from hdrrecon.networks.working_resolution import working_size
from hdrrecon.options import ReconstructOptions, WriteOptions
from hdrrecon.pipeline.bands import band_rows, in_bands
from hdrrecon.pipeline.inputs import InputImage, in_rec709, ingest, unit
from hdrrecon.pipeline.resample import shrunk

if TYPE_CHECKING:
    import torch

    from hdrrecon.pipeline.pipeline import HDRPipeline
    from hdrrecon.pipeline.prepared import PreparedPhoto

PREVIEW_PX = 960


@dataclass
class LightFacts:
    """What changed, for people: gathered band by band."""

    pixels: int = 0
    restored: int = 0  # pixels whose light is not the linearised photo's
    brightest: float = 0.0  # 1.0 = the clip level
    changes_all: bool = False  # also measured light may have been changed, by a classic operator

    def add(self, light: torch.Tensor, linear: torch.Tensor) -> None:
        """Count a band: light (h, W, 3) and the linearised photo."""
        self.pixels += light[..., 0].numel()
        self.restored += int((light != linear).any(-1).sum())
        self.brightest = max(self.brightest, float(light.max()))

    def sentence(self) -> str:
        """One line."""
        share, stops = 100 * self.restored / max(self.pixels, 1), math.log2(max(self.brightest, 1e-9))
        if self.changes_all:
            return (
                f"the operator changed the light of {share:.1f} % of the photo; brightest light {stops:+.1f} stops "
                "from the clip level"
            )
        if not self.restored:
            return "nothing clipped: all light is measured"
        return (
            f"{share:.1f} % of the photo was lost and is restored; brightest light {stops:+.1f} stops above the "
            f"clip level"
        )


def write_reconstruction(
    pipeline: HDRPipeline,
    device: torch.device,
    source: str | Path | InputImage,
    target: Path,
    how: ReconstructOptions,
    written: WriteOptions,
    *,
    confidence: bool = False,
    preview: str | Path | None = None,
    tell: Callable[[LightFacts], None] | None = None,
    changed: Callable[[PreparedPhoto], PreparedPhoto] | None = None,
) -> Path:
    """Reconstruct one photo into a file.

    Args:
        pipeline: on `device`.
        source: a photo, or what `ingest` made of one (decoded ahead, in another thread).
        target: its extension chooses the format. An .exr gets the response as an attribute in any case, and a panorama
            is marked as one.
        how: the options of the light. Formats that are made whole need all of it at once.
        written: the options of the file.
        confidence: add it as a channel (.exr only).
        preview: also write an exposure strip there, before the result.
        tell: called with what the light is like, once all of it was made.
        changed: gives the prepared photo that is written, for example with a guide (`sensors.guided`).

    Raises:
        As `hdrrecon.reconstruct` and `hdrrecon.write`.
    """
    photo = source if isinstance(source, InputImage) else ingest(source)
    if photo.stored.shape[0] != 1:
        raise ValueError(f"one photo makes one file, got a batch of {photo.stored.shape[0]}")
    extension = target.suffix.lower()
    if extension in ULTRA_HDR_SUFFIXES and written.base is None and not isinstance(source, InputImage):
        written = replace(written, base=source)
    options: dict[str, Any] = dict(written.keywords())
    checked = {name: value for name, value in options.items() if name not in ("dtype", "compression")}
    check_options(target, **checked, confidence=confidence or None)
    height, width = photo.stored.shape[1:3]
    size = (height, width)
    held_light = 0 if extension in BY_ROWS else 12
    held = photo.stored.nbytes + held_light * height * width
    rows = band_rows(size, how.memory_bytes, held, device)
    (one,) = pipeline.prepare_input(photo, how, device)
    if changed is not None:
        one = changed(one)
    if one.panorama and how.panorama is None:
        why = "its file says so" if photo.declared_panorama else "its edges go on into each other"
        warnings.warn(
            f"{target.name}: taken for a panorama, all around: {why}; if it is none, say so (panorama=False, "
            f"--no-panorama)",
            stacklevel=2,
        )
    elif photo.gpano is not None and not one.panorama and how.panorama is None:
        warnings.warn(
            f"{target.name}: a part of a panorama ({photo.gpano.projection}); it is treated like any picture, and its "
            "edges are not joined",
            stacklevel=2,
        )
    new_preview = preview is not None and not Path(preview).exists()
    if preview is not None:  # first: a result that exists then has its strip, so that a later run may skip it
        write_preview(Path(preview), photo, one)
    if extension == ".exr":
        options["attributes"] = {
            **exif_attributes(photo.exif),
            **(written.attributes or {}),
            **response_attribute(one.response),
        }
        options.setdefault("envmap", "latlong" if one.panorama else None)
        if one.panorama and photo.gpano is not None and photo.gpano.heading_deg is not None:
            options["attributes"]["poseHeadingDegrees"] = float(photo.gpano.heading_deg)
        if one.lost_light is not None:
            options["attributes"] |= light_attribute(one.lost_light.estimate.as_dict())
            if one.lost_light.brightest > HALF_MAX:  # a sun does not fit into half floats
                options["dtype"] = "float"

    facts = LightFacts(changes_all=one.changes_all)

    def reconstructed(band: slice) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        light, sure = one.light(band, confidence)
        if tell is not None:
            facts.add(light, one.linear(band))
        alpha = None if photo.alpha is None else unit(photo.alpha[0, band]).numpy()
        return in_rec709(light, photo.to_rec709).cpu().numpy(), alpha, None if sure is None else sure.cpu().numpy()

    bands = in_bands(size[0], rows, reconstructed)
    try:
        if extension in BY_ROWS:
            with row_writer(target, size, alpha=photo.alpha is not None, confidence=confidence, **options) as writer:
                for _, parts in bands:
                    writer.write(*parts)
        else:
            light, alpha = np.empty((*size, 3), np.float32), None if photo.alpha is None else np.empty(size, np.float32)
            for band, (part, alpha_part, _) in bands:
                light[band] = part
                if alpha is not None:
                    alpha[band] = alpha_part
            write(target, light, alpha=alpha, **options)
        if tell is not None:
            tell(facts)
        return target
    except BaseException:
        if preview is not None and new_preview:  # a strip without its result would look like one
            Path(preview).unlink(missing_ok=True)
        raise


def write_preview(path: Path, photo: InputImage, one: PreparedPhoto) -> None:
    """An exposure strip of the light over one of the linearised photo, at a bounded size."""
    from hdrrecon.view.picture import write_picture
    from hdrrecon.view.strip import exposure_strip

    size = one.codes.size

    def nchw(light):
        return in_rec709(light, photo.to_rec709).permute(2, 0, 1)[None].contiguous()

    def small(part):
        return (
            shrunk(lambda rows: nchw(part(rows)), size, working_size(size, PREVIEW_PX), one.codes.device)[0]
            .permute(1, 2, 0)
            .cpu()
            .numpy()
        )

    write_picture(path, exposure_strip(small(lambda rows: one.light(rows)[0]), compare=small(one.linear)))
