"""Photos that carry their raw (`hdrrecon.rawcodec`): light is decoded, and only what the sensor lost is inferred.

Stage 1 has nothing to do: the decoded raw is linear. Stage 2 sees only pixels where the sensor itself clipped; stage 3
is left out. Everything else of the pipeline stays as it is.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hdrrecon.camera.masks import CLIP_CODE, OVER_START

if TYPE_CHECKING:
    from torch import Tensor

    from hdrrecon.pipeline.inputs import InputImage
    from hdrrecon.pipeline.prepared import PreparedPhoto

SOURCES = ("measured", "decoded", "inferred")
SENSOR_CLIPS = 0.98  # of the sensor's range
_MOST_LOWERED = 0.06  # of that range, where light was coded coarsely
_SURE_STOPS = 0.25  # as of invented light, see prepared.SURE_STOPS


@dataclass(frozen=True)
class DecodedLight:
    """What a raw stream gave, upright, as tensors on the CPU.

    Attributes:
        light: (H, W, 3) white balanced light in camera primaries, 1.0 = the least gained channel's clip level.
        clipped: (H, W) bool, the sensor clipped there.
        shown: (H, W) bool, the JPEG did not clip there: its code and the stream agree on the light.
        confidence: (H, W) the chance that the brightness is right to a quarter of a stop.
    """

    light: Tensor
    clipped: Tensor
    shown: Tensor
    confidence: Tensor


def decoded_input(path: str | Path, photo: InputImage) -> InputImage:
    """The photo with its decoded raw in place of its codes; as it is, where there is no stream that fits.

    Warns:
        StreamWarning: there is a stream, but it does not belong to this picture or is damaged: light is inferred then.
    """
    import torch

    from hdrrecon import rawcodec
    from hdrrecon.color import linear_to_srgb
    from hdrrecon.io.orientation import orientation_of, upright
    from hdrrecon.rawcodec import StreamError, StreamWarning
    from hdrrecon.rawcodec.codec import jpeg_pixels
    from hdrrecon.rawcodec.description import Description, fitted_description, jpeg_white

    data = Path(path).read_bytes()
    try:
        stream = rawcodec.find_stream(path, data)
        found = rawcodec.decode_full(data, stream)
        pixels = jpeg_pixels(data)
        facts = Description.parse(found.description)
        if facts is None:
            facts = fitted_description(found.raw, pixels)
            facts = replace(
                facts, jpeg_white=jpeg_white(found.raw, pixels, facts), orientation=orientation_of(photo.exif)
            )
    except StreamError as reason:
        warnings.warn(f"{path}: {reason}; its raw stream is not used", StreamWarning, stacklevel=2)
        return photo
    gains = np.asarray(facts.gains, np.float32) / np.float32(min(facts.gains))
    raw = np.ascontiguousarray(upright(found.raw, facts.orientation))
    error = np.repeat(np.repeat(found.error, 8, 0), 8, 1)[: found.raw.shape[0], : found.raw.shape[1]]
    error = np.ascontiguousarray(upright(error, facts.orientation))
    at_clip = _at_clip(raw, error)
    clipped = at_clip.any(-1)
    light = raw * gains
    # A clipped channel is at least as bright as the others: without this, balanced white would turn magenta.
    light = np.where(at_clip, light.max(-1, keepdims=True), light)
    # Codes for stage 2: only what the sensor clipped may look clipped.
    code = np.minimum(np.clip(linear_to_srgb(np.minimum(light, 1)), 0, 1), np.float32(OVER_START))
    code[clipped] = np.where(light[clipped] >= 1 - 1e-6, 1, code[clipped])
    code[clipped & (code.max(-1) < 1)] = 1
    sure = _confidence(error, raw)
    shown = np.ascontiguousarray(upright(pixels.max(-1), facts.orientation) < CLIP_CODE)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array))

    decoded = DecodedLight(tensor(light), tensor(clipped), tensor(shown), tensor(sure))
    matrix = np.asarray(facts.to_rec709, float) * (min(facts.gains) / facts.jpeg_white)
    stored = tensor(code.astype(np.float32))[None]
    return replace(photo, stored=stored, values=None, to_rec709=matrix, deep=True, response="srgb", decoded=decoded)


def _at_clip(raw: np.ndarray, error: np.ndarray) -> np.ndarray:
    """(H, W, 3) bool, channels that the sensor clipped. The coded error would leave holes: it lowers the level, and a
    median closes what is left."""
    import cv2

    linear_error = 2 * np.sqrt(np.float32(SENSOR_CLIPS)) * error[..., None]
    level = SENSOR_CLIPS - np.minimum(2 * linear_error, _MOST_LOWERED)
    mask = (raw >= level).astype(np.uint8)
    return np.stack([cv2.medianBlur(mask[..., c].copy(), 5) for c in range(3)], -1).astype(bool) | np.asarray(
        raw >= SENSOR_CLIPS
    )


def _confidence(error: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """From expected error in the stabilised domain: P(|error in stops| < 1/4), for a normal error."""
    from scipy.special import erf

    from hdrrecon.rawcodec.domain import OFFSET

    stops = 2 * error / (np.sqrt(raw.mean(-1) + np.float32(OFFSET)) * np.float32(math.log(2)))
    return erf(_SURE_STOPS / np.maximum(stops * np.float32(math.sqrt(2)), 1e-6)).astype(np.float32)


class DecodedPhoto:
    """A `PreparedPhoto` whose light is decoded where the sensor did not clip. Rows are those of `PreparedPhoto`."""

    def __init__(self, prepared: PreparedPhoto, decoded: DecodedLight):
        self._prepared, self._decoded = prepared, decoded

    def __getattr__(self, name: str):
        return getattr(self._prepared, name)

    def linear(self, rows: slice) -> Tensor:
        """Decoded light, (h, W, 3)."""
        return self._decoded.light[rows].to(self._prepared.codes.device)

    def light(self, rows: slice, confidence: bool = False) -> tuple[Tensor, Tensor | None]:
        """Decoded light; where the sensor clipped, what stage 2 restored, never darker than the sensor's clip level."""
        import torch

        linear = self.linear(rows)
        restored, doubted = self._prepared.light(rows, confidence)
        clipped = self._decoded.clipped[rows].to(linear.device)
        out = torch.where(clipped[..., None], torch.maximum(restored, linear), linear)
        if not confidence:
            return out, None
        return out, torch.where(clipped, doubted, self._decoded.confidence[rows].to(linear.device))

    def source(self, rows: slice) -> Tensor:
        """(h, W) index into `SOURCES`."""
        import torch

        shown, clipped = self._decoded.shown[rows], self._decoded.clipped[rows]
        return torch.where(clipped, 2, torch.where(shown, 0, 1)).to(torch.uint8)
