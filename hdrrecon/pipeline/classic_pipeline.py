"""The classic expansion operators (`pipeline.classic`) in the place of a model: `model="classic:NAME"`.

An operator looks at the whole photo and may change all of it, so two promises of `HDRPipeline` do not hold: light that
did not clip may differ from `linear`, and may be darker than it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fnmatch import fnmatch
from typing import Any, ClassVar

import torch
from torch import Tensor

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.options import UsageError
from hdrrecon.pipeline.classic import CLASSIC, PREFIX
from hdrrecon.pipeline.pipeline import HDRPipeline
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.prepared import PreparedPhoto, blend_in_stops


def list_classic(pattern: str = "*") -> list[str]:
    """Names of the classic operators as models, "classic:NAME", matching a shell pattern."""
    return [PREFIX + name for name in CLASSIC if fnmatch(PREFIX + name, pattern)]


@dataclass(frozen=True)
class ExpandedPhoto(PreparedPhoto):
    """A prepared photo whose light a classic operator made.

    Attributes:
        expanded: (H, W, 3) float32 light of the whole photo, on the device of `codes`.
    """

    expanded: Tensor | None = None

    changes_all: ClassVar[bool] = True

    def __post_init__(self):
        if self.guide is not None:
            raise UsageError("a classic operator takes no guide; use a model of hdrrecon.list_models(), or no guide")

    @torch.inference_mode()
    def light(self, rows: slice, confidence: bool = False) -> tuple[Tensor, Tensor | None]:
        """Radiance (h, W, 3), and confidence (h, W) if it is asked for: 1 where the photo measured, 0 where it
        clipped. It judges the photo's codes, not what the operator made of them."""
        assert self.expanded is not None
        light = self.expanded[rows]
        if self.strength != 1:
            light = blend_in_stops(light, self.linear(rows), self.strength)
        if self.max_stops is not None:
            light = light.clamp(max=2.0**self.max_stops)
        return light, self._measured(rows) if confidence else None


class ClassicPipeline(HDRPipeline):
    """A classic operator behind the sRGB curve, no weights. Used as any other pipeline.

    The operators were made for photos of unknown cameras, shown through sRGB: that curve is inverted unless a response
    is given. Light of `landis_2002`, `inverse_reinhard` and `kovaleski_oliveira_2014` keeps the unit of the photo, 1.0
    = the clip level. `akyuz_2007`, `huo_2014` and `masia_2017` rescale everything; their light is scaled such that the
    median mid-tone stays where it was, so 1.0 is the clip level only as far as mid-tones say (`classic.anchored`).

    The operator runs on the CPU, in float64, on the whole photo: `memory` does not bound it. It knows nothing of
    panoramas, and `highlights` changes nothing. For a photo that carries its raw (`pipeline.raw_stream`) only what the
    sensor lost comes from the operator.

    Args:
        name: a key of `classic.CLASSIC`, without "classic:".

    Raises:
        UsageError: naming the operators there are.
    """

    def __init__(self, name: str):
        super().__init__(None, None)
        if name not in CLASSIC:
            raise UsageError(f"no classic operator {name!r}; there are: {', '.join(list_classic())}")
        self.name = name

    def __repr__(self) -> str:
        return f"ClassicPipeline({self.name!r})"

    @torch.inference_mode()
    def prepare(
        self,
        codes: PixelCodes,
        response: ResponseCurve | None = None,
        prior: dict[str, float] | None = None,
        **options: Any,
    ) -> ExpandedPhoto:
        """As `HDRPipeline.prepare`, with its options; a response of None is the sRGB curve."""
        photo = super().prepare(codes, response or ResponseCurve.srgb(), prior, **options)
        linear = photo.linear(slice(0, codes.size[0]))
        light = torch.from_numpy(CLASSIC[self.name](linear.cpu().numpy())).to(linear.device)
        return ExpandedPhoto(**{f.name: getattr(photo, f.name) for f in fields(photo)}, expanded=light)
