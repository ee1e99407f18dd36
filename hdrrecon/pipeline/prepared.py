"""One photo between its response and its light.

`HDRPipeline.prepare` looks at a photo once, at a bounded resolution; what it found is kept here, and any rows of the
light can then be had, in any order, at the cost of those rows. Nothing depends on how the photo is cut: pixels are
worked on alone, and in groups of one fixed size, because the last bit of a matrix product or of an exponential may
depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from hdrrecon.camera.masks import over_mask, under_mask
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.networks.restore.features import Seen
from hdrrecon.networks.stages import Restorer
from hdrrecon.options import Highlights
from hdrrecon.pipeline.panorama_light import SURE_STOPS, PanoramaLight
from hdrrecon.pipeline.pixels import ABOVE_BLACK, OVER, PixelCodes
from hdrrecon.pipeline.resample import Enlarged
from hdrrecon.pipeline.restored_pixels import MOST_PX, RestoredPixels

GUIDED_DOUBT = 0.15  # the chance that light from a guide of a quarter of the photo's size is off by more than that
LEAST_CRUSHED = 16  # pixels; fewer black ones are noise, not a shadow to restore
# Pixels that the head is shown at once: what fits into the caches; elsewhere what is worth a launch.
GROUP_PX = {"cpu": 1 << 13}
GROUP_PX_ELSEWHERE = 1 << 18
_KEPT_AT_ONCE = 1 << 14  # pixels, once restored: what fits into the caches
_WHOLE_PX = 1 << 9  # a processor works on so many numbers, or a part of them, at once


@dataclass(frozen=True)
class PreparedPhoto:
    """A prepared photo. Rows are (h, W, C) float32, on the device of `codes`.

    Attributes:
        response: the curve that is inverted; `table` is its `PixelCodes.linear_table`.
        smooth: codes are dequantised first.
        grey: the photo has no colour, so its light gets none.
        panorama: it is one.
        head: the restoring network's `answer`, with the features it needs, or None.
        correction: of the refining network, in stops, or None.
        seen: what the restoring network was shown, at its working size, or None.
        guide: gain in stops that a guide asks for (`sensors.guided`), or None.
        lost_light: of a panorama's energy answer: what the light budget says of it, or None.
        strength: how much of what was restored is used, in [0, 1].
        max_stops: above the clip level, that light may reach, or None.
        kept: light that stage 2 gave to lost pixels already, or None.
    """

    codes: PixelCodes
    response: ResponseCurve
    table: Tensor | None
    smooth: bool = False
    grey: bool = False
    panorama: bool = False
    highlights: Highlights = "median"
    restore: Restorer | None = None
    deep: Enlarged | None = None
    correction: Enlarged | None = None
    seen: Seen | None = None
    guide: Enlarged | None = None
    lost_light: PanoramaLight | None = None
    strength: float = 1.0
    max_stops: float | None = None
    kept: RestoredPixels | None = None

    # Light that was measured may differ from `linear`, too (`classic_pipeline.ExpandedPhoto`).
    changes_all: ClassVar[bool] = False

    def linear(self, rows: slice) -> Tensor:
        """The linearised photo, (h, W, 3)."""
        return self.codes.linear(rows, self.response, self.table, self.smooth)

    def over(self, rows: slice) -> Tensor:
        """Soft mask of over-exposed channels, (h, W, 3)."""
        return over_mask(self.codes.code(rows))

    def under(self, rows: slice) -> Tensor:
        """Soft mask of under-exposed pixels, (h, W, 1)."""
        return under_mask(self.codes.code(rows), -1)

    def source(self, rows: slice) -> Tensor:
        """Where light comes from, (h, W) uint8: 0 measured, 2 inferred (`raw_stream.SOURCES`)."""
        return 2 * ((self.over(rows).amax(-1) > 0) | (self.under(rows)[..., 0] > 0)).to(torch.uint8)

    @torch.inference_mode()
    def light(self, rows: slice, confidence: bool = False) -> tuple[Tensor, Tensor | None]:
        """Radiance (h, W, 3), and confidence (h, W) if it is asked for: 1 measured, 0 invented."""
        radiance, sure = self.linear(rows), self._measured(rows) if confidence else None
        if all(part is None for part in (self.deep, self.correction, self.guide, self.lost_light)):
            return radiance, sure
        flat = radiance.view(-1, 3)
        if (
            self.kept is not None
            and self.kept.serves(self.deep, self.highlights)
            and not confidence
            and self.lost_light is None
        ):
            for index, light in self._light_of_kept(rows):
                flat.index_copy_(0, index, light)
            return radiance, sure
        for first, index in full_groups(indices := self._wanted(rows), self.codes.device):
            count = min(len(index), len(indices) - first)
            light, doubt = self._lit(rows, index, flat.index_select(0, index), confidence)
            flat.index_copy_(0, index[:count], light[:count])
            if doubt is not None:
                sure.view(-1)[index[:count]] *= 1 - doubt[:count]
        return radiance, sure

    def _light_of_kept(self, rows: slice) -> Iterator[tuple[Tensor, Tensor]]:
        """Places within `rows` of restored pixels, and their light (n, 3)."""
        width = self.codes.size[1]
        within = self.kept.within(rows, width)
        pixels, linear, light = self.kept.pixels[within], self.kept.linear[within], self.kept.light[within]
        for at in range(0, len(pixels), _KEPT_AT_ONCE):
            part = slice(at, at + _KEPT_AT_ONCE)
            index = pixels[part]
            # A whole number of vectors: the last few of a row of numbers may be computed in another way than others.
            more = (-len(index)) % _WHOLE_PX
            filled = (torch.cat([x[part], x[part][:1].expand(more, *x.shape[1:])]) for x in (pixels, linear, light))
            place, measured, restored = filled
            y, x = place // width, place % width
            done, _ = self._finished(y, x, self.codes.code_at(y, x), measured, restored, None, False)
            yield index - rows.start * width, done[: len(index)]

    def _measured(self, rows: slice) -> Tensor:
        sure = 1 - self.under(rows)[..., 0]
        judged_by_pixel = self.deep is not None or self.guide is not None
        return sure if judged_by_pixel else sure * (1 - self.over(rows).amax(-1))

    def lost(self, rows: slice) -> Tensor:
        """Indices within `rows` of the pixels that stages 2 and 3 work on, ascending."""
        return self.codes.lost(rows, self._mends_shadows)

    @property
    def _mends_shadows(self) -> bool:
        return self.correction is not None or fills_shadows(self.restore)

    def _wanted(self, rows: slice) -> Tensor:
        """Indices within `rows` of all pixels whose light is not simply what was measured."""
        if self.lost_light is None:
            return self.lost(rows)
        wanted = self.codes.lost_mask(rows, self._mends_shadows)
        return (wanted | self.lost_light.given_pixels(rows, self.codes.size, wanted.device)).nonzero()[:, 0]

    def _lit(self, rows: slice, index: Tensor, linear: Tensor, doubted: bool) -> tuple[Tensor, Tensor | None]:
        """Light (n, 3) of the pixels `index`, and, if asked for, the chance (n,) that what was restored of it is
        wrong."""
        width = self.codes.size[1]
        y, x = index // width + rows.start, index % width
        code = self.codes.code_at(y, x)
        light, doubt = self.restored(y, x, code, linear, doubted)
        return self._finished(y, x, code, linear, light, doubt, doubted)

    def restored(
        self, y: Tensor, x: Tensor, code: Tensor, linear: Tensor, doubted: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Stage 2's light (n, 3) of one group of pixels, and the chance (n,) that it is wrong, if asked for."""
        if self.deep is None:
            return linear, None
        # Channels first, (1, C, n, 1): long rows of numbers are quicker than many short ones.
        code, linear = (values.T.contiguous()[None, ..., None] for values in (code, linear))
        deep, over, doubt = self.deep.at(y, x).T[None, ..., None], over_mask(code), None
        if doubted:
            answer = self.restore.answer(code, linear, deep)
            stops, shadow = getattr(answer, self.highlights), answer.shadow
            doubt = (over.amax(1) * torch.exp(-SURE_STOPS / answer.spread[:, 0])).flatten()
        else:
            stops, shadow = self.restore.answer_one(code, linear, deep, self.highlights)
        light = linear * torch.exp2(over * self._colourless(stops))
        if fills_shadows(self.restore):
            light = light + under_mask(code) * self._colourless(shadow)
        return light[0, ..., 0].T, doubt

    def _finished(
        self, y: Tensor, x: Tensor, code: Tensor, linear: Tensor, light: Tensor, doubt: Tensor | None, doubted: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Restored light (n, 3) after all that comes behind stage 2."""
        over = over_mask(code)
        if self.correction is not None:
            mask = torch.maximum(over, under_mask(code, -1))
            light = torch.maximum(light * torch.exp2(mask * self._colourless(self.correction.at(y, x))), linear)
        if self.lost_light is not None:
            light = self.lost_light.of_pixels(light, linear, over)
            sun = self.lost_light.of_sun(y, x, code, self.codes.size)
            light = light + sun
            if doubted:
                unsure = self.lost_light.doubt * (sun.amax(1) > 0)
                doubt = unsure if doubt is None else torch.maximum(doubt, unsure)
        if self.guide is not None:
            light = torch.maximum(light * torch.exp2(over * self._colourless(self.guide.at(y, x))), linear)
            doubt = over.amax(1) * GUIDED_DOUBT if doubted else None
        if self.strength != 1:
            light = blend_in_stops(light, linear, self.strength)
        if self.max_stops is not None:
            light = light.clamp(max=2.0**self.max_stops)
        # One channel for all three: the same number in another lane of exp2 may differ in its last bit.
        return light[:, :1].expand(-1, 3) if self.grey else light, doubt

    def _colourless(self, values: Tensor) -> Tensor:
        """What came without colour gets none."""
        return values.mean(1, keepdim=True).expand_as(values) if self.grey else values


def restore_pixels(photo: PreparedPhoto) -> RestoredPixels | None:
    """Stage 2's light of all lost pixels of a photo on a CPU; None if they are too many, or their values not at
    hand."""
    codes = photo.codes
    if photo.deep is None or photo.table is None or photo.smooth or codes.device.type != "cpu":
        return None
    if not fills_shadows(photo.restore):  # stage 3 works on more pixels than stage 2
        return None
    (height, width), found, number = codes.size, [], 0
    step = max(1, (1 << 18) // width)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        found.append(photo.lost(rows) + top * width)
        number += len(found[-1])
        if number > MOST_PX:
            return None
    pixels = torch.cat(found)
    linear, light = torch.empty(number, 3), torch.empty(number, 3)
    for first, group in full_groups(pixels, codes.device):
        y, x = group // width, group % width
        stored = codes.stored_at(y, x)
        code, measured = codes.values.gather(0, stored), photo.table.gather(0, stored)
        restored, _ = photo.restored(y, x, code, measured)
        count = min(len(group), number - first)
        linear[first : first + count], light[first : first + count] = measured[:count], restored[:count]
    return RestoredPixels(pixels, linear, light, photo.deep, photo.highlights)


def full_groups(indices: Tensor, device: torch.device) -> Iterator[tuple[int, Tensor]]:
    """Indices (n,) always as many at once, and how many came before; the last are filled up with one of theirs."""
    size = GROUP_PX.get(device.type, GROUP_PX_ELSEWHERE)
    for first in range(0, len(indices), size):
        group = indices[first : first + size]
        yield first, torch.cat([group, group[:1].expand(size - len(group))])


def blend_in_stops(light: Tensor, linear: Tensor, strength: float) -> Tensor:
    """A part of the way from the linearised photo to its light, in stops; `strength` 0 gives the first, 1 the
    second."""
    dark = linear < 1e-6  # no stops lead from black to light
    between = linear * (light / linear.clamp(min=1e-6)) ** strength
    return torch.where(dark, linear + strength * (light - linear), between)


def fills_shadows(restore: Restorer | None) -> bool:
    """Whether a restoring network has light for crushed pixels; a network that has none says so."""
    return restore is not None and restore.fills_shadows


def something_missing(codes: PixelCodes, shadows: bool, band_rows: int) -> bool:
    """True if a pixel is over-exposed; or, where `shadows` can be filled, if at least LEAST_CRUSHED pixels are crushed:
    brightest channel at code 0 or 1 of 255."""
    crushed = 0
    for top in range(0, codes.size[0], band_rows):
        flags = codes.flags(slice(top, min(top + band_rows, codes.size[0])))
        if bool(((flags & OVER) > 0).any()):
            return True
        if shadows:
            crushed += int(((flags & ABOVE_BLACK) == 0).sum())
            if crushed >= LEAST_CRUSHED:
                return True
    return False
